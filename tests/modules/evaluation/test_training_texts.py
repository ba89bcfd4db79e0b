"""Training and validation documents, read again from the sources of a saved model."""

from dataclasses import replace
from pathlib import Path

import pytest

import charloom
from charloom.errors import CorpusError
from charloom.evaluation.training_texts import iter_documents, iter_texts, recover_corpus
from charloom.model import Model
from charloom.settings import Level

LINES = [f"line {k} of naïve 🙂 {k * k}" for k in range(60)]
HELD_OUT = ["a line", "ünknown: x", "b"]


def train_model(folder: Path, *, level: Level = "char", valid: bool = True) -> Model:
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


@pytest.mark.parametrize("level", ["char", "byte", "grapheme", "word", "closed-word"])
def test_documents_are_those_of_the_sources_at_every_level(tmp_path: Path, level: Level) -> None:
    corpus = recover_corpus(train_model(tmp_path, level=level).record)
    assert list(iter_texts(corpus.training)) == LINES
    assert list(iter_texts(corpus.validation)) == HELD_OUT


def test_the_split_is_that_of_the_run(tmp_path: Path) -> None:
    model = train_model(tmp_path, valid=False)
    corpus = recover_corpus(model.record)
    assert len(corpus.validation) == model.record.metrics["validation_documents"]
    assert {*iter_texts(corpus.training), *iter_texts(corpus.validation)} == set(LINES)
    again = recover_corpus(model.record, [str(tmp_path / "t.txt")])
    assert list(iter_texts(again.validation)) == list(iter_texts(corpus.validation))


def test_changed_training_texts_are_refused_unless_they_are_named(tmp_path: Path) -> None:
    model, path = train_model(tmp_path), tmp_path / "t.txt"
    path.write_text("\n".join(LINES[1:]), "utf-8")
    with pytest.raises(CorpusError) as error:
        recover_corpus(model.record)
    assert str(error.value) == (
        f"{path} no longer holds the training texts of this model; name those, or other texts to "
        "use instead, with --training."
    )
    corpus = recover_corpus(model.record, [str(path)])
    assert list(iter_texts(corpus.training)) == LINES[1:]
    assert list(iter_texts(corpus.validation)) == HELD_OUT


def test_a_missing_validation_file_is_an_error(tmp_path: Path) -> None:
    """It is not replaced by a split of the training texts, which the model was trained on."""
    model = train_model(tmp_path)
    (tmp_path / "v.txt").unlink()
    for sources in ([], [str(tmp_path / "t.txt")]):
        with pytest.raises(CorpusError) as error:
            recover_corpus(model.record, sources)
        assert str(error.value).startswith(
            "the validation texts of this model are no longer where they were; name them with "
            f"--valid: no file, folder, glob or corpus is named '{tmp_path / 'v.txt'}'"
        )


def test_labels_that_the_model_does_not_know_become_none(tmp_path: Path) -> None:
    def table(name: str, labels: list[str]) -> Path:
        path = tmp_path / name
        rows = [f"{label},{label} says {k}" for k in range(40) for label in labels]
        path.write_text("label,text\n" + "\n".join(rows), "utf-8")
        return path

    model = charloom.train(
        table("t.csv", ["Sports", "World"]),
        columns=("text",),
        label_column="label",
        steps=2,
        hidden=4,
        device="cpu",
    )
    for labels in (["Sports", "World"], ["World"], ["Aaa", "Sports", "World"]):
        corpus = recover_corpus(model.record, [str(table("other.csv", labels))])
        labelled = list(iter_documents(corpus, corpus.training, model.record.labels))
        assert len(labelled) > 30
        for document in labelled:
            label = document.text.split()[0]
            assert document.label == (label if label in model.record.labels else None)


def test_missing_training_texts_are_an_error(tmp_path: Path) -> None:
    model = train_model(tmp_path)
    (tmp_path / "t.txt").unlink()
    with pytest.raises(CorpusError) as error:
        recover_corpus(model.record)
    assert str(error.value).startswith(
        "the training texts of this model are no longer where they were; name them with "
        f"--training: no file, folder, glob or corpus is named '{tmp_path / 't.txt'}'"
    )


@pytest.mark.parametrize("provenance", [{}, {"sources": ["-"]}], ids=["none", "stdin"])
def test_a_model_without_recorded_sources_needs_training(
    tmp_path: Path, provenance: dict[str, list[str]]
) -> None:
    record = replace(train_model(tmp_path).record, provenance=provenance)
    with pytest.raises(CorpusError) as error:
        recover_corpus(record)
    assert str(error.value) == (
        "this model does not record its training texts; name them with --training."
    )
