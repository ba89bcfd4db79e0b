"""``charloom import``: a folder that generates; every message; nothing half written."""

import json
from pathlib import Path

import pytest
from command_line import Charloom
from keras_models import FOLDER, PREDICTIONS
from records import folder

from charloom.model import Model

LESSON = FOLDER / "lesson.keras"


@pytest.fixture
def symbols(tmp_path: Path) -> Path:
    path = tmp_path / "symbols.txt"
    path.write_text("\na\nb\nc\nd\ne\nf\n<eos>\n", "utf-8")
    return path


def test_the_folder_generates(charloom: Charloom, symbols: Path, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "lesson"
    done = charloom("import", LESSON, "--symbols", symbols, "-o", run)
    assert (done.code, done.out) == (0, f"{run}\n")
    assert done.err == (
        'charloom: Texts begin after the padding (id 0); they end with "<eos>" (id 7).\n'
    )
    texts = charloom("generate", run, "ab", "-n", "3", "--seed", "1")
    assert texts.code == 0
    assert len(texts.out.splitlines()) == 3
    assert charloom("summary", run).code == 0
    assert charloom("evaluate", run, symbols).code == 0


def test_the_model_of_the_lesson(charloom: Charloom, tmp_path: Path) -> None:
    """Trained by Keras on 7,600 titles, one epoch; see tests/keras_reference.py."""
    run = tmp_path / "titles"
    tokenizer = FOLDER / "titles_tokenizer.json"
    done = charloom(
        *("import", FOLDER / "titles.keras", "--symbols", tokenizer, "--end", "<eos>"),
        *("-o", run, "--json"),
    )
    assert done.code == 0
    provenance = json.loads(done.out)["provenance"]
    assert provenance["program"] == "Keras 3.15.1"
    assert provenance["beginning_of_texts"] == "the padding (id 0)"
    model = Model.load(run)
    chances = dict(model.next("Today "))
    ids = json.loads(json.loads(tokenizer.read_text("utf-8"))["config"]["word_index"])
    for symbol in "aeGM ":
        assert chances[symbol] == pytest.approx(
            PREDICTIONS["titles.keras"][-1][ids[symbol]], abs=1e-6
        )
    titles = ["Oil prices rise on Iraq fears (Reuters)", "Microsoft to sell new software (AP)"]
    scrambled = ["".join(sorted(title)) for title in titles]
    assert model.bits_per_character(titles) < 4.6 < model.bits_per_character(scrambled)
    texts = model.generate("", n=20, temperature=0.8, length=300)
    assert sum(len(text) < 300 for text in texts) > 15  # they end


def test_the_default_folder(
    charloom: Charloom, symbols: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    symbols.write_text(symbols.read_text("utf-8").replace("<eos>", "g"), "utf-8")
    done = charloom("import", LESSON, "--symbols", symbols)
    assert done.out == f"{Path('runs') / 'lesson'}\n"
    assert Model.load(tmp_path / "runs" / "lesson").record.is_one_stream


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (LESSON,),
            f"{LESSON} does not contain the symbols of its 8 ids; give them with --symbols FILE: "
            "one symbol a line, a JSON list, or the JSON of a Keras Tokenizer.",
        ),
        (
            (LESSON, "--symbols", LESSON),
            f"{LESSON} is not UTF-8; save it in that encoding.",
        ),
        (
            (LESSON, "--symbols", FOLDER / "titles_tokenizer.json"),
            "there are symbols for 82 ids, and the model has 8; give one symbol for each id, null "
            "or an empty line for an id without a symbol.",
        ),
        (
            ("missing.keras",),
            "there is no file missing.keras; name the file of a model.",
        ),
    ],
)
def test_mistakes_are_one_line(
    arguments: tuple[object, ...], message: str, charloom: Charloom, tmp_path: Path
) -> None:
    run = tmp_path / "deep" / "run"
    done = charloom("import", *map(str, arguments), "-o", run)
    assert (done.code, done.out, done.err) == (2, "", f"charloom: {message}\n")
    assert not run.parent.exists()


def test_an_existing_model_is_kept(charloom: Charloom, symbols: Path, tmp_path: Path) -> None:
    run = folder(tmp_path / "run")
    before = Model.load(run).record.vocabulary
    done = charloom("import", LESSON, "--symbols", symbols, "-o", run)
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"charloom: {run} already holds a model; replace it with --force, or name another folder "
        "with --output.\n"
    )
    assert Model.load(run).record.vocabulary == before
    assert charloom("import", LESSON, "--symbols", symbols, "-o", run, "--force").code == 0
    assert Model.load(run).record.vocabulary != before
