import dataclasses

import pytest
from records import document_index, record

from charloom.errors import SettingsError
from charloom.exchange.public_record import public_record
from charloom.settings import TrainingSettings

LINEAGE = {
    "model": "runs/secret",
    "metrics": {"bits_per_character": 3.0, "note": "secret"},
    "sources": ["secret.txt"],
    "training_documents": 5,
    "date": "2026-01-01",
    "lineage": {"model": "runs/older", "sources": ["secret2.txt"]},
}
PROVENANCE = {
    "sources": ["/home/secret/titles.txt"],
    "validation": "/home/secret/valid.txt",
    "corpus_fingerprint": "abc",
    "machine": "Linux x86_64",
    "notes": ["secret"],
    "reading": {"secret": 1},
    "date": "2026-02-02",
    "charloom": "0.1.0",
    "training_documents": 7,
    "lineage": LINEAGE,
    "future": "secret",
}


def test_names_of_files_and_hashes_are_left_out() -> None:
    full = record(
        provenance=PROVENANCE,
        document_index=document_index(["secret"]),
        training=TrainingSettings(steps=3, prompts=("secret",)),
    )
    public = public_record(full)
    assert public.document_index is None
    assert public.training == TrainingSettings(steps=3)
    assert public.provenance == {
        "date": "2026-02-02",
        "charloom": "0.1.0",
        "training_documents": 7,
        "lineage": {
            "model": None,
            "metrics": {"bits_per_character": 3.0},
            "sources": [],
            "training_documents": 5,
            "date": "2026-01-01",
            "lineage": {
                "model": None,
                "metrics": {},
                "sources": [],
                "training_documents": None,
                "date": None,
                "lineage": None,
            },
        },
    }
    assert "secret" not in repr(dataclasses.replace(public, tensors={}))


def test_license_and_language_are_recorded_and_stay() -> None:
    first = public_record(record(), "Apache-2.0", "sv")
    assert first.provenance["license"] == "apache-2.0"
    again = public_record(first)
    assert (again.provenance["license"], again.provenance["language"]) == ("apache-2.0", "sv")
    assert public_record(first, "mit").provenance["license"] == "mit"


def test_other_names_are_refused() -> None:
    with pytest.raises(SettingsError) as error:
        public_record(record(), license="my\nlicense")
    assert str(error.value) == (
        'license is "my\\nlicense"; give an identifier, such as apache-2.0, mit or cc-by-4.0.'
    )
    with pytest.raises(SettingsError) as error:
        public_record(record(), language="Swedish")
    assert str(error.value) == ('language is "Swedish"; give a code of ISO 639, such as en or sv.')
