"""The pictures of the report: which figures each one shows."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Final

from charloom.evaluation.diversity import Diversity
from charloom.evaluation.memorisation import Memorisation
from charloom.model_folder.metrics import Curves
from charloom.report.charts import Chart, ScatterPoint, Series, line_chart, scatter_chart

BITS: Final = "bits per character"
CELLS: Final = ("lstm", "gru", "rnn")
"""In the order of their colours."""
CROP_BITS: Final = 0.3
"""Bits above the highest held-out figure where the picture of a training curve begins."""
MAX_NAMED_CURVES: Final = 8
"""Curves that have their name beside them; of more, the best ones have."""


def learning_chart(curves: Curves, kept_at: float | None) -> Chart | None:
    """Return training and validation over the seconds; None if nothing was recorded."""
    if not curves.validation:
        return None
    marks = [
        (seconds, bits, 0, f"kept: {bits:.4f} after {seconds:.0f} s")
        for seconds, bits in curves.validation
        if seconds == kept_at
    ]
    highest = max(bits for _, bits in curves.validation) + CROP_BITS
    above = itertools.takewhile(lambda point: point[1] > highest, curves.training)
    return line_chart(
        [
            Series(name="held out", points=curves.validation, kind=0),
            Series(name="training", points=curves.training[len(list(above)) :], kind=1),
        ],
        title="How it learned",
        x_title="seconds of training",
        y_title=BITS,
        marks=marks[-1:],
    )


def temperature_chart(rows: Sequence[Diversity]) -> Chart | None:
    """Return what changes with the temperature, as shares, and the same of held-out texts."""
    drawn = [row for row in rows if row.temperature is not None]
    real = next(row for row in rows if row.temperature is None)
    most = max(real.distinct)

    def points(share: Mapping[float, float | None]) -> list[tuple[float, float]]:
        return [(t, 100 * value) for t, value in share.items() if value is not None]

    varied = {row.temperature or 0.0: row.distinct[most] for row in drawn}
    copied = {row.temperature or 0.0: row.copied for row in drawn}
    levels = {f"{most}-grams of held-out": real.distinct[most], "copied, held-out": real.copied}
    return line_chart(
        [
            Series(name=f"different {most}-grams", points=points(varied), kind=0, marked=True),
            Series(name="copied characters", points=points(copied), kind=1, marked=True),
        ],
        title="What temperature does",
        x_title="temperature",
        y_title="percent",
        levels={name: 100 * share for name, share in levels.items() if share is not None},
    )


def novelty_chart(memorisation: Memorisation) -> Chart | None:
    """Return the share of new n-grams by their length, of samples and of held-out texts."""
    sides = [("samples", memorisation.samples, 0), ("held out", memorisation.held_out, 1)]
    return line_chart(
        [
            Series(
                name=name,
                points=[(n, 100 * new) for n, new in side.novel_ngrams.items() if new is not None],
                kind=kind,
                marked=True,
            )
            for name, side, kind in sides
            if side is not None
        ],
        title="What is new in it",
        x_title="n",
        y_title="percent of the n-grams",
    )


def curves_chart(curves: Mapping[str, Curves], cells: Mapping[str, str]) -> Chart | None:
    """Return the validation curve of each run; the best run comes first. None: there is none."""
    named = list(curves)[: MAX_NAMED_CURVES if len(curves) <= MAX_NAMED_CURVES else 3]
    series = [
        Series(name=name, points=own.validation, kind=_kind(cells[name]), labelled=name in named)
        for name, own in curves.items()
        if own.validation
    ]
    if not series:
        return None
    marks = [(*min(one.points, key=lambda point: point[1]), one.kind, one.name) for one in series]
    return line_chart(
        series,
        title="How each one learned",
        x_title="seconds of training",
        y_title=BITS,
        marks=marks,
    )


def frontier_charts(
    bits: Mapping[str, float],
    cells: Mapping[str, str],
    measures: Mapping[str, tuple[str, Mapping[str, float], bool]],
) -> list[Chart]:
    """Return quality against each measure: title by axis, figure by run, whether more is better."""
    return [
        scatter_chart(
            [
                ScatterPoint(name=name, x=figure, y=bits[name], kind=_kind(cells[name]))
                for name, figure in figures.items()
                if figure > 0  # the axis is logarithmic
            ],
            title=title,
            x_title=axis,
            y_title=BITS,
            more_is_better=more_is_better,
        )
        for title, (axis, figures, more_is_better) in measures.items()
        if any(figures.values())
    ]


def _kind(cell: str) -> int:
    return CELLS.index(cell)
