"""The learning curves of a run, read from ``metrics.jsonl``."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from charloom.errors import ModelFolderError
from charloom.model_folder.format import METRICS

MAX_POINTS: Final = 400
"""Approximate upper limit of the points of the training curve; a chart shows no more."""

Curve = tuple[tuple[float, float], ...]
"""Seconds of training, and bits per character."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Curves:
    """The learning curves and the throughput of a run."""

    training: Curve
    """Running mean of the training loss, with dropout."""
    validation: Curve
    characters_per_second: float | None
    """Training throughput at the last recorded step; None without steps."""

    def to_json(self) -> dict[str, Any]:
        """Return the curves as a JSON object."""
        return dataclasses.asdict(self)


NO_CURVES: Final = Curves(training=(), validation=(), characters_per_second=None)


def read_curves(run: Path) -> Curves:
    """Return the curves of the run in a folder.

    They are empty if it has no ``metrics.jsonl``. Raises ModelFolderError if the file is damaged.
    """
    path = run / METRICS
    try:
        content = path.read_bytes()
        # The last line may be incomplete, while the run writes it or after it was killed. Lines are
        # split as bytes: samples may contain other line separators of str.splitlines.
        lines = content[: content.rfind(b"\n") + 1].splitlines()
        events = [json.loads(line) for line in lines]
        steps = [event for event in events if event["event"] == "step"]
        validations = [event for event in events if event["event"] == "validation"]
        return Curves(
            training=_thin(tuple(map(_point, steps))),
            validation=tuple(map(_point, validations)),
            characters_per_second=steps[-1]["characters_per_second"] if steps else None,
        )
    except FileNotFoundError:
        return NO_CURVES
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(
            f"{path} is damaged or cannot be read; copy the whole folder again from where it was "
            "made, or remove that file."
        ) from error


def _point(event: Mapping[str, Any]) -> tuple[float, float]:
    return float(event["seconds"]), float(event["bits_per_character"])


def _thin(curve: Curve) -> Curve:
    """Return about ``MAX_POINTS`` points of a curve, including the last one."""
    step = -(-len(curve) // MAX_POINTS)
    return curve if step < 2 else curve[len(curve) - 1 :: -step][::-1]
