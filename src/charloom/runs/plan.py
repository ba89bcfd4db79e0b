"""What a training run is about to do, for those who tell of it or save it."""

import dataclasses
import datetime
import math
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from charloom.data.corpus import Corpus
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.text.symbols import replace_surrogates


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What a training run is about to do."""

    text: TextSettings
    network: NetworkSettings
    training: TrainingSettings
    corpus: Corpus
    layers: tuple[tuple[str, int], ...]
    """Each part of the network and its number of parameters."""
    device: str
    precision: str
    output: Path | None
    sources: tuple[str, ...] = ()
    threads: int = 1
    processes: int = 1
    """Processes that learn as one."""
    best: float = math.inf
    """The best figure before a run that was stopped goes on, in bits per character."""
    notes: tuple[str, ...] = ()
    """What the user should be told, besides what concerns the corpus."""


def provenance(
    sources: Sequence[str], validation: str | None, corpus: Corpus, processes: int = 1
) -> dict[str, Any]:
    """Return what the model folder tells of sources, corpus, software and machine."""
    return {
        "sources": [replace_surrogates(name) for name in sources],  # not every file name is text
        "validation": None if validation is None else replace_surrogates(validation),
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
