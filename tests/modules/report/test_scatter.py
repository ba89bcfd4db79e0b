"""Pareto frontiers, compared with their definition."""

import re

from hypothesis import given
from hypothesis import strategies as st

from charloom.report.scatter import ScatterPoint, pareto_frontier, scatter_chart

coordinates = st.tuples(st.integers(1, 6).map(float), st.integers(1, 6).map(float))


@given(st.lists(coordinates, min_size=1, max_size=9), st.booleans())
def test_frontier_has_the_points_with_no_better_point(
    points: list[tuple[float, float]], more_is_better: bool
) -> None:
    expected = []
    for index, (x, y) in enumerate(points):
        no_worse = [(a, b) for a, b in points if (a >= x if more_is_better else a <= x) and b <= y]
        if set(no_worse) == {(x, y)}:
            expected.append(index)
    assert pareto_frontier(points, more_is_better=more_is_better) == expected


@given(st.lists(coordinates, min_size=1, max_size=9), st.booleans())
def test_no_mark_is_beyond_the_line_of_the_frontier(
    points: list[tuple[float, float]], more_is_better: bool
) -> None:
    named = [ScatterPoint(name=str(k), x=x, y=y, kind=k) for k, (x, y) in enumerate(points)]
    chart = scatter_chart(named, title="t", x_title="x", y_title="y", more_is_better=more_is_better)
    numbers = [float(number) for number in re.findall(r"[\d.]+", chart.lines[0].path)]
    corners = list(zip(numbers[::2], numbers[1::2], strict=True))
    for mark in chart.marks:
        assert chart.left <= mark.x <= chart.right
        assert chart.top <= mark.y <= chart.bottom
        # Pixels grow downwards, to better values: at its own x, the line is not above the mark.
        reached = [
            y for x, y in corners if (x >= mark.x - 0.1 if more_is_better else x <= mark.x + 0.1)
        ]
        assert mark.y <= max(reached) + 0.1


def test_all_points_are_labelled_unless_they_are_more_than_ten() -> None:
    few = [ScatterPoint(name=f"r{k}", x=k + 1, y=9 - k, kind=0) for k in range(10)]
    chart = scatter_chart(few, title="", x_title="", y_title="", more_is_better=False)
    assert {label.text for label in chart.labels} == {point.name for point in few}
    many = [ScatterPoint(name=f"r{k}", x=k + 1, y=2 + k, kind=0) for k in range(11)]
    chart = scatter_chart(many, title="t", x_title="", y_title="", more_is_better=False)
    assert [label.text for label in chart.labels] == ["r0"]
    assert chart.description == "t; on the Pareto frontier: r0."
    assert chart.marks[3].tooltip == "r3: 5.0000 at 4"


def test_labels_are_on_the_side_with_more_space() -> None:
    points = [ScatterPoint(name=name, x=x, y=1, kind=0) for name, x in (("a", 1), ("b", 1000))]
    chart = scatter_chart(points, title="", x_title="", y_title="", more_is_better=False)
    left, right = chart.labels
    assert (left.text, left.anchor, left.x > chart.marks[0].x) == ("a", "start", True)
    assert (right.text, right.anchor, right.x < chart.marks[1].x) == ("b", "end", True)
