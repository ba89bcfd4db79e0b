"""The plan of a training run, for views and for the model folder."""

import dataclasses
import datetime
import math
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from charloom.data.corpus import Corpus
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.text.symbols import replace_surrogates


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """All that is decided before the first step of a run."""

    text: TextSettings
    network: NetworkSettings
    training: TrainingSettings
    corpus: Corpus
    layers: tuple[tuple[str, int], ...]
    """Names of the layers of the network, with their numbers of parameters."""
    device: str
    precision: str
    output: Path | None
    """The model folder; None if this process does not write one."""
    sources: tuple[str, ...] = ()
    threads: int = 1
    """Threads of this process."""
    processes: int = 1
    best: float = math.inf
    """Lowest validation loss of the resumed run, in bits per character; infinite at first."""
    notes: tuple[str, ...] = ()
    """Notes for the user, besides those of the corpus."""


def software_versions(device: str) -> dict[str, str]:
    """Return the version of each package that computes on ``device``."""
    numerical = ("numpy", "numba") if device == "cpu" else ("numpy", "torch")
    return {name: metadata.version(name) for name in ("charloom", *numerical)}


def provenance(plan: Plan, validation: str | None) -> dict[str, Any]:
    """Return the sources, corpus, software and machine, for the model folder."""
    training_set = plan.corpus.training
    return {
        "sources": [replace_surrogates(name) for name in plan.sources],  # file names can be invalid
        "validation": None if validation is None else replace_surrogates(validation),
        "corpus_fingerprint": plan.corpus.fingerprint,
        "training_documents": len(training_set),
        "training_characters": training_set.total_characters,
        **software_versions(plan.device),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "processes": plan.processes,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "device": plan.device,
        "precision": plan.precision,
        "parameters": sum(count for _, count in plan.layers),
        "reading": dict(plan.corpus.reading),
        "notes": list(plan.corpus.notes),
    }
