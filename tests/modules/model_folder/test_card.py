from records import document_index, record

from charloom.model_folder.card import model_card
from charloom.settings import TextSettings


def test_the_card_tells_what_the_folder_records() -> None:
    text = TextSettings(columns=("title", "description"), clean=False)
    shown = model_card(
        record(text=text, provenance={"sources": ["a.csv", "b.csv"], "training_documents": 12345})
    )
    assert "at a time: LSTM, 1 layer of 6 units, embedding of 4, 15 symbols, " in shown
    assert (
        "**2.500 bits per character** on 3 documents that are not in the training part, "
        "after 7 steps and 2 seconds."
    ) in shown
    for line in (
        "- sources: a.csv, b.csv",
        "- training documents: 12,345",
        "- columns: title, description",
        "- clean: False",
        "- level: char",
    ):
        assert f"{line}\n" in shown
    assert "label_column" not in shown


def test_a_model_without_figures_promises_none() -> None:
    shown = model_card(record(metrics={}, provenance={}))
    assert "bits per character" not in shown
    assert "Provenance" not in shown


def test_the_card_tells_what_hashes_disclose() -> None:
    told = (
        "and `samples.jsonl` holds texts written while learning. `documents.bin` holds hashes of "
        "the training texts: no text can be read from it, but whoever has one can find out whether "
        "the model has learned from it.\n"
    )
    assert told in model_card(record(document_index=document_index(["a", "b"])))
    assert "holds texts written while learning.\n" in model_card(record())
    assert "documents.bin" not in model_card(record())
