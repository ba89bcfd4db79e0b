"""The notes of ``charloom score`` at its end: outliers, detection, classification."""

from collections import Counter
from typing import TYPE_CHECKING, Final

from charloom.cli.terminal import output
from charloom.formatting import format_percent, summarize

if TYPE_CHECKING:
    from charloom.data.input_lines import InputLine
    from charloom.evaluation.score_lines import ScoredLine

_MIN_LINES: Final = 20
"""Scored lines from which the share of outliers is compared with the expected one."""
_MIN_EXCESS: Final = 5
"""Times the expected share of outliers from which it is reported."""


class ScoreSummary:
    """Counts of scored lines."""

    def __init__(
        self,
        *,
        labels: tuple[str, ...],
        positive: str | None,
        false_alarms: float | None,
    ) -> None:
        self._labels = labels
        self._positive = positive
        self._false_alarms = false_alarms
        self._unknown: dict[str, None] = {}
        self._lines = 0
        self._outliers = 0
        self._surprises: list[float] = []
        self._is_positive: list[bool] = []
        self._is_marked: list[bool] = []
        self._pairs: Counter[tuple[str, str]] = Counter()
        """Lines by their own label and their most probable one."""

    def known_label(self, line: "InputLine") -> str | None:
        """Return the label of a line if the model knows it; the column may hold the truth."""
        if self._positive is not None or line.label is None:
            return None
        if line.label in self._labels:
            return line.label
        self._unknown[line.label] = None
        return None

    def count(self, line: "InputLine", scored: "ScoredLine | None") -> None:
        """Count a line."""
        if scored is None:
            return
        self._lines += 1
        self._outliers += bool(scored.outlier)
        if self._positive is not None:
            bits = scored.score.bits_per_character
            self._surprises.append(bits if scored.surprise is None else scored.surprise)
            self._is_positive.append(line.label == self._positive)
            if scored.outlier is not None:
                self._is_marked.append(scored.outlier)
        elif scored.label is not None and line.label in self._labels:
            self._pairs[line.label, scored.label] += 1

    def write(self) -> None:
        """Write the notes; raises CorpusError if there is nothing to detect."""
        if self._unknown:
            unknown = summarize(self._unknown)
            output.note(f"labels that the model does not know count as none: {unknown}.")
        if self._positive is not None:
            self._write_detection()
        elif self._false_alarms is not None:
            self._write_excess(self._false_alarms)
        if self._pairs:
            self._write_confusion()

    def _write_excess(self, expected: float) -> None:
        if self._lines < _MIN_LINES or self._outliers <= _MIN_EXCESS * expected * self._lines:
            return
        output.note(
            f"{self._outliers:,} of {self._lines:,} lines stand out, where "
            f"{format_percent(expected, 1)} were expected to: these texts differ from those "
            "learned, for example by later time stamps; --calibrate SOURCE fits the threshold to "
            "typical ones, and training with --mask-digits or --valid-tail prepares for such a "
            "change."
        )

    def _write_detection(self) -> None:
        from charloom.evaluation.detection import measure_detection

        marked = self._is_marked or None
        found = measure_detection(self._surprises, self._is_positive, marked)
        message = (
            f"ROC-AUC {found.roc_auc:.4f}: {found.positives:,} lines with {self._positive}, "
            f"{found.negatives:,} others"
        )
        if found.false_alarms is not None and found.misses is not None:
            alarms = format_percent(found.false_alarms / found.negatives, 2)
            misses = format_percent(found.misses / found.positives, 2)
            message += (
                f"; at the threshold {found.false_alarms:,} false alarms ({alarms}), "
                f"{found.misses:,} misses ({misses})"
            )
        output.note(message + ".")

    def _write_confusion(self) -> None:
        total = self._pairs.total()
        right = sum(self._pairs[label, label] for label in self._labels)
        output.note(
            f"accuracy {format_percent(right / total, 1)} of {total:,} lines; rows are their "
            "labels, columns the most probable ones:"
        )
        rows = [
            [own, *(f"{self._pairs[own, found]:,}" for found in self._labels)]
            for own in self._labels
        ]
        columns = range(1, len(self._labels) + 1)
        output.write_message_table([["", *self._labels], *rows], right=columns)
