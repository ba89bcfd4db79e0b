"""The pages: templates filled with findings. Whatever a text holds, it is shown as text."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from charloom.evaluation.memorisation import Memorisation, OverlapFigures
from charloom.formatting import escape_controls, format_duration
from charloom.model_folder.metrics import Curves
from charloom.report import pictures
from charloom.report.charts import Chart
from charloom.report.findings import Findings, Samples
from charloom.report.surprise import Surprise
from charloom.runs.compare import Result

_LEGEND_WORDS: Final = {
    "mark": {"lstm": "circles", "gru": "squares", "rnn": "triangles"},
    "line": {"lstm": "solid", "gru": "dashed", "rnn": "dotted"},
}
MAX_SHADE: Final = 9
"""The strongest shade: of so many bits and more."""
MAX_SPANS: Final = 5
"""Longest copies that are shown."""


def render_model_page(findings: Findings) -> str:
    """Return the page of one model."""
    return _environment().get_template("model.html").render(_context(findings))


def render_comparison_page(
    results: Sequence[Result],
    curves: Mapping[str, Curves],
    samples: Mapping[str, Samples],
    best: Findings,
) -> str:
    """Return the page of several models, the best first, and more of the ``best``.

    ``curves`` and ``samples`` are by name; not every model needs samples.
    """
    bits = {one.name: one.validation for one in results}
    cells = {one.name: one.cell for one in results}
    measures = {
        "Quality and size": (
            "parameters",
            {one.name: float(one.parameters) for one in results},
            False,
        ),
        "Quality and speed of learning": (
            "characters learned from a second",
            {one.name: one.training_rate for one in results if one.training_rate},
            True,
        ),
        "Quality and speed of writing": (
            "characters written a second, 64 texts side by side",
            {one.name: one.writing_rate for one in results},
            True,
        ),
    }
    best_of_cell = {one.cell: one for one in reversed(results)}
    context = {
        "results": results,
        "cells": sorted(best_of_cell.values(), key=lambda one: one.validation),
        "curves": pictures.curves_chart({one.name: curves[one.name] for one in results}, cells),
        "frontiers": pictures.frontier_charts(bits, cells, measures),
        "each": samples,
        "key": functools.partial(_legend, sorted(best_of_cell, key=pictures.CELLS.index)),
    }
    return _environment().get_template("comparison.html").render(_context(best) | context)


def _legend(cells: Sequence[str], shape: str) -> str:
    """Return what the shapes of marks, or the dashes of lines, say of cells."""
    legend = "; ".join(f"{_LEGEND_WORDS[shape][cell]}: {cell.upper()}" for cell in cells)
    return f"{legend[0].upper()}{legend[1:]}."


def _context(findings: Findings) -> dict[str, Any]:
    reached = findings.model["reached"]
    charts: dict[str, Chart | None] = {
        "learning": pictures.learning_chart(findings.curves, reached.get("seconds")),
        "temperatures": pictures.temperature_chart(findings.diversity),
        "novelty": pictures.novelty_chart(findings.memorisation),
    }
    return {
        "f": findings,
        "charts": charts,
        "bars": _baseline_bars(findings),
        "copying": _overlap_rows(findings.memorisation),
        "spans": _longest_spans(findings.memorisation),
    }


def _baseline_bars(findings: Findings) -> list[tuple[str, float, float]]:
    """Return the figures of the model and of others, best first, each with its share of the most.

    A model that knows only how many symbols there are would set the scale, and is left out.
    """
    others = findings.baselines or {}
    names = {
        "unigram": "frequencies of symbols",
        "ngram": "6-grams (Kneser-Ney)",
        "xz": "xz -9e",
        "zstd": "zstd -19",
    }
    figures = {name: others[key] for key, name in names.items() if key in others}
    figures["this model"] = findings.figures.bits_per_character
    most = max(figures.values())
    ordered = sorted(figures.items(), key=lambda item: item[1])
    return [(name, bits, bits / most) for name, bits in ordered]


def _overlap_rows(memorisation: Memorisation) -> list[tuple[str, str, str]]:
    """Return rows of what samples and held-out texts share with the training text."""
    assert memorisation.held_out is not None
    sides = (memorisation.samples, memorisation.held_out)

    def row(name: str, cells: Sequence[str]) -> tuple[str, str, str]:
        return (name, cells[0], cells[1])

    def shares(name: str, values: Sequence[float | None]) -> tuple[str, str, str]:
        return row(name, [_percent(value) for value in values])

    def lengths(name: str, quantile: float) -> tuple[str, str, str]:
        return row(name, [f"{_quantile(side, quantile):,}" for side in sides])

    return [
        row("texts", [f"{side.texts:,}" for side in sides]),
        shares("a training document, letter for letter", [side.whole for side in sides]),
        shares("a part of a training document", [side.within for side in sides]),
        lengths("longest copied span, median", 0.5),
        lengths("longest copied span, nine in ten are no longer", 0.9),
        lengths("longest copied span of all", 1.0),
        *(
            shares(f"characters in copied spans of {k} or more", [s.covered[k] for s in sides])
            for k in memorisation.samples.covered
        ),
    ]


def _quantile(side: OverlapFigures, quantile: float) -> int:
    return side.longest_quantiles[quantile]


def _longest_spans(memorisation: Memorisation) -> list[Any]:
    spans = [span for span in memorisation.samples.spans if span is not None]
    longest = sorted(spans, key=lambda span: -span.characters)
    different = {span.text: span for span in reversed(longest)}
    return sorted(different.values(), key=lambda span: -span.characters)[:MAX_SPANS]


def _percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{fraction:.1%}"


def _shade(bits: float) -> int:
    """Return the shade of a symbol: whole bits, up to the strongest shade."""
    return min(int(bits), MAX_SHADE)


def _symbols(text: Surprise) -> list[tuple[str, float, bool]]:
    """Return each symbol as it is shown, its bits, and whether it is the boundary."""
    last = len(text.symbols) - 1 if text.ends else None
    return [
        ("■" if place == last else _show_whitespace(symbol), bits, place == last)
        for place, (symbol, bits) in enumerate(text.symbols)
    ]


def _show_whitespace(symbol: str) -> str:
    """Return a symbol with its line breaks seen, and after them a real one."""
    return escape_controls(symbol).replace("\n", "↵\n").replace("\t", "⇥\t")


def _format_value(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "–"
    return f"{value:g}" if isinstance(value, float) else str(value)


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("charloom.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "duration": format_duration,
        "percent": _percent,
        "shade": _shade,
        "symbols": _symbols,
        "value": _format_value,
        "visible": escape_controls,
        "words": lambda name: str(name).replace("_", " "),
    }
    return environment
