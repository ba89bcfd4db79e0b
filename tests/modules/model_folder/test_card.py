"""The model card shows what the folder records, and what its files disclose."""

from typing import Any

from records import document_index, record

from charloom.model_folder.card import model_card
from charloom.settings import TextSettings, TrainingSettings


def test_the_card_lists_network_metrics_and_provenance() -> None:
    text = TextSettings(columns=("title", "description"), clean=False)
    shown = model_card(
        record(text=text, provenance={"sources": ["a.csv", "b.csv"], "training_documents": 12345})
    )
    assert "at a time: LSTM, 1 layer of 6 units, embedding of 4, 15 symbols, " in shown
    assert (
        "**2.500 bits per character** on 3 documents that are not in the training set, "
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


def test_a_model_without_metrics_has_a_card_without_them() -> None:
    shown = model_card(record(metrics={}, provenance={}))
    assert "bits per character" not in shown
    assert "Provenance" not in shown


def test_the_card_says_what_hashes_disclose() -> None:
    disclosed = (
        "and `samples.jsonl` contains texts generated during training. `documents.bin` contains "
        "hashes of the training texts: no text can be recovered from it, but anyone who has a text "
        "can check whether the model was trained on it.\n"
    )
    assert disclosed in model_card(record(document_index=document_index(["a", "b"])))
    assert "contains texts generated during training.\n" in model_card(record())
    assert "documents.bin" not in model_card(record())


def test_the_card_names_the_models_that_a_run_started_from() -> None:
    first: dict[str, Any] = {
        "model": "runs/all",
        "metrics": {},
        "training_documents": None,
        "lineage": None,
    }
    second = {
        "model": None,
        "metrics": {"bits_per_character": 2.3456},
        "training_documents": 7220,
        "lineage": first,
    }
    rows = model_card(record(provenance={"lineage": second})).splitlines()
    place = rows.index("## Provenance")
    assert rows[place + 2 : place + 4] == [
        "- started from: a model in memory of 7,220 documents, 2.346 bits per character on its own "
        "texts",
        "- started from: runs/all",
    ]


def test_the_card_names_the_weights_of_sources() -> None:
    training = TrainingSettings(source_weights=(3, 0.5))
    assert "\n- source weights: 3, 0.5\n" in model_card(
        record(training=training, provenance={"sources": ["a.csv", "b.csv"]})
    )
    assert "source weights" not in model_card(record(provenance={"sources": ["a.csv"]}))
