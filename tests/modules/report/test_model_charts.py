"""The values in the charts of the report, read from the tooltips and lines."""

import re
from collections.abc import Sequence

import pytest

from charloom.evaluation.diversity import Diversity
from charloom.evaluation.memorisation import Memorisation, OverlapFigures
from charloom.model_folder.metrics import Curves
from charloom.report.charts import Chart
from charloom.report.model_charts import (
    Cost,
    curves_chart,
    frontier_charts,
    learning_chart,
    novelty_chart,
    temperature_chart,
)


def tooltips(chart: Chart | None) -> list[str]:
    assert chart is not None
    return [mark.tooltip for mark in chart.marks]


def point_counts(chart: Chart | None) -> dict[str, int]:
    """Return the number of points of each line."""
    assert chart is not None
    return {line.tooltip: len(re.findall("[ML]", line.path)) for line in chart.lines}


def curves_of(
    validation: Sequence[tuple[float, float]], training: Sequence[tuple[float, float]] = ()
) -> Curves:
    return Curves(
        training=tuple(training), validation=tuple(validation), characters_per_second=None
    )


def row(temperature: float | None, distinct: float | None, copied: float | None) -> Diversity:
    return Diversity(
        temperature=temperature,
        texts=10,
        mean_length=5.0,
        bits_per_character=None,
        ended=None,
        distinct={"1": 0.5, "4": distinct},
        copied=copied,
        whole=None,
    )


def overlap(novel: dict[str, float | None]) -> OverlapFigures:
    return OverlapFigures(
        texts=1,
        characters=5,
        whole=0.0,
        within=0.0,
        longest_quantiles={"0.5": 1},
        novel_ngrams=novel,
        covered={"20": 0.0},
        spans=(None,),
    )


def test_training_curve_begins_near_the_highest_validation_loss() -> None:
    curves = curves_of(
        [(2.5, 2.0), (5.0, 1.5)], [(1, 6.0), (2, 3.0), (3, 2.29), (4, 2.5), (5, 1.0)]
    )
    chart = learning_chart(curves, saved_at=5.0)
    # 2.3 bits are the limit; the later rise above it is shown.
    assert point_counts(chart) == {"held out": 2, "training": 3}
    assert tooltips(chart) == ["saved: 1.5000 after 5 s"]
    assert tooltips(learning_chart(curves, saved_at=None)) == []


def test_run_without_a_validation_has_no_training_curves() -> None:
    assert learning_chart(curves_of([], [(1, 6.0)]), None) is None


def test_temperature_chart_has_percentages_of_the_longest_ngrams() -> None:
    rows = [row(0.0, 0.25, 0.5), row(1.0, 0.75, None), row(None, 0.8, 0.1)]
    chart = temperature_chart(rows)
    assert tooltips(chart) == [
        "distinct 4-grams: 0, 25",
        "distinct 4-grams: 1, 75",
        "copied characters: 0, 50",
    ]
    assert chart is not None
    assert [level.text for level in chart.levels] == ["4-grams, held out", "copied, held out"]


def test_novelty_chart_compares_samples_with_held_out_texts() -> None:
    memorisation = Memorisation(
        documents=3,
        samples=overlap({"2": 0.125, "4": 0.5}),
        held_out=overlap({"2": 0.25, "4": None}),
        sample_texts=(),
    )
    assert tooltips(novelty_chart(memorisation)) == [
        "samples: 2, 12.5",
        "samples: 4, 50",
        "held out: 2, 25",
    ]


@pytest.mark.parametrize(("count", "named"), [(8, 8), (9, 3)])
def test_of_many_curves_only_the_best_three_are_labelled(count: int, named: int) -> None:
    curves = {
        f"run-{k}": curves_of([(1, 3.0 + k), (2, 2.0 + k), (3, 2.5 + k)]) for k in range(count)
    }
    chart = curves_chart(curves, dict.fromkeys(curves, "gru"))
    assert chart is not None
    assert [label.text for label in chart.labels] == list(curves)[:named]
    assert tooltips(chart) == list(curves)
    # The mark of each run is at its lowest loss, so the lowest one of the chart is the first run's.
    assert max(chart.marks, key=lambda mark: mark.y).tooltip == "run-0"
    assert len({mark.x for mark in chart.marks}) == 1


def test_runs_without_curves_make_no_chart() -> None:
    assert curves_chart({"a": curves_of([])}, {"a": "rnn"}) is None


def test_frontier_charts_leave_out_runs_and_costs_without_values() -> None:
    bits, cells = {"a": 2.0, "b": 1.5, "c": 1.0}, {"a": "lstm", "b": "gru", "c": "rnn"}
    costs = [
        Cost(title="size", axis="n", values={"a": 10, "b": 20, "c": 0}, more_is_better=False),
        Cost(title="unknown", axis="n", values={"a": 0}, more_is_better=False),
        Cost(title="speed", axis="n", values={"a": 10, "c": 20}, more_is_better=True),
    ]
    size, speed = frontier_charts(bits, cells, costs)
    assert (size.title, tooltips(size)) == ("size", ["a: 2.0000 at 10", "b: 1.5000 at 20"])
    assert [mark.kind for mark in size.marks] == [0, 1]
    assert size.description == "size; on the Pareto frontier: a, b."
    # The third run is both better and faster.
    assert speed.description == "speed; on the Pareto frontier: c."
