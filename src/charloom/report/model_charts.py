"""The charts of the report: training curves, temperature, novelty, comparisons."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Final

from charloom.evaluation.diversity import Diversity
from charloom.evaluation.memorisation import Memorisation
from charloom.model_folder.metrics import Curves
from charloom.report.charts import Annotation, Chart, Series, line_chart
from charloom.report.scatter import ScatterPoint, scatter_chart

BITS: Final = "bits per character"
SECONDS: Final = "seconds of training"
CELLS: Final = ("lstm", "gru", "rnn")
"""In the order of their colors, dashes and shapes."""
CROP_BITS: Final = 0.3
"""The training curve is shown from this far above the highest validation loss."""
MAX_NAMED_CURVES: Final = 8
BEST_NAMED_CURVES: Final = 3
"""Number of curves, the best, that have a label if there are more than that."""


def learning_chart(curves: Curves, saved_at: float | None) -> Chart | None:
    """Return the training and validation loss over time; None without a validation.

    ``saved_at`` is the time in seconds when the saved weights were reached.
    """
    if not curves.validation:
        return None
    saved = [
        Annotation(x=seconds, y=bits, kind=0, tooltip=f"saved: {bits:.4f} after {seconds:.0f} s")
        for seconds, bits in curves.validation
        if seconds == saved_at
    ]
    limit = max(bits for _, bits in curves.validation) + CROP_BITS
    training = list(itertools.dropwhile(lambda point: point[1] > limit, curves.training))
    return line_chart(
        [
            Series(name="held out", points=curves.validation, kind=0),
            Series(name="training", points=training, kind=1),
        ],
        title="Training curves",
        x_title=SECONDS,
        y_title=BITS,
        annotations=saved[-1:],
    )


def temperature_chart(rows: Sequence[Diversity]) -> Chart | None:
    """Return distinct n-grams and copied characters over the temperature.

    The same percentages of held-out texts, which are in the row without a temperature, are
    horizontal lines.
    """
    sampled = [(row.temperature, row) for row in rows if row.temperature is not None]
    held_out = next(row for row in rows if row.temperature is None)
    n = max(held_out.distinct, key=int)

    def percent(pairs: Sequence[tuple[float, float | None]]) -> list[tuple[float, float]]:
        return [(x, 100 * fraction) for x, fraction in pairs if fraction is not None]

    distinct = percent([(temperature, row.distinct[n]) for temperature, row in sampled])
    copied = percent([(temperature, row.copied) for temperature, row in sampled])
    levels = {f"{n}-grams, held out": held_out.distinct[n], "copied, held out": held_out.copied}
    return line_chart(
        [
            Series(name=f"distinct {n}-grams", points=distinct, kind=0, marked=True),
            Series(name="copied characters", points=copied, kind=1, marked=True),
        ],
        title="Effect of the temperature",
        x_title="temperature",
        y_title="percent",
        levels={name: 100 * fraction for name, fraction in levels.items() if fraction is not None},
    )


def novelty_chart(memorisation: Memorisation) -> Chart | None:
    """Return the percentage of new n-grams by n, of samples and of held-out texts."""
    groups = [("samples", memorisation.samples, 0), ("held out", memorisation.held_out, 1)]
    return line_chart(
        [
            Series(
                name=name,
                points=[
                    (int(n), 100 * new) for n, new in group.novel_ngrams.items() if new is not None
                ],
                kind=kind,
                marked=True,
            )
            for name, group, kind in groups
            if group is not None
        ],
        title="New n-grams",
        x_title="n",
        y_title="percent of the n-grams",
    )


def curves_chart(curves: Mapping[str, Curves], cells: Mapping[str, str]) -> Chart | None:
    """Return the validation curves of runs, best first; None if there is no curve.

    Both arguments are by the name of the run.
    """
    named = MAX_NAMED_CURVES if len(curves) <= MAX_NAMED_CURVES else BEST_NAMED_CURVES
    series = [
        Series(name=name, points=run.validation, kind=cell_kind(cells[name]), labelled=rank < named)
        for rank, (name, run) in enumerate(curves.items())
        if run.validation
    ]
    best_points = [(min(line.points, key=lambda point: point[1]), line) for line in series]
    return line_chart(
        series,
        title="Training curves",
        x_title=SECONDS,
        y_title=BITS,
        annotations=[
            Annotation(x=x, y=y, kind=line.kind, tooltip=line.name) for (x, y), line in best_points
        ],
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cost:
    """A quantity that runs are compared by, beside their validation loss."""

    title: str
    axis: str
    """Title of the axis, with the unit."""
    values: Mapping[str, float]
    """By the name of the run; runs without a value are left out of the chart."""
    more_is_better: bool


def frontier_charts(
    bits: Mapping[str, float], cells: Mapping[str, str], costs: Sequence[Cost]
) -> list[Chart]:
    """Return a scatter chart of the validation loss against each cost."""
    return [
        scatter_chart(
            [
                ScatterPoint(name=name, x=value, y=bits[name], kind=cell_kind(cells[name]))
                for name, value in cost.values.items()
                if value > 0  # the axis is logarithmic
            ],
            title=cost.title,
            x_title=cost.axis,
            y_title=BITS,
            more_is_better=cost.more_is_better,
        )
        for cost in costs
        if any(cost.values.values())
    ]


def cell_kind(cell: str) -> int:
    """Return the number that selects the color, dashes and shape of a cell."""
    return CELLS.index(cell)
