"""The HTML pages: templates filled with findings.

All texts, labels and names are escaped.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Final

from jinja2 import Environment

from charloom.evaluation.run_result import RunResult
from charloom.formatting import (
    escape_controls,
    format_duration,
    format_percent_cell,
    format_value,
)
from charloom.model_folder.metrics import Curves
from charloom.pages.environment import make_environment
from charloom.report import model_charts, tables
from charloom.report.charts import Chart
from charloom.report.findings import BasicFindings, Findings, Samples
from charloom.report.model_charts import Cost
from charloom.report.surprise import Surprise

_LEGEND_WORDS: Final = {
    "mark": {"lstm": "circles", "gru": "squares", "rnn": "triangles"},
    "line": {"lstm": "solid", "gru": "dashed", "rnn": "dotted"},
}
MAX_SHADE: Final = 9
"""The shade of symbols with a surprise of this many bits or more."""
BOUNDARY_SIGN: Final = "■"


def render_model_page(findings: BasicFindings) -> str:
    """Return the page of one model."""
    return _environment().get_template("model.html").render(_context(findings))


def render_comparison_page(
    results: Sequence[RunResult],
    curves: Mapping[str, Curves],
    samples: Mapping[str, Samples],
    best: BasicFindings,
) -> str:
    """Return the page of a comparison, with the best model in detail.

    ``results`` are sorted, best first; ``best`` are the findings of the best model at hand.
    ``curves`` and ``samples`` are by the name of the run; runs without samples are allowed.
    """
    bits = {run.name: run.validation for run in results}
    cells = {run.name: run.cell for run in results}
    costs = [
        Cost(
            title="Quality and size",
            axis="parameters",
            values={run.name: float(run.parameters) for run in results},
            more_is_better=False,
        ),
        Cost(
            title="Quality and training speed",
            axis="training characters per second",
            values={run.name: run.training_rate for run in results if run.training_rate},
            more_is_better=True,
        ),
        Cost(
            title="Quality and generation speed",
            axis="generated characters per second, 64 texts at once",
            values={run.name: run.writing_rate for run in results},
            more_is_better=True,
        ),
    ]
    best_of_cell = {run.cell: run for run in reversed(results)}
    context = {
        "results": results,
        "cells": sorted(best_of_cell.values(), key=lambda run: run.validation),
        "curves": model_charts.curves_chart({run.name: curves[run.name] for run in results}, cells),
        "frontiers": model_charts.frontier_charts(bits, cells, costs),
        "each": samples,
        "legend": functools.partial(_legend, sorted(best_of_cell, key=model_charts.cell_kind)),
    }
    return _environment().get_template("comparison.html").render(_context(best) | context)


def render_heat(text: Surprise) -> str:
    """Return a text with shaded symbols as a part of another page, such as a notebook."""
    return _environment().get_template("heat.html").render(text=text)


def _context(findings: BasicFindings) -> dict[str, Any]:
    """Return the variables of the templates that describe one model."""
    saved_at = findings.model["reached"].get("seconds")
    charts: dict[str, Chart | None] = {
        "learning": model_charts.learning_chart(findings.curves, saved_at)
    }
    context = {"f": findings, "charts": charts, "this_model": tables.THIS_MODEL}
    if not isinstance(findings, Findings):
        return context
    charts["temperatures"] = model_charts.temperature_chart(findings.diversity)
    charts["novelty"] = model_charts.novelty_chart(findings.memorisation)
    return context | {
        "bars": tables.baseline_bars(findings),
        "overlap": tables.overlap_rows(findings.memorisation),
        "spans": tables.longest_spans(findings.memorisation),
    }


def _legend(cells: Sequence[str], shape: str) -> str:
    """Return the key to the shapes of marks, or to the dashes of lines.

    >>> _legend(["lstm", "rnn"], "mark")
    'Circles: LSTM; triangles: RNN.'
    """
    legend = "; ".join(f"{_LEGEND_WORDS[shape][cell]}: {cell.upper()}" for cell in cells)
    return f"{legend[0].upper()}{legend[1:]}."


def _shade(bits: float) -> int:
    return min(int(bits), MAX_SHADE)


def _shown_symbols(text: Surprise) -> list[tuple[str, float, bool]]:
    """Return each symbol as it is shown, its bits, and whether it is the boundary."""
    last = len(text.symbols) - 1 if text.ends else None
    return [
        (BOUNDARY_SIGN if index == last else _show_whitespace(symbol), bits, index == last)
        for index, (symbol, bits) in enumerate(text.symbols)
    ]


def _show_whitespace(symbol: str) -> str:
    """Put a visible sign before line breaks and tabs."""
    return escape_controls(symbol).replace("\n", "↵\n").replace("\t", "⇥\t")


@functools.cache
def _environment() -> Environment:
    environment = make_environment("charloom.report")
    environment.filters |= {
        "duration": format_duration,
        "percent": functools.partial(format_percent_cell, missing=tables.MISSING),
        "shade": _shade,
        "symbols": _shown_symbols,
        "value": format_value,
        "words": lambda name: str(name).replace("_", " "),
    }
    return environment
