from pathlib import Path

import pytest

import charloom
from charloom.errors import CorpusError
from charloom.evaluation.origin import corpus_of, texts
from charloom.model import Model
from charloom.settings import Level

LINES = [f"line {k} of naïve 🙂 {k * k}" for k in range(60)]
HELD_OUT = ["a line", "ünknown: x", "b"]


def model(folder: Path, *, level: Level = "char", valid: bool = True) -> Model:
    (folder / "t.txt").write_text("\n".join(LINES), "utf-8")
    (folder / "v.txt").write_text("\n".join(HELD_OUT), "utf-8")
    return charloom.train(
        folder / "t.txt",
        validation=folder / "v.txt" if valid else None,
        level=level,
        steps=2,
        hidden=4,
        seed=5,
        device="cpu",
    )


@pytest.mark.parametrize("level", ["char", "byte", "grapheme", "word"])
def test_the_texts_are_found_again(tmp_path: Path, level: Level) -> None:
    corpus = corpus_of(model(tmp_path, level=level).record)
    assert list(texts(corpus.training)) == LINES
    assert list(texts(corpus.validation)) == HELD_OUT


def test_a_part_that_was_set_aside_is_so_again(tmp_path: Path) -> None:
    made = model(tmp_path, valid=False)
    corpus = corpus_of(made.record)
    assert len(corpus.validation) == made.record.figures["validation_documents"]
    assert {*texts(corpus.training), *texts(corpus.validation)} == set(LINES)
    again = corpus_of(made.record, [str(tmp_path / "t.txt")])
    assert list(texts(again.validation)) == list(texts(corpus.validation))


def test_texts_that_have_changed(tmp_path: Path) -> None:
    made, path = model(tmp_path), tmp_path / "t.txt"
    path.write_text("\n".join(LINES[1:]), "utf-8")
    with pytest.raises(CorpusError) as error:
        corpus_of(made.record)
    assert str(error.value) == (
        f"{path} no longer holds the texts that this model learned from; name those, or texts to "
        "use in their place, with --training."
    )
    corpus = corpus_of(made.record, [str(path)])
    assert len(corpus.training) + len(corpus.validation) == len(LINES) - 1


def test_texts_that_have_gone(tmp_path: Path) -> None:
    made = model(tmp_path)
    (tmp_path / "t.txt").unlink()
    with pytest.raises(CorpusError) as error:
        corpus_of(made.record)
    assert str(error.value).startswith(
        "the texts that this model learned from are not where they were; name them with "
        f"--training: no file, folder, glob or corpus is named '{tmp_path / 't.txt'}'"
    )


def test_a_model_that_tells_nothing(tmp_path: Path) -> None:
    record = model(tmp_path).record
    object.__setattr__(record, "provenance", {})
    with pytest.raises(CorpusError) as error:
        corpus_of(record)
    assert str(error.value) == (
        "this model does not tell which texts it learned from; name them with --training."
    )
