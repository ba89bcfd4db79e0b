"""``charloom export``: a page, a module, rounded weights; every message."""

import json
from pathlib import Path

import pytest
from command_line import Charloom
from records import folder

from charloom.exchange.names import EXPORT_FORMATS
from charloom.model import Model

DISCLOSED = (
    "charloom: discloses: 15 symbols of the vocabulary; the weights, which can repeat parts of "
    "training texts; no training text.\n"
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return folder(tmp_path / "facts")


def test_the_page_stands_beside_the_run(charloom: Charloom, run: Path) -> None:
    done = charloom("export", run)
    path = run.parent / "facts.html"
    assert (done.code, done.out) == (0, f"{path}\n")
    assert done.err == (
        f"charloom: {path.stat().st_size / 1e6:.2f} MB; a browser opens it in about 0.3 s. The "
        f"weights are unchanged: the same seed writes the same text.\n{DISCLOSED}"
    )
    model = Model.load(run)
    again = model.export(run.parent / "library.html")
    assert again.path.read_bytes() == path.read_bytes()


def test_a_module_for_other_pages(charloom: Charloom, run: Path) -> None:
    done = charloom("export", run, "--to", "html", "--embed")
    assert done.code == 0
    assert (run.parent / "facts-embed" / "charloom.js").is_file()


@pytest.mark.needs("h5py")
def test_a_file_for_keras(charloom: Charloom, run: Path) -> None:
    done = charloom("export", run, "--to", "keras")
    path = run.parent / "facts.keras"
    assert (done.code, done.out) == (0, f"{path}\n")
    assert done.err == (
        f"charloom: {path.stat().st_size / 1e6:.2f} MB; keras.models.load_model reads it. Texts "
        "begin and end with id 0; charloom.json in the archive has the symbols of the ids.\n"
        f"{DISCLOSED}"
    )
    back = charloom("import", path, "-o", run.parent / "back")
    assert (back.code, back.err) == (0, "")
    texts = [
        charloom("generate", folder, "ab", "-n", "3", "--seed", "1").out
        for folder in (run, back.out.strip())
    ]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("option", [("--embed",), ("--dtype", "int8")])
def test_options_that_keras_lacks(option: tuple[str, ...], charloom: Charloom, run: Path) -> None:
    done = charloom("export", run, "--to", "keras", *option)
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"charloom: {option[0]} was given with --to keras, which has no such option; leave it out, "
        "or choose --to html.\n"
    )


def test_rounded_weights_and_their_folder(charloom: Charloom, run: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.csv"
    texts.write_text("id,text\n1,abc\n2,bag\n", "utf-8")
    output, rounded = tmp_path / "page.html", tmp_path / "rounded"
    done = charloom(
        *("export", run, "--dtype", "int8", "--valid", texts, "--column", "text"),
        *("--save-rounded", rounded, "-o", output, "--json"),
    )
    [record] = done.records
    assert record["path"] == str(output)
    assert record["figures"]["rounding"]["before"] == Model.load(run).bits_per_character(
        ["abc", "bag"]
    )
    assert record["figures"]["rounding"]["after"] == Model.load(rounded).bits_per_character(
        ["abc", "bag"]
    )
    assert "bits per character on the texts given" in done.err
    assert json.loads(done.out) == record


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--to", "hmtl"),
            f'the format is "hmtl"; it must be {", ".join(EXPORT_FORMATS)}; did you mean html?',
        ),
        (("--dtype", "half"), 'dtype is "half"; it must be float32, float16, int8.'),
        (
            ("--save-rounded", "folder"),
            "--save-rounded was given with weights that are not rounded; add --dtype float16 or "
            "--dtype int8, or leave it out.",
        ),
        (
            ("--column", "text"),
            "options of reading were given without --valid; add that.",
        ),
    ],
)
def test_wrong_options_are_one_line(
    arguments: tuple[str, ...], message: str, charloom: Charloom, run: Path
) -> None:
    done = charloom("export", run, *arguments)
    assert (done.code, done.out, done.err) == (2, "", f"charloom: {message}\n")
    assert sorted(path.name for path in run.parent.iterdir()) == ["facts"]


def test_folders_of_other_formats_stand_beside_the_run(charloom: Charloom, run: Path) -> None:
    done = charloom("export", run, "--to", "hf", "--license", "mit", "--language", "en")
    assert (done.code, done.out) == (0, f"{run.parent / 'facts-hf'}\n")
    assert "charloom: tokenizer.json gives every text the same symbols.\n" in done.err
    assert charloom("export", run, "--to", "torch").out == f"{run.parent / 'facts-torch'}\n"
    first = charloom("generate", run, "ab", "--seed", "3")
    second = charloom("generate", run.parent / "facts-hf", "ab", "--seed", "3")
    assert first.out == second.out
    assert charloom("summary", run.parent / "facts-hf").code == 0
    assert charloom("memorisation", run.parent / "facts-hf").err == (
        "charloom: this model does not record its training texts; name them with --training.\n"
    )


def test_an_existing_page_is_kept(charloom: Charloom, run: Path) -> None:
    path = run.parent / "facts.html"
    path.write_text("mine", "utf-8")
    done = charloom("export", run)
    assert done.code == 2
    assert done.err.endswith(
        f"charloom: {path} exists already; replace it with --force, or name another place with "
        "--output.\n"
    )
    assert path.read_text("utf-8") == "mine"
    assert charloom("export", run, "--force").code == 0
