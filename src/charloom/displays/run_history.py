"""The history of a run in a notebook: its curves, and samples over the run."""

from typing import Any, Final

from charloom.displays.panel import QUIET, SAMPLE, Panel, escape_text, frame, sample_text
from charloom.events import Sample
from charloom.formatting import format_count, format_duration, temperature_name
from charloom.model_folder.history import History

MAX_ROWS: Final = 8
"""Samples that are shown, evenly spaced over the validations."""
MAX_TEXT: Final = 120
"""Characters that are shown of a sample."""

# A table of boxes, since JupyterLab removes the columns of grids in notebooks that are not trusted.
_TABLE: Final = "display:table;margin:4px 0"
_ROW: Final = "display:table-row"
_CELL: Final = "display:table-cell;padding:0 10px 4px 0"
_NUMBER: Final = f"{_CELL};text-align:right;white-space:nowrap"


class RunHistory(History):
    """A history that a notebook shows."""

    def __repr__(self) -> str:
        return f"<charloom history: {self._summary()}>"

    def _repr_html_(self) -> str:
        # Imported here, since generating does without it.
        from charloom.displays.loss_curve import loss_curve

        curves = self.curves
        panel = Panel(
            title="History",
            subtitle=self._summary(),
            curve=loss_curve(curves.training, curves.validation),
        )
        return f"<div>{panel.to_html()}{self._strip()}</div>"

    def strip(self) -> tuple[Sample, ...]:
        """Return a sample of each of up to eight validations, evenly spaced, in order.

        They have the first prompt and the lowest temperature above 0, or else temperature 0. The
        first and the last validation with such a sample are among them.
        """
        temperatures = {sample.temperature for sample in self.samples}
        chosen = min(
            temperatures, key=lambda temperature: (temperature == 0, temperature), default=0
        )
        samples = [sample for sample in self.samples if sample.temperature == chosen]
        same_prompt = [sample for sample in samples if sample.prompt == samples[0].prompt]
        by_step = {sample.step: sample for sample in reversed(same_prompt)}
        ordered = [by_step[step] for step in sorted(by_step)]
        count = min(len(ordered), MAX_ROWS)
        return tuple(ordered[k * (len(ordered) - 1) // max(count - 1, 1)] for k in range(count))

    def _summary(self) -> str:
        if not self.events:
            return "nothing was recorded"
        validations = self.curves.validation
        parts = [format_duration(max(event["seconds"] for event in self.events))]
        if epochs := max((event.get("epoch", 0) for event in self.events), default=0):
            parts.append(format_count(epochs, "epoch"))
        if validations:
            parts.append(format_count(len(validations), "validation"))
            parts.append(f"best {min(bits for _, bits in validations):.3f} bits per character")
        if self.stop_reason == "interrupted":
            parts.append("interrupted")
        return ", ".join(parts)

    def _strip(self) -> str:
        """Return the samples as rows: the time, the validation loss and the text."""
        samples = self.strip()
        if not samples:
            return ""
        bits = {e["step"]: e["bits_per_character"] for e in self._events("validation")}
        heads = ("time", "bits", f"sample, {temperature_name(samples[0].temperature)}")
        rows = [
            f'<div style="{_NUMBER if k < 2 else _CELL};{QUIET}">{escape_text(head)}</div>'
            for k, head in enumerate(heads)
        ]
        cells = ["".join(rows), *(_row(sample, bits.get(sample.step)) for sample in samples)]
        content = "".join(f'<div style="{_ROW}">{cell}</div>' for cell in cells)
        return frame(f'<div style="{_TABLE}">{content}</div>')

    def _events(self, name: str) -> list[Any]:
        return [event for event in self.events if event["event"] == name]


def _row(sample: Sample, bits: float | None) -> str:
    label = "" if sample.label is None else f"{escape_text(sample.label, 40)}: "
    prefix = f'<span style="{QUIET}">{label}</span>' if label else ""
    return (
        f'<div style="{_NUMBER}">{format_duration(sample.seconds)}</div>'
        f'<div style="{_NUMBER}">{"" if bits is None else f"{bits:.3f}"}</div>'
        f'<div dir="auto" style="{_CELL};{SAMPLE}">{prefix}{sample_text(sample, MAX_TEXT)}</div>'
    )
