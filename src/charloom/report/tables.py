"""The tables of the report that are computed from the findings."""

from collections.abc import Callable
from typing import Final, NamedTuple

from charloom.evaluation.copies import CopiedSpan
from charloom.evaluation.memorisation import Memorisation, OverlapFigures
from charloom.formatting import BASELINE_NAMES, format_percent_cell
from charloom.report.findings import Findings

MAX_SPANS: Final = 5
"""Longest copies that are shown."""
MISSING: Final = "–"
THIS_MODEL: Final = "this model"


class Bar(NamedTuple):
    """A row of the table of baselines."""

    name: str
    bits: float
    """Per character."""
    fraction: float
    """Of the highest value in the table."""


def baseline_bars(findings: Findings) -> list[Bar]:
    """Return the bits per character of the model and of the baselines, best first.

    The uniform baseline is left out: it would be by far the longest bar.
    """
    bits = {
        BASELINE_NAMES[name]: value
        for name, value in (findings.baselines or {}).items()
        if name != "uniform"
    }
    bits[THIS_MODEL] = findings.evaluation.bits_per_character
    highest = max(bits.values())
    ordered = sorted(bits.items(), key=lambda item: item[1])
    return [Bar(name, value, value / highest) for name, value in ordered]


class OverlapRow(NamedTuple):
    """A row of the table of copied text."""

    name: str
    samples: str
    held_out: str


def overlap_rows(memorisation: Memorisation) -> list[OverlapRow]:
    """Return the overlap of samples, and of held-out texts, with the training texts."""
    assert memorisation.held_out is not None
    samples, held_out = memorisation.samples, memorisation.held_out

    def row(name: str, cell: Callable[[OverlapFigures], str]) -> OverlapRow:
        return OverlapRow(name, cell(samples), cell(held_out))

    def percent(fraction: float | None) -> str:
        return format_percent_cell(fraction, MISSING)

    def span_row(name: str, quantile: str) -> OverlapRow:
        return row(f"longest copied span, {name}", lambda f: f"{f.longest_quantiles[quantile]:,}")

    def covered_row(length: str) -> OverlapRow:
        name = f"characters in copied spans of {length} or more"
        return row(name, lambda f: percent(f.covered[length]))

    return [
        row("texts", lambda figures: f"{figures.texts:,}"),
        row("identical to a training document", lambda figures: percent(figures.whole)),
        row("contained in a training document", lambda figures: percent(figures.within)),
        span_row("median", "0.5"),
        span_row("90 % quantile", "0.9"),
        span_row("maximum", "1.0"),
        *map(covered_row, samples.covered),
    ]


def longest_spans(memorisation: Memorisation) -> list[CopiedSpan]:
    """Return the longest copies; of equal texts, that of the first sample."""
    return [span for _, span in memorisation.longest_copies(MAX_SPANS)]
