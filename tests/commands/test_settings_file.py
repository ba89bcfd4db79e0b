"""Settings files: ``--settings`` of train, compare and generate, and ``summary --settings``."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from command_line import Charloom
from records import folder

from charloom.model import Model
from charloom.settings import SamplingSettings, TextSettings, TrainingSettings
from charloom.settings.tables import RUN_TABLES, TABLES

LINES = [f"the {a} {b}s the {c}" for a in ("cat", "dog", "cow") for b in "abcd" for c in "xyz"]
RUN = """\
[network]
cell = "gru"
hidden = 8
input = "one-hot"
dropout = 0.0

[training]
steps = 3
batch_size = 4
device = "cpu"
prompts = ["the "]
"""


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("lines.txt").write_text("\n".join(LINES), "utf-8")
    Path("a.toml").write_text(RUN, "utf-8")
    return Path("lines.txt")


def test_a_run_has_the_settings_of_the_file(charloom: Charloom, source: Path) -> None:
    assert charloom("train", source, "--settings", "a.toml").code == 0
    record = Model.load(Path("runs/lines")).record
    assert (record.network.cell, record.network.hidden, record.network.input) == (
        *("gru", 8, "one-hot"),
    )
    assert (record.training.steps, record.training.batch_size) == (3, 4)
    assert record.training.prompts == ("the ",)


def test_options_win_over_the_file_and_the_file_over_the_preset(
    charloom: Charloom, source: Path
) -> None:
    options = ("--settings", "a.toml", "--preset", "lesson", "--hidden", 6, "--epochs", 1)
    assert charloom("train", source, *options).code == 0
    record = Model.load(Path("runs/lines")).record
    assert (record.network.hidden, record.network.cell) == (6, "gru")
    assert (record.training.epochs, record.training.steps) == (1, None)
    assert (record.training.batch_size, record.training.optimizer) == (4, "rmsprop")


def test_the_budget_of_the_file_replaces_that_of_the_preset(
    charloom: Charloom, source: Path
) -> None:
    options = ("--settings", "a.toml", "--preset", "lesson")
    assert charloom("train", source, *options).code == 0
    training = Model.load(Path("runs/lines")).record.training
    assert (training.epochs, training.steps) == (None, 3)


@pytest.mark.parametrize(
    ("command", "content", "message"),
    [
        (
            "train",
            None,
            "b.toml cannot be read (No such file or directory); name a settings",
        ),
        ("train", "[network\n", "b.toml is not valid TOML: "),
        ("train", "[network]\nwidth = 3\n", "b.toml: [network] unknown setting 'width'; known: "),
        ("train", "[net]\n", "b.toml: there is no table [net] of settings; there are: [text], "),
        (
            "train",
            "[network]\nhidden = 'many'\n",
            "b.toml: [network] hidden is 'many'; allowed: a whole number.\n",
        ),
        (
            "compare",
            "[training]\nsteps = 0\n",
            "b.toml: [training] steps is 0; it must be a ",
        ),
        (
            "generate",
            "[sampling]\ntop_p = 2\n",
            "b.toml: [sampling] top_p is 2; it must be a ",
        ),
        ("generate", "[text]\nlevel = 1\n", "b.toml: [text] level is 1; allowed: char, byte, "),
    ],
)
def test_a_mistake_in_the_file_is_one_line_with_exit_code_2(
    charloom: Charloom, source: Path, command: str, content: str | None, message: str
) -> None:
    if content is not None:
        Path("b.toml").write_text(content, "utf-8")
    done = charloom(command, source, "--settings", "b.toml")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"charloom: {message}")
    assert not Path("runs").exists()


def write_settings(charloom: Charloom, run: Path | str) -> dict[str, Any]:
    """Write the settings of a run to b.toml, as the shell does, and return them."""
    done = charloom("summary", run, "--settings")
    assert (done.code, done.err) == (0, "")
    Path("b.toml").write_text(done.out, "utf-8")
    return tomllib.loads(done.out)


@pytest.mark.parametrize(
    "options",
    [
        ("--steps", 3, "--prompt", 'the "cat\\'),
        ("--epochs", 1, "--optimizer", "sgd", "--level", "word", "--no-clean"),
        ("--steps", 2, "--unit", "stream", "--cell", "rnn", "--layers", 2, "--lr", 0.003),
        ("--steps", 2, "--valid", "valid.txt", "--schedule", "constant", "--no-average"),
    ],
)
def test_a_run_from_written_settings_trains_the_same_network(
    charloom: Charloom, source: Path, options: tuple[str, ...]
) -> None:
    Path("valid.txt").write_text("the cat as the x\nthe dog bs the y\n", "utf-8")
    small = ("--hidden", 8, "--device", "cpu")
    assert charloom("train", source, *options, *small, "-o", "first").code == 0
    write_settings(charloom, "first")
    valid = ("--valid", "valid.txt") if "--valid" in options else ()
    again = charloom("train", source, "--settings", "b.toml", *valid, "-o", "second")
    assert (again.code, again.out) == (0, "")
    first, second = (Model.load(Path(run)).record for run in ("first", "second"))
    assert (second.text, second.network) == (first.text, first.network)
    assert second.training == first.training
    weights = [(Path(run) / "model.safetensors").read_bytes() for run in ("first", "second")]
    assert weights[0] == weights[1]


def test_the_settings_of_a_run_are_those_of_its_config(charloom: Charloom, tmp_path: Path) -> None:
    text = TextSettings(columns=("a", "é"), label_column="kind")
    training = TrainingSettings(minutes=3, prompts=("x\n",), temperatures=())
    path = folder(tmp_path / "m", text=text, training=training, labels=("World", "Sports"))
    [described] = charloom("summary", path, "--json").records
    tables = tomllib.loads(charloom("summary", path, "--settings").out)
    assert set(tables) == set(RUN_TABLES)
    for table in RUN_TABLES:
        values = {name: v for name, v in described[table].items() if v is not None}
        assert json.loads(json.dumps(tables[table])) == values
        assert TABLES[table].from_json(tables[table]) == TABLES[table].from_json(described[table])


def test_settings_and_json_exclude_each_other(charloom: Charloom, model: Path) -> None:
    done = charloom("summary", model, "--settings", "--json")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "charloom: --settings and --json contradict each other; give one of them.\n"
    )


def test_a_comparison_takes_single_values_from_the_file(charloom: Charloom, source: Path) -> None:
    done = charloom("compare", source, "--settings", "a.toml", "--layers", "1,2", "--json")
    assert done.code == 0
    [results] = done.records
    assert {(one["cell"], one["layers"], one["hidden"]) for one in results} == {
        ("gru", 1, 8),
        ("gru", 2, 8),
    }
    assert {one["dropout"] for one in results} == {0.0}


def test_texts_are_generated_with_the_settings_of_the_file(
    charloom: Charloom, model: Path, tmp_path: Path
) -> None:
    file = tmp_path / "s.toml"
    file.write_text(
        "[sampling]\ntemperature = 1.5\ntop_k = 3\nseed = 7\nlength = 20\nbias = { a = 2 }\n"
        "[network]\nhidden = 3\n"
    )
    options: dict[str, Any] = {"top_k": 3, "seed": 7, "length": 20, "bias": {"a": 2}}
    loaded = Model.load(model)
    done = charloom("generate", model, "b", "--settings", file)
    assert done.out == loaded.generate("b", temperature=1.5, **options)[0] + "\n"
    done = charloom("generate", model, "b", "--settings", file, "--temperature", 0.5)
    assert done.out == loaded.generate("b", temperature=0.5, **options)[0] + "\n"


def test_the_label_of_the_file_is_used(charloom: Charloom, labelled: Path, tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text('[sampling]\nlabel = "Sports"\nseed = 1\n')
    [record] = charloom("generate", labelled, "--settings", file, "--format", "jsonl").records
    assert (record["label"], record["seed"]) == ("Sports", 1)
    options = ("--settings", file, "--label", "World", "--format", "jsonl")
    [record] = charloom("generate", labelled, *options).records
    assert record["label"] == "World"


def test_greedy_replaces_the_temperature_of_the_file(
    charloom: Charloom, model: Path, tmp_path: Path
) -> None:
    file = tmp_path / "s.toml"
    file.write_text("[sampling]\ntemperature = 1.5\nlength = 20\n")
    done = charloom("generate", model, "a", "--settings", file, "--greedy")
    assert done.out == Model.load(model).generate("a", temperature=0, length=20)[0] + "\n"


def test_options_of_the_file_contradict_those_of_the_command_line(
    charloom: Charloom, model: Path, tmp_path: Path
) -> None:
    file = tmp_path / "s.toml"
    file.write_text("[sampling]\nunique = true\n")
    done = charloom("generate", model, "--settings", file, "--stream")
    assert done.err == (
        "charloom: --stream and --unique contradict each other; give one of them.\n"
    )
    assert SamplingSettings().unique is False
