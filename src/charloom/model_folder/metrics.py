"""The learning curves of a run, from the events that its folder keeps."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from charloom.errors import ModelFolderError
from charloom.model_folder.format import METRICS

MAX_POINTS: Final = 400
"""Of the training curve: more are not seen."""

Curve = tuple[tuple[float, float], ...]
"""Seconds of training, and bits per character."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Curves:
    """How a run went."""

    training: Curve
    """An average over recent steps, with what dropout costs."""
    validation: Curve
    characters_per_second: float | None
    """Characters learned from a second, at the last step that was told of; None: none was."""

    def to_json(self) -> dict[str, Any]:
        """Return the curves as a JSON object."""
        return dataclasses.asdict(self)


def read_curves(run: Path) -> Curves:
    """Return the curves of the run in a folder; empty ones if its events are not there.

    Raises ModelFolderError if they are not what charloom writes.
    """
    path = run / METRICS
    try:
        content = path.read_bytes()
        # A run that goes on, or was killed, may have written a part of a line. Only line feeds part
        # lines: a sample may hold what str.splitlines takes for one.
        lines = content[: content.rfind(b"\n") + 1].splitlines()
        events = [json.loads(line) for line in lines]
        steps = [event for event in events if event["event"] == "step"]
        measured = [event for event in events if event["event"] == "validation"]
        return Curves(
            training=_thin(tuple(map(_point, steps))),
            validation=tuple(map(_point, measured)),
            characters_per_second=steps[-1]["characters_per_second"] if steps else None,
        )
    except FileNotFoundError:
        return Curves(training=(), validation=(), characters_per_second=None)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelFolderError(
            f"{path} is damaged or cannot be read; copy the whole folder again from where it was "
            "made, or remove that file."
        ) from error


def _point(event: Mapping[str, Any]) -> tuple[float, float]:
    return float(event["seconds"]), float(event["bits_per_character"])


def _thin(curve: Curve) -> Curve:
    """Return about ``MOST_POINTS`` of a curve, the last one among them."""
    step = -(-len(curve) // MAX_POINTS)
    return curve if step < 2 else curve[len(curve) - 1 :: -step][::-1]
