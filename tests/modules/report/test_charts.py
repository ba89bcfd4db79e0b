"""Pictures: each figure stands where the axis says, and the frontier is what none beats."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.report.charts import (
    Chart,
    ScatterPoint,
    Series,
    line_chart,
    pareto_frontier,
    scatter_chart,
)

coordinates = st.tuples(st.integers(1, 6).map(float), st.integers(1, 6).map(float))


def corners(path: str) -> list[tuple[float, float]]:
    numbers = [float(number) for number in re.findall(r"[\d.]+", path)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def figure_at(chart: Chart, place: float) -> float:
    """Read a figure off the vertical axis, as a person does: between two ticks."""
    (low, first), (high, second) = (
        (float(tick.label), tick.position) for tick in chart.y.ticks[:2]
    )
    return low + (place - first) / (second - first) * (high - low)


def test_a_line_can_be_read_off() -> None:
    points = [(0.0, 4.0), (10.0, 2.5), (20.0, 2.25)]
    chart = line_chart(
        [Series(name="held out", points=points, kind=1)],
        title="t",
        x_title="s",
        y_title="bits",
        levels={"others": 3.0},
    )
    assert chart is not None
    [line] = chart.lines
    read = [figure_at(chart, y) for _, y in corners(line.path)]
    assert read == pytest.approx([4.0, 2.5, 2.25], abs=0.01)
    assert corners(line.path)[0][0] == chart.left
    assert corners(line.path)[-1][0] == chart.right
    assert figure_at(chart, chart.levels[0].y) == pytest.approx(3.0)
    assert [label.text for label in chart.labels] == ["held out", "others"]
    assert chart.description == "t: held out, others."


@given(st.lists(coordinates, min_size=1, max_size=9), st.booleans())
def test_the_frontier_is_what_none_beats(
    places: list[tuple[float, float]], more_is_better: bool
) -> None:
    expected = []
    for index, (x, y) in enumerate(places):
        no_worse = [(a, b) for a, b in places if (a >= x if more_is_better else a <= x) and b <= y]
        if set(no_worse) == {(x, y)}:
            expected.append(index)
    assert pareto_frontier(places, more_is_better=more_is_better) == expected


@given(st.lists(coordinates, min_size=1, max_size=9), st.booleans())
def test_no_place_lies_beyond_the_line_of_the_frontier(
    places: list[tuple[float, float]], more_is_better: bool
) -> None:
    named = [ScatterPoint(name=str(k), x=x, y=y, kind=k) for k, (x, y) in enumerate(places)]
    chart = scatter_chart(named, title="t", x_title="x", y_title="y", more_is_better=more_is_better)
    steps = corners(chart.lines[0].path)
    for mark in chart.marks:
        assert chart.left <= mark.x <= chart.right
        assert chart.top <= mark.y <= chart.bottom
        # Further down is better: at its own x, the line is never above the mark.
        reached = [
            y for x, y in steps if (x >= mark.x - 0.1 if more_is_better else x <= mark.x + 0.1)
        ]
        assert mark.y <= max(reached) + 0.1


def test_all_are_named_unless_they_are_many() -> None:
    few = [ScatterPoint(name=f"r{k}", x=k + 1, y=9 - k, kind=0) for k in range(10)]
    assert (
        len(scatter_chart(few, title="", x_title="", y_title="", more_is_better=False).labels) == 10
    )
    many = [ScatterPoint(name=f"r{k}", x=k + 1, y=2 + k, kind=0) for k in range(11)]
    chart = scatter_chart(many, title="", x_title="", y_title="", more_is_better=False)
    assert [label.text for label in chart.labels] == ["r0"]
    assert chart.marks[3].tooltip == "r3: 5.0000 at 4"


def test_without_points_there_is_no_picture() -> None:
    series = [Series(name="a", points=[], kind=0)]
    assert line_chart(series, title="t", x_title="x", y_title="y", levels={"b": 1.0}) is None
