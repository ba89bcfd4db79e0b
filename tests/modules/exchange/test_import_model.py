from pathlib import Path
from typing import Any

import pytest
from keras_models import FOLDER, SYMBOLS
from records import record

import charloom
from charloom.errors import SettingsError
from charloom.exchange.import_model import import_file
from charloom.exchange.symbols_file import SymbolOptions
from charloom.model import Model

LESSON = FOLDER / "lesson.keras"


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(SettingsError) as error:
        charloom.import_model(path, **options)
    return str(error.value)


def test_a_model_in_memory() -> None:
    model = charloom.import_model(LESSON, symbols=SYMBOLS, end="<eos>")
    assert repr(model) == "<charloom.Model: LSTM, 1 layer of 4, level char, 8 symbols>"
    assert model.record.provenance["imported_from"] == "lesson.keras"
    assert model.generate("ab", seed=1)[0].startswith("ab")
    legacy = charloom.import_model(str(FOLDER / "lesson.h5"), symbols=SYMBOLS, end="<eos>")
    assert legacy.generate("ab", n=5) == model.generate("ab", n=5)


def test_a_saved_model_is_the_same(tmp_path: Path) -> None:
    model = charloom.import_model(LESSON, symbols=SYMBOLS, end="<eos>")
    model.save(tmp_path / "lesson")
    saved = charloom.load(tmp_path / "lesson")
    assert saved.score(["abc", "fade"]) == model.score(["abc", "fade"])
    assert saved.record.provenance == model.record.provenance
    assert "- imported from: lesson.keras" in (tmp_path / "lesson" / "README.md").read_text("utf-8")


def test_formats_are_known_by_their_suffix(tmp_path: Path) -> None:
    path = tmp_path / "x.onnx"
    assert refused(path).startswith(
        f'{path} has the suffix ".onnx"; files that can be imported end with .keras, .h5, .hdf5'
    )
    assert import_file(LESSON, SymbolOptions(source=list("abcdefgh"))).record.is_one_stream


def test_symbols_must_be_given() -> None:
    assert refused(LESSON) == (
        f"{LESSON} does not contain the symbols of its 8 ids; give them with --symbols FILE: one "
        "symbol a line, a JSON list, or the JSON of a Keras Tokenizer."
    )


def test_the_vocabulary_of_a_folder_has_its_boundary() -> None:
    vocabulary = record().vocabulary.to_json()
    assert refused(LESSON, symbols=vocabulary) == (
        "the vocabulary has 15 symbols, and the model has 8; give the vocabulary with which it was "
        "exported."
    )
    assert refused(LESSON, symbols=vocabulary, end="a") == (
        "--end was given with the vocabulary of a model folder, which has its boundary of texts; "
        "leave it out."
    )


@pytest.mark.needs("h5py")
def test_an_export_has_its_symbols(tmp_path: Path) -> None:
    model = Model(record())
    path = model.export(tmp_path / "x.keras", to="keras").path
    again = charloom.import_model(path)
    assert again.generate("ab", n=3) == model.generate("ab", n=3)
    assert refused(path, start="a") == (
        "--start was given with a model that charloom exported, which has its boundary of texts; "
        "leave it out."
    )
    given = charloom.import_model(path, symbols=model.record.vocabulary.to_json())
    assert given.generate("ab", n=3) == model.generate("ab", n=3)
