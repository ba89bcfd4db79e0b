"""A listener that writes a run as event files of TensorBoard, beside the model.

The files are in three folders, which TensorBoard calls runs. Training and validation curves have
the same name in two of them, so they are drawn in one chart. Settings and samples are in the folder
above. The package tensorboard is an extra, of which only the formats are used. A record is appended
completely or not at all. File names do not contain the host name.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from charloom.errors import SettingsError
from charloom.events import STEP_SECONDS, Event, Sample, Step, Throttle, Validation
from charloom.extras import require_package
from charloom.formatting import quote, sample_heading
from charloom.model_folder.format import TENSORBOARD, ModelRecord
from charloom.model_folder.writer import EVENT_FILE_PREFIX, ModelWriter

if TYPE_CHECKING:
    from tensorboard.compat.proto.summary_pb2 import Summary

LOG: Final = "tensorboard"
"""The only kind of log."""


def check_log(log: str | None, output: str | Path | None) -> None:
    """Raise an error if the requested log cannot be written.

    None is no log, which is always valid. Raises SettingsError for another value than LOG or for a
    missing model folder, MissingPackageError if the package tensorboard is not installed.
    """
    if log is None:
        return
    if log != LOG:
        raise SettingsError(f"log is {log!r}; allowed: {LOG}.")
    if output is None:
        raise SettingsError(f"--log {LOG} needs a model folder: add --output RUN, or drop --log.")
    require_package("tensorboard", f"--log {LOG}", "leave --log out")


class TensorBoardLog:
    """Writes settings, samples and metrics.

    It has the metrics of the same steps as metrics.jsonl.
    """

    def __init__(
        self, writer: ModelWriter, record: ModelRecord, clock: Callable[[], float] = time.time
    ) -> None:
        self._writer = writer
        self._clock = clock
        self._file = f"{EVENT_FILE_PREFIX}{int(clock())}.charloom"
        self._started_files: set[str] = set()
        self._step_throttle = Throttle(STEP_SECONDS)
        self._write_settings(record)

    def __call__(self, event: Event) -> None:
        """Write a step, a validation or a sample; other events are ignored."""
        match event:
            case Step() if self._step_throttle.admit(event.seconds):
                metrics = {
                    "bits_per_character": event.bits_per_character,
                    "learning_rate": event.learning_rate,
                    "characters_per_second": event.characters_per_second,
                    "memory_bytes": event.memory_bytes,
                    "device_memory_bytes": event.device_memory_bytes,
                }
                self._write("training", event.step, _scalars(metrics))
            case Validation():
                metrics = {"bits_per_character": event.bits_per_character}
                if event.accepted is not None:
                    metrics["accepted"] = event.accepted
                self._write("validation", event.step, _scalars(metrics))
            case Sample():
                name = f"{sample_heading(event)} {quote(event.prompt)}"
                self._write("", event.step, _text(f"samples/{name}", event.text))

    def _write_settings(self, record: ModelRecord) -> None:
        from tensorboard.plugins.hparams.summary_v2 import hparams_pb

        groups = {"text": record.text, "network": record.network, "training": record.training}
        settings = {
            f"{group}.{name}": value if isinstance(value, bool | int | float | str) else str(value)
            for group, values in groups.items()
            for name, value in values.to_json().items()
        }
        self._write("", 0, hparams_pb(settings, start_time_secs=self._clock()))
        listing = "\n".join(f"{name}: {value}" for name, value in settings.items())
        self._write("", 0, _text("settings", listing))

    def _write(self, run: str, step: int, summary: Summary) -> None:
        """Append a record to the file of a run; a new file starts with its format version."""
        from tensorboard.compat.proto.event_pb2 import Event as Record
        from tensorboard.summary.writer.record_writer import RecordWriter

        now = self._clock()
        buffer = io.BytesIO()
        records = RecordWriter(buffer)
        if run not in self._started_files:
            self._started_files.add(run)
            records.write(Record(wall_time=now, file_version="brain.Event:2").SerializeToString())
        records.write(Record(wall_time=now, step=step, summary=summary).SerializeToString())
        name = "/".join(filter(None, (TENSORBOARD, run, self._file)))
        self._writer.append_bytes(name, buffer.getvalue())


def _scalars(metrics: dict[str, Any]) -> Summary:
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary(
        value=[
            Summary.Value(tag=name, simple_value=value)
            for name, value in metrics.items()
            if value is not None
        ]
    )


def _text(name: str, text: str) -> Summary:
    """Return a text that TensorBoard shows unchanged.

    It renders Markdown, where indented lines are preformatted.
    """
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING
    from tensorboard.plugins.text.metadata import create_summary_metadata

    lines = "\n".join("    " + line for line in text.splitlines())
    value = Summary.Value(
        tag=name,
        metadata=create_summary_metadata(display_name="", description=""),
        tensor=TensorProto(dtype=DT_STRING, string_val=[lines.encode()]),
    )
    return Summary(value=[value])
