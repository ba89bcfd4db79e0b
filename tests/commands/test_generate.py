import re
import sys
from pathlib import Path

import pytest
from command_line import Charloom, start_process
from networks import make_vocabulary
from records import folder

from charloom.model import Model
from charloom.settings import NetworkSettings, TextSettings


def test_texts_are_those_of_the_library(charloom: Charloom, model: Path) -> None:
    done = charloom(
        "generate", model, "bad", "face", "-n", 3, "--temperature", 1.2, "--seed", 5, "--length", 9
    )
    loaded = Model.load(model)
    expected = [
        text
        for prompt in ("bad", "face")
        for text in loaded.generate(prompt, n=3, temperature=1.2, seed=5, length=9)
    ]
    assert (done.code, done.out, done.err) == (0, "".join(f"{t}\n" for t in expected), "")


def test_defaults_are_the_empty_prompt_and_temperature_0_8(charloom: Charloom, model: Path) -> None:
    done = charloom("generate", model, "--seed", 3)
    assert done.out == Model.load(model).generate(seed=3)[0] + "\n"


def test_greedy_is_temperature_0(charloom: Charloom, model: Path) -> None:
    greedy = charloom("generate", model, "a", "--greedy", "--length", 20)
    assert greedy.out == Model.load(model).generate("a", temperature=0, length=20)[0] + "\n"
    assert greedy.out == charloom("generate", model, "a", "--temperature", 0, "--length", 20).out


def test_greedy_and_a_temperature_are_refused(charloom: Charloom, model: Path) -> None:
    done = charloom("generate", model, "--greedy", "--temperature", 0.5)
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "charloom: --greedy and --temperature 0.5 contradict each other; give one of them.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--temperature", "-1"], "temperature is -1.0; it must be a number of at least 0."),
        (["--temperature", "nan"], "temperature is nan; it must be a number of at least 0."),
        (["--length", "0"], "length is 0; it must be a number of at least 1."),
        (["--stop", ""], "a stop string is empty; give at least one character."),
        (["--format", "xml"], "format is 'xml'; allowed: text, jsonl."),
        (
            ["--stream", "--format", "jsonl"],
            "--stream and --format jsonl contradict each other; give one of them.",
        ),
    ],
)
def test_options_out_of_range_are_refused(
    charloom: Charloom, model: Path, arguments: list[str], message: str
) -> None:
    done = charloom("generate", model, *arguments)
    assert (done.code, done.out, done.err) == (2, "", f"charloom: {message}\n")


def test_each_json_line_has_the_seed_that_reproduces_its_text(
    charloom: Charloom, model: Path
) -> None:
    done = charloom("generate", model, "bad", "-n", 4, "--length", 30, "--format", "jsonl")
    assert (done.code, done.err, len(done.records)) == (0, "", 4)
    for record in done.records:
        again = charloom("generate", model, "bad", "--seed", record["seed"], "--length", 30)
        assert again.out == record["text"] + "\n"
        assert record["prompt"] == "bad"
        assert record["stopped"] in ("eos", "length")
        assert record["bits"] > 0
        # The boundary at the end of a text counts as a symbol.
        added = len(record["text"]) - len("bad") + (record["stopped"] == "eos")
        assert record["symbols"] == added


def test_a_seed_left_out_is_a_new_one(charloom: Charloom, model: Path) -> None:
    # Each is below 2**32: two of three agree less than once in 1e9 runs.
    seeds = [charloom("generate", model, "--format", "jsonl").records[0]["seed"] for _ in range(3)]
    assert len(set(seeds)) == 3


def test_streaming_writes_the_same_texts(charloom: Charloom, model: Path) -> None:
    arguments = ("generate", model, "a", "b", "-n", 3, "--seed", 2, "--length", 40)
    assert charloom(*arguments, "--stream").out == charloom(*arguments).out


def test_more_texts_than_are_drawn_at_once(charloom: Charloom, model: Path) -> None:
    done = charloom("generate", model, "-n", 300, "--seed", 2, "--length", 3)
    expected = Model.load(model).generate(n=300, seed=2, length=3)
    assert done.out.splitlines() == expected


def test_too_few_seeds_are_refused_before_the_first_text(charloom: Charloom, model: Path) -> None:
    done = charloom("generate", model, "-n", 300, "--seed", 2**63 - 1)
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "charloom: seed is 9223372036854775807, and each of 300 texts takes the next one; "
        "it must be at most 9223372036854775508.\n"
    )
    assert charloom("generate", model, "--seed", 2**63 - 1).code == 0


def test_the_number_of_threads_does_not_change_a_text(tmp_path: Path) -> None:
    # Large enough for matrix products on several threads.
    wide = folder(tmp_path / "wide", network=NetworkSettings(hidden=512, layers=2, input=64))
    texts = []
    for threads in ("1", "4"):
        arguments = ("generate", wide, "bad", "-n", "40", "--seed", "3", "--length", "60")
        process = start_process(*arguments, OMP_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads)
        out, err = process.communicate()
        assert (process.returncode, err) == (0, b"")
        texts.append(out)
    assert texts[0] == texts[1]
    assert len(texts[0].split(b"bad")) > 40


def test_a_text_ends_before_a_stop_string(charloom: Charloom, model: Path) -> None:
    whole = Model.load(model).generate("a", seed=1, length=60)[0]
    stop = whole[10:12]
    done = charloom("generate", model, "a", "--seed", 1, "--length", 60, "--stop", stop)
    assert done.out == whole[: whole.index(stop, 1)] + "\n"


def test_a_label_unrolls_another_text(charloom: Charloom, labelled: Path) -> None:
    for label in ("World", "Sports"):
        done = charloom("generate", labelled, "--label", label, "--seed", 1, "--format", "jsonl")
        [record] = done.records
        assert record["text"] == Model.load(labelled).generate(seed=1, label=label)[0]
        assert record["label"] == label
    done = charloom("generate", labelled, "--label", "Opera")
    assert done.code == 2
    assert done.err == (
        "charloom: label 'Opera' is not known to this model; known labels: World, Sports.\n"
    )


def test_unknown_symbols_of_prompts_are_noted(charloom: Charloom, model: Path) -> None:
    done = charloom("generate", model, "aX", "bYX", "--length", 4)
    assert done.code == 0
    assert done.err == (
        'charloom: the model does not know "X", "Y": <unk> is fed in their place.\n'
    )
    assert [line[: len(p)] for line, p in zip(done.out.splitlines(), ("aX", "bYX"), strict=True)]
    many = charloom("generate", model, "KLMNOPQRSTU", "--length", 4).err
    assert many == (
        'charloom: the model does not know "K", "L", "M", "N", "O", "P", "Q", "R" and 3 more: '
        "<unk> is fed in their place.\n"
    )


def test_a_prompt_is_cleaned_as_the_training_text_was(charloom: Charloom, tmp_path: Path) -> None:
    cleaning = folder(tmp_path / "cleaning")
    [record] = charloom("generate", cleaning, "e\u0301", "--format", "jsonl").records
    assert record["prompt"] == "é"
    leaving = folder(tmp_path / "leaving", text=TextSettings(clean=False))
    [record] = charloom("generate", leaving, "e\u0301", "--format", "jsonl").records
    assert record["prompt"] == "e\u0301"


def test_texts_of_several_lines_are_separated_by_an_empty_line(
    charloom: Charloom, tmp_path: Path
) -> None:
    stream = folder(tmp_path / "stream", text=TextSettings(unit="stream"))
    arguments = ("generate", stream, "-n", 3, "--seed", 1, "--length", 10)
    expected = "\n\n".join(Model.load(stream).generate(n=3, seed=1, length=10)) + "\n"
    assert charloom(*arguments).out == expected
    assert charloom(*arguments, "--stream").out == expected


def test_lines_with_line_breaks_are_separated_by_an_empty_line(
    charloom: Charloom, tmp_path: Path
) -> None:
    breaking = folder(tmp_path / "m", vocabulary=make_vocabulary("abcdefghij éx\n"))
    arguments = ("-n", 3, "--seed", 1, "--length", 10)
    texts = Model.load(breaking).generate(n=3, seed=1, length=10)
    assert charloom("generate", breaking, *arguments).out == "\n\n".join(texts) + "\n"
    plain = folder(tmp_path / "plain")
    texts = Model.load(plain).generate("a\nb", n=3, seed=1, length=10)
    expected = "\n\n".join(texts) + "\n"
    assert charloom("generate", plain, "a\nb", *arguments).out == expected
    assert charloom("generate", plain, "a\nb", *arguments, "--stream").out == expected


def test_control_characters_do_not_reach_a_terminal(
    charloom: Charloom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder(tmp_path / "m", text=TextSettings(clean=False))
    arguments = ("generate", path, "a\x1b[31m", "--length", 1, "--seed", 1)
    assert charloom(*arguments).out.startswith("a\x1b[31m")
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda stream: True)
    assert charloom(*arguments).out.startswith("a<0x1B>[31m")


def test_a_damaged_model_folder_is_refused(charloom: Charloom, model: Path) -> None:
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-7])
    done = charloom("generate", model)
    assert (done.code, done.out) == (2, "")
    assert re.fullmatch(r"charloom: .*model\.safetensors is damaged .*\n", done.err)
