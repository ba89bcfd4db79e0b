"""Small model records and model folders, made without training."""

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from networks import random_tensors

from charloom.model_folder.document_index import DocumentIndex
from charloom.model_folder.format import ModelRecord
from charloom.model_folder.writer import create_model_folder
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.text.vocabulary import Vocabulary

ALPHABET = "abcdefghij \U0001f600é"


def record(labels: tuple[str, ...] = (), **changes: Any) -> ModelRecord:
    """Return a model record with random weights over a small alphabet."""
    default = Vocabulary.from_counts("char", ALPHABET, range(9, 9 + len(ALPHABET)), 1, 5)
    vocabulary = changes.pop("vocabulary", default)
    network = changes.pop("network", NetworkSettings(hidden=6, input=4))
    fields: dict[str, Any] = {
        "text": TextSettings(),
        "network": network,
        "training": TrainingSettings(steps=3),
        "vocabulary": vocabulary,
        "labels": labels,
        "tensors": random_tensors(network, len(vocabulary), len(labels)),
        "metrics": {
            "bits_per_character": 2.5,
            "validation_documents": 3,
            "step": 7,
            "seconds": 1.5,
        },
        "provenance": {"sources": ["titles.txt"], "charloom": "0.1.0"},
    }
    return ModelRecord(**(fields | changes))


def folder(path: Path, **changes: Any) -> Path:
    """Create a model folder and return its path."""
    create_model_folder(path, record(**changes))
    return path


def document_index(texts: Sequence[str]) -> DocumentIndex:
    """Return the index of some documents."""
    digests = b"".join(blake2b(text.encode(), digest_size=8).digest() for text in texts)
    hashes = np.frombuffer(digests, "<u8").astype(np.uint64)
    return DocumentIndex.from_hashes(lambda: iter([hashes]), len(hashes))
