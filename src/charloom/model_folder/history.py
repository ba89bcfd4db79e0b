"""The history of a run, from a model folder or from memory."""

import dataclasses
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from charloom.events import Sample
from charloom.model_folder.format import METRICS, REPORT_FIGURES, SAMPLES
from charloom.model_folder.metrics import Curves, damaged_metrics, read_events

_SAMPLE_FIELDS: Final = [field.name for field in dataclasses.fields(Sample)]


@dataclasses.dataclass(frozen=True)
class History:
    """The recorded events of a run, as in ``metrics.jsonl``."""

    events: tuple[Mapping[str, Any], ...] = ()
    baselines: Mapping[str, float] = dataclasses.field(default_factory=dict)
    """Bits per character by baseline, from a report in the model folder; empty without one."""

    @cached_property
    def curves(self) -> Curves:
        """The training and validation losses."""
        return Curves.from_events(self.events)

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """The texts that were generated during the run, in order."""
        # Later versions may add fields to events.
        return tuple(
            Sample(**{name: event[name] for name in _SAMPLE_FIELDS})
            for event in self.events
            if event["event"] == "sample"
        )

    @property
    def stop_reason(self) -> str | None:
        """``"budget"`` or ``"interrupted"``.

        None for a run that was killed, or whose events were not recorded.
        """
        reasons = [event["reason"] for event in self.events if event["event"] == "stopped"]
        return reasons[-1] if reasons else None

    def to_files(self) -> dict[str, bytes]:
        """Return the files of a model folder that hold the events; none without events."""
        samples = [event for event in self.events if event["event"] == "sample"]
        files = {METRICS: self.events, SAMPLES: samples}
        return {name: _json_lines(events) for name, events in files.items() if events}


def read_history(run: Path) -> History:
    """Return the history of the run in a folder; an empty one if it has none.

    Raises ModelFolderError if it is damaged.
    """
    with damaged_metrics(run):
        history = History(tuple(read_events(run)), _read_baselines(run))
        # Both are computed here, where a damaged event is reported.
        _ = history.curves, history.samples, history.stop_reason
        return history


def _read_baselines(run: Path) -> dict[str, float]:
    """Return the baselines of the report in a folder; none without a report."""
    try:
        baselines = json.loads((run / REPORT_FIGURES).read_bytes())["baselines"]
        return {str(name): float(bits) for name, bits in baselines.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _json_lines(events: Any) -> bytes:
    return "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events).encode()
