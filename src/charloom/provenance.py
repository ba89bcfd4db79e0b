"""Where a model comes from: what its folder records of sources, software and machine."""

import datetime
import platform
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from charloom.text.corpus import Corpus
from charloom.text.symbols import repair


def provenance(
    names: Sequence[str], validation: str | None, corpus: Corpus, processes: int = 1
) -> dict[str, Any]:
    """Return what the model folder tells of sources, corpus, software and machine."""
    return {
        "sources": [repair(name) for name in names],  # not every file name is text
        "validation": None if validation is None else repair(validation),
        "corpus_fingerprint": corpus.fingerprint,
        "training_documents": len(corpus.training),
        "training_characters": corpus.training.total_characters,
        "charloom": metadata.version("charloom"),
        "torch": metadata.version("torch"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "processes": processes,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }
