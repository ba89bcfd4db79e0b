"""The settings and metrics of one run of a comparison."""

import dataclasses
from typing import Any

from charloom.records import Record


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunResult(Record):
    """Settings and metrics of one run."""

    name: str
    """Name of the model folder."""
    cell: str
    layers: int
    hidden: int
    dropout: float
    learning_rate: float
    parameters: int
    validation: float
    """Bits per character of the validation set."""
    test: float | None
    """Bits per character of the test texts; None without test texts."""
    gap: float | None
    """Validation loss minus training loss; more of it means more overfitting."""
    training_rate: float | None
    """Characters trained on per second, at the end."""
    writing_rate: float
    """Characters generated per second, 64 texts in parallel."""
    seconds: float
    """Seconds of training until the best weights."""
    accepted: float | None = None
    """Fraction of 1,000 texts that the checker accepts; None without a checker."""

    def to_json(self) -> dict[str, Any]:
        """Return the result as a JSON object."""
        return self.to_dict()
