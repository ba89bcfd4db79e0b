"""``charloom generate`` with options that change probabilities: each reaches the generator."""

import gzip
import re
from pathlib import Path
from typing import Any

import pytest
from command_line import Charloom, start_process
from networks import make_vocabulary, markov_tensors
from records import folder

from charloom.model import Model
from charloom.settings import TextSettings

STEERED: list[tuple[list[str | float], dict[str, Any]]] = [
    (["--top-k", 2], {"top_k": 2}),
    (["--top-p", 0.5], {"top_p": 0.5}),
    (["--min-p", 0.3], {"min_p": 0.3}),
    (
        ["--repetition-penalty", 5, "--repetition-span", 1],
        {"repetition_penalty": 5, "repetition_span": 1},
    ),
    (["--bias", "a=-inf", "--bias", "<eos>=-3"], {"bias": {"a": -float("inf"), "<eos>": -3}}),
    (["--min-length", 20], {"min_length": 20}),
    (["--match", "b[a-e ]{3,9}j"], {"match": "b[a-e ]{3,9}j"}),
    (["--forbid", "a", "--forbid", "fg"], {"forbid": ["a", "fg"]}),
    (
        ["--forbid", "A", "--forbid", "d", "--forbid-ignore-case"],
        {"forbid": ["A", "d"], "forbid_ignore_case": True},
    ),
    (
        ["--forbid", "ba", "--forbid", "b", "--forbid-whole-words", "--length", 2],
        {"forbid": ["ba", "b"], "forbid_whole_words": True, "length": 2},
    ),
    (["--unique", "--length", 1], {"unique": True, "length": 1}),
    (["--unique", "--tries", 200, "--length", 1], {"unique": True, "tries": 200, "length": 1}),
    (["--beam", 5], {"beam": 5}),
    (["--beam", 5, "--length-penalty", 0.5], {"beam": 5, "length_penalty": 0.5}),
]


def name(value: object) -> str | None:
    return " ".join(map(str, value)) if isinstance(value, list) else ""


@pytest.mark.parametrize(("arguments", "options"), STEERED, ids=name)
def test_each_option_is_that_of_the_library(
    charloom: Charloom, model: Path, arguments: list[str | float], options: dict[str, Any]
) -> None:
    done = charloom("generate", model, "b", "-n", 4, "--seed", 7, *arguments)
    loaded = Model.load(model)
    steered = loaded.generate("b", n=4, seed=7, **options)
    plain = loaded.generate("b", n=4, seed=7, length=options.get("length", 500))
    assert (done.code, done.out) == (0, "".join(f"{text}\n" for text in steered))
    assert steered != plain


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--top-k", "0"], "top-k is 0; it must be a number of at least 1."),
        (
            ["--greedy", "--top-k", "3"],
            "top-k was given at temperature 0, which always takes the best symbol; "
            "there it has no effect: leave it out.",
        ),
        (
            ["--greedy", "--beam", "3"],
            "--greedy and --beam contradict each other; give one of them.",
        ),
        (
            ["--beam", "10001"],
            "beam is 10001; it must be a number of at least 1 and at most 10000.",
        ),
        (
            ["-n", "3", "--beam", "2"],
            "n is 3, but a beam of 2 holds 2 texts; widen the beam, or ask for fewer.",
        ),
        (
            ["--bias", "é"],
            "Invalid value for '--bias': 'é' is no bias; give a symbol and a number, such as "
            "e=-2. See: charloom generate --help",
        ),
        (
            ["--bias", "e=much"],
            "Invalid value for '--bias': 'much' is not a number. See: charloom generate --help",
        ),
        (
            ["--choices", "4"],
            "--choices is for --interactive alone; leave it out, or give both.",
        ),
        (
            ["--stream", "--novel"],
            "--stream and --novel contradict each other; give one of them.",
        ),
        (
            ["--stream", "--novel-file", "x"],
            "--stream and --novel-file contradict each other; give one of them.",
        ),
        (
            ["--forbid", ""],
            "a forbidden string is empty; give at least one character.",
        ),
        (
            ["--forbid-file", "nowhere.txt"],
            "--forbid-file is 'nowhere.txt', which is no file; give a file of text with one string "
            "a line.",
        ),
        (
            ["fi", "bad", "--forbid", "d"],
            "the prompt, 'bad', holds the forbidden string 'd'; change the prompt, or do not "
            "forbid it.",
        ),
        (
            ["--novel-file", "nowhere.txt"],
            "novel-file is 'nowhere.txt', which is no file; give a file of text with one string a "
            "line.",
        ),
        (
            ["--stream", "--beam", "2"],
            "--stream and --beam contradict each other; give one of them.",
        ),
        (
            ["--interactive", "-n", "3"],
            "--interactive and -n 3 contradict each other; give one of them.",
        ),
        (
            ["--interactive", "--format", "jsonl"],
            "--interactive and --format jsonl contradict each other; give one of them.",
        ),
        (
            ["--interactive", "a", "b"],
            "--interactive writes one text, and 2 prompts were given; give one.",
        ),
        (
            ["--interactive", "--label", "x", "--label", "y"],
            "--interactive writes one text, and 2 labels were given; give one.",
        ),
    ],
)
def test_contradicting_options_are_refused(
    charloom: Charloom, model: Path, arguments: list[str], message: str
) -> None:
    done = charloom("generate", model, *arguments)
    assert (done.code, done.out, done.err) == (2, "", f"charloom: {message}\n")


def test_every_text_matches_the_expression(charloom: Charloom, model: Path) -> None:
    done = charloom("generate", model, "-n", 50, "--match", "[d-f][a-h]{4,6}a", "--seed", 1)
    lines = done.out.splitlines()
    assert (done.code, len(lines)) == (0, 50)
    assert all(re.fullmatch("[d-f][a-h]{4,6}a", line) for line in lines)


MIXTURE = {"World": 0.25, "Sports": 0.75}


def test_a_mixture_of_labels(charloom: Charloom, labelled: Path) -> None:
    loaded = Model.load(labelled)
    arguments = ("generate", labelled, "b", "-n", 2, "--seed", 3, "--length", 8)
    texts = loaded.generate("b", n=2, seed=3, length=8, label=MIXTURE)
    done = charloom(*arguments, "--label", "World=1,Sports=3", "--format", "jsonl")
    assert [(one["label"], one["text"]) for one in done.records] == [(MIXTURE, t) for t in texts]
    both = charloom(*arguments, "--label", "World=1,Sports=3", "--label", "World")
    assert both.out.splitlines()[:2] == [f"World=0.25,Sports=0.75\t{text}" for text in texts]
    streamed = charloom(*arguments, "--label", "World=1,Sports=3", "--stream")
    assert streamed.out.splitlines() == texts
    typed = charloom(
        *("generate", labelled, "b", "--seed", 3, "--length", 8),
        *("--interactive", "--label", "World=1,Sports=3"),
        stdin="r\n",
    )
    assert typed.out.splitlines() == texts[:1]
    [entries] = charloom("next", labelled, "b", "--label", "World=1,Sports=3", "--json").records
    assert [(one["symbol"], one["probability"]) for one in entries] == loaded.next("b", MIXTURE)
    [rows] = charloom(
        *("temperatures", labelled, "b", "--seed", 3, "--length", 8, "--json"),
        *("--label", "World=1,Sports=3"),
    ).records
    assert [row["text"] for row in rows if row["temperature"] == 0.8] == texts[:1]


def test_a_mixture_in_a_settings_file(charloom: Charloom, labelled: Path, tmp_path: Path) -> None:
    (tmp_path / "sampling.toml").write_text(
        "[sampling]\nlabel = { World = 1, Sports = 3 }\n", "utf-8"
    )
    done = charloom("generate", labelled, "--settings", tmp_path / "sampling.toml", "--seed", 3)
    assert done.out.splitlines() == Model.load(labelled).generate(seed=3, label=MIXTURE)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (
            "World=1,Opera=1",
            "label 'Opera' is not known to this model; known labels: World, Sports.",
        ),
        ("World=0", "the weight of label 'World' is 0.0; it must be a finite number above 0."),
        (
            "World=1,Sports",
            "--label is 'World=1,Sports'; give a label of the model, or labels with weights, such "
            "as France=0.5,Spain=0.5.",
        ),
    ],
)
def test_wrong_mixtures_are_refused(
    charloom: Charloom, labelled: Path, label: str, message: str
) -> None:
    for command in (("generate", labelled), ("next", labelled, "a"), ("temperatures", labelled)):
        done = charloom(*command, "--label", label)
        assert (done.code, done.out, done.err) == (2, "", f"charloom: {message}\n")


def test_a_label_with_an_equals_sign_is_a_label_first(charloom: Charloom, tmp_path: Path) -> None:
    run = folder(tmp_path / "run", labels=("World", "World=1"))
    done = charloom("generate", run, "--label", "World=1", "--seed", 3, "--format", "jsonl")
    [one] = done.records
    assert one["label"] == "World=1"
    assert one["text"] == Model.load(run).generate(seed=3, label="World=1")[0]


def test_forbidden_strings_are_those_of_options_and_files(
    charloom: Charloom, model: Path, tmp_path: Path
) -> None:
    """Those of a settings file count only without any on the command line."""
    (tmp_path / "one.txt").write_text("b\n\n  \nfg\n", "utf-8")
    (tmp_path / "two.txt.gz").write_bytes(gzip.compress(b"h\r\ni"))
    (tmp_path / "s.toml").write_text('[sampling]\nforbid = ["c"]\n', "utf-8")
    arguments = ["generate", model, "-n", 9, "--seed", 2, "--settings", tmp_path / "s.toml"]
    files: list[str | Path] = ["--forbid-file", tmp_path / "one.txt"]
    files += ["--forbid-file", tmp_path / "two.txt.gz"]
    loaded = Model.load(model)

    def written(*more: str | Path) -> list[str]:
        done = charloom(*arguments, *more)
        assert (done.code, done.err) == (0, "")
        return done.out.splitlines()

    assert written() == loaded.generate(n=9, seed=2, forbid="c")
    both = ["a", "b", "fg", "h", "i"]
    assert written("--forbid", "a", *files) == loaded.generate(n=9, seed=2, forbid=both)
    assert written(*files) == loaded.generate(n=9, seed=2, forbid=both[1:])
    streamed = charloom(*arguments, *files, "--stream").out.splitlines()
    assert streamed == loaded.generate(n=9, seed=2, forbid=both[1:])


def test_texts_of_a_list_are_left_out(charloom: Charloom, model: Path, tmp_path: Path) -> None:
    arguments = ["generate", model, "-n", 5, "--seed", 2, "--length", 12]
    free = charloom(*arguments).out.splitlines()
    (tmp_path / "list.txt").write_text("\n".join([free[1], free[3]]), "utf-8")
    done = charloom(*arguments, "--novel-file", tmp_path / "list.txt")
    assert done.code == 0
    assert done.out.splitlines()[:3] == [free[0], free[2], free[4]]
    assert done.err == "charloom: tried 7 texts: 2 in the lists of novel-file (28.6 %).\n"


def test_several_labels_at_once(charloom: Charloom, labelled: Path) -> None:
    arguments = ("generate", labelled, "b", "-n", 2, "--seed", 3, "--length", 8)
    done = charloom(*arguments, "--label", "World", "--label", "Sports")
    loaded = Model.load(labelled)
    texts = [
        (label, text)
        for label in ("World", "Sports")
        for text in loaded.generate("b", n=2, seed=3, length=8, label=label)
    ]
    assert done.out == "".join(f"{label}\t{text}\n" for label, text in texts)
    both = charloom(*arguments, "--label", "World", "--label", "Sports", "--format", "jsonl")
    assert [(one["label"], one["text"]) for one in both.records] == texts
    alone = charloom(*arguments, "--label", "World", "--stream")
    assert alone.out == "".join(f"{text}\n" for label, text in texts if label == "World")


def test_the_counts_of_the_text_filter_are_noted(charloom: Charloom, model: Path) -> None:
    done = charloom("generate", model, "b", "-n", 6, "--length", 1, "--seed", 1, "--unique")
    lines = done.out.splitlines()
    assert (done.code, len(lines), len(set(lines))) == (0, 6, 6)
    assert re.fullmatch(r"charloom: tried \d+ texts: .*\n", done.err)


def test_texts_are_unique_over_all_prompts(charloom: Charloom, model: Path) -> None:
    arguments = ("generate", model, "-n", 2, "--length", 1, "--seed", 1)
    done = charloom(*arguments, "b", "b", "--unique")
    lines = done.out.splitlines()
    assert len(set(lines)) == len(lines) == 4


def endless(path: Path) -> Path:
    """Make a model of five equally probable letters whose texts never end."""
    chances = [[0, 0, 0.2, 0.2, 0.2, 0.2, 0.2]] * 7
    settings, tensors = markov_tensors(chances)
    return folder(
        path,
        network=settings,
        tensors={key: tensor.astype("float32") for key, tensor in tensors.items()},
        vocabulary=make_vocabulary("abcde"),
        text=TextSettings(unit="stream"),
    )


def test_a_long_text_written_in_blocks_is_the_same(charloom: Charloom, tmp_path: Path) -> None:
    model = endless(tmp_path / "endless")
    done = charloom("generate", model, "a", "--length", 150_000, "--seed", 4)
    assert done.out == Model.load(model).generate("a", length=150_000, seed=4)[0] + "\n"


def test_a_closed_pipe_ends_a_long_text(tmp_path: Path) -> None:
    process = start_process("generate", endless(tmp_path / "endless"), "--length", "1000000000")
    assert process.stdout is not None
    assert len(process.stdout.read(100)) == 100
    process.stdout.close()
    assert process.stderr is not None
    assert (process.wait(timeout=30), process.stderr.read()) == (0, b"")
    process.stderr.close()


def test_a_search_that_finds_fewer_texts_says_so(charloom: Charloom, model: Path) -> None:
    done = charloom("generate", model, "-n", 5, "--beam", 8, "--match", "ab|ba")
    assert (done.code, set(done.out.splitlines())) == (0, {"ab", "ba"})
    assert (
        done.err
        == "charloom: the search found 2 of 5 texts; a wider beam may find more, if there are.\n"
    )


def test_a_prompt_of_a_million_characters_from_a_file(
    charloom: Charloom, model: Path, tmp_path: Path
) -> None:
    """The whole prompt changes the state: the text continues as in the library."""
    prompt = "bad face, " * 110_000
    file = tmp_path / "prompt.txt"
    file.write_text(prompt + "\n", "utf-8")
    done = charloom("generate", model, "--prompt-file", file, "--seed", 2, "--length", 9)
    assert done.out == Model.load(model).generate(prompt, seed=2, length=9)[0] + "\n"
    assert len(done.out) > len(prompt)


def test_a_prompt_from_standard_input_beside_another(charloom: Charloom, model: Path) -> None:
    arguments = ("generate", model, "a", "--prompt-file", "-", "--seed", 2, "--length", 5)
    texts = [Model.load(model).generate(p, seed=2, length=5)[0] for p in ("a", "face")]
    for stdin in ("face", "face\n", "face\r\n"):
        assert charloom(*arguments, stdin=stdin).out == "".join(f"{text}\n" for text in texts)


def test_a_prompt_file_that_cannot_be_read_is_refused(
    charloom: Charloom, model: Path, tmp_path: Path
) -> None:
    missing, strange = tmp_path / "missing.txt", tmp_path / "strange.txt"
    strange.write_bytes(b"abc\xff")
    done = charloom("generate", model, "--prompt-file", missing)
    assert (done.code, done.err) == (
        2,
        f"charloom: {missing} cannot be read (No such file or directory); "
        "name a file with a prompt.\n",
    )
    done = charloom("generate", model, "--prompt-file", strange)
    assert (done.code, done.err) == (
        2,
        f"charloom: {strange} is not UTF-8 (byte 4 is no part of it); save it as UTF-8.\n",
    )
    done = charloom("generate", model, "--interactive", "--prompt-file", missing)
    assert (done.code, done.err) == (
        2,
        "charloom: --interactive and --prompt-file contradict each other; give the prompt itself."
        "\n",
    )
