"""What a training run is about to do, for those who tell of it or save it."""

import dataclasses
import math
from pathlib import Path

from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.text.corpus import Corpus


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
