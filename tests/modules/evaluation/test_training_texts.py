from pathlib import Path

import pytest

import charloom
from charloom.errors import CorpusError
from charloom.evaluation.training_texts import iter_documents, iter_texts, recover_corpus
from charloom.model import Model
from charloom.model_folder.format import ModelRecord
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
    corpus = recover_corpus(model(tmp_path, level=level).record)
    assert list(iter_texts(corpus.training)) == LINES
    assert list(iter_texts(corpus.validation)) == HELD_OUT


def test_a_part_that_was_set_aside_is_so_again(tmp_path: Path) -> None:
    made = model(tmp_path, valid=False)
    corpus = recover_corpus(made.record)
    assert len(corpus.validation) == made.record.metrics["validation_documents"]
    assert {*iter_texts(corpus.training), *iter_texts(corpus.validation)} == set(LINES)
    again = recover_corpus(made.record, [str(tmp_path / "t.txt")])
    assert list(iter_texts(again.validation)) == list(iter_texts(corpus.validation))


def test_texts_that_have_changed(tmp_path: Path) -> None:
    made, path = model(tmp_path), tmp_path / "t.txt"
    path.write_text("\n".join(LINES[1:]), "utf-8")
    with pytest.raises(CorpusError) as error:
        recover_corpus(made.record)
    assert str(error.value) == (
        f"{path} no longer holds the texts that this model learned from; name those, or texts to "
        "use in their place, with --training."
    )
    corpus = recover_corpus(made.record, [str(path)])
    assert list(iter_texts(corpus.training)) == LINES[1:]
    assert list(iter_texts(corpus.validation)) == HELD_OUT


def test_texts_to_measure_on_that_have_gone(tmp_path: Path) -> None:
    """Others in their place would be texts that were learned from."""
    made = model(tmp_path)
    (tmp_path / "v.txt").unlink()
    for sources in ([], [str(tmp_path / "t.txt")]):
        with pytest.raises(CorpusError) as error:
            recover_corpus(made.record, sources)
        assert str(error.value).startswith(
            "the texts that this model was measured on are not where they were: no file, folder, "
            f"glob or corpus is named '{tmp_path / 'v.txt'}'"
        )


def test_labels_are_those_of_the_texts_as_far_as_the_model_knows_them(tmp_path: Path) -> None:
    def table(name: str, labels: list[str]) -> Path:
        path = tmp_path / name
        rows = [f"{label},{label} says {k}" for k in range(40) for label in labels]
        path.write_text("label,text\n" + "\n".join(rows), "utf-8")
        return path

    made = charloom.train(
        table("t.csv", ["Sports", "World"]),
        columns=("text",),
        label_column="label",
        steps=2,
        hidden=4,
        device="cpu",
    )
    for labels in (["Sports", "World"], ["World"], ["Aaa", "Sports", "World"]):
        corpus = recover_corpus(made.record, [str(table("other.csv", labels))])
        found = list(iter_documents(corpus, corpus.training, made.record.labels))
        assert len(found) > 30
        for document in found:
            own = document.text.split()[0]
            assert document.label == (own if own in made.record.labels else None)


def test_texts_that_have_gone(tmp_path: Path) -> None:
    made = model(tmp_path)
    (tmp_path / "t.txt").unlink()
    with pytest.raises(CorpusError) as error:
        recover_corpus(made.record)
    assert str(error.value).startswith(
        "the texts that this model learned from are not where they were; name them with "
        f"--training: no file, folder, glob or corpus is named '{tmp_path / 't.txt'}'"
    )


def test_a_model_that_tells_nothing(tmp_path: Path) -> None:
    record = model(tmp_path).record
    for provenance in ({}, {"sources": ["-"]}):
        refused(record, provenance)


def refused(record: ModelRecord, provenance: dict[str, list[str]]) -> None:
    object.__setattr__(record, "provenance", provenance)
    with pytest.raises(CorpusError) as error:
        recover_corpus(record)
    assert str(error.value) == (
        "this model does not tell which texts it learned from; name them with --training."
    )
