"""The learning curves of a run, read from ``metrics.jsonl``."""

import contextlib
import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from charloom.errors import ModelFolderError
from charloom.model_folder.format import METRICS

MAX_POINTS: Final = 400
"""Approximate upper limit of the points of the training curve; a chart shows no more."""

Point = tuple[float, float]
Curve = tuple[Point, ...]
"""Seconds of training, and bits per character."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Curves:
    """The learning curves and the throughput of a run."""

    training: Curve
    """Running mean of the training loss, with dropout."""
    validation: Curve
    characters_per_second: float | None
    """Training throughput at the last recorded step; None without steps."""

    @classmethod
    def from_events(cls, events: Sequence[Mapping[str, Any]]) -> Self:
        """Return the curves of events that have the form of ``metrics.jsonl``."""
        steps = [event for event in events if event["event"] == "step"]
        validations = [event for event in events if event["event"] == "validation"]
        return cls(
            training=thin([*map(_point, steps)], MAX_POINTS),
            validation=tuple(map(_point, validations)),
            characters_per_second=steps[-1]["characters_per_second"] if steps else None,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the curves as a JSON object."""
        return dataclasses.asdict(self)


def read_curves(run: Path) -> Curves:
    """Return the curves of the run in a folder.

    They are empty if it has no ``metrics.jsonl``. Raises ModelFolderError if the file is damaged.
    """
    with damaged_metrics(run):
        return Curves.from_events(read_events(run))


def read_events(run: Path) -> list[Mapping[str, Any]]:
    """Return the events of the run in a folder; none if it has no ``metrics.jsonl``."""
    try:
        content = (run / METRICS).read_bytes()
    except FileNotFoundError:
        return []
    # The last line may be incomplete, while the run writes it or after it was killed. Lines are
    # split as bytes: samples may contain other line separators of str.splitlines.
    return [json.loads(line) for line in content[: content.rfind(b"\n") + 1].splitlines()]


@contextlib.contextmanager
def damaged_metrics(run: Path) -> Iterator[None]:
    """Raise ModelFolderError for the errors of reading a damaged file of events."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(
            f"{run / METRICS} is damaged or cannot be read; copy the whole folder again from where "
            "it was made, or remove that file."
        ) from error


def thin(points: Sequence[Point], limit: int) -> tuple[Point, ...]:
    """Return about ``limit`` points of a curve at most, including the last one."""
    step = -(-len(points) // limit)
    return tuple(points if step < 2 else points[len(points) - 1 :: -step][::-1])


def _point(event: Mapping[str, Any]) -> tuple[float, float]:
    return float(event["seconds"]), float(event["bits_per_character"])
