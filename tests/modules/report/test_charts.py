"""Line charts, read off their axes like a person does."""

import re

import pytest

from charloom.report.charts import (
    CHARACTER_WIDTH,
    KINDS,
    WIDTH,
    Annotation,
    Chart,
    Series,
    line_chart,
)


def points_of(path: str) -> list[tuple[float, float]]:
    numbers = [float(number) for number in re.findall(r"[\d.]+", path)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def y_value(chart: Chart, position: float) -> float:
    """Read a value off the vertical axis, by interpolation between two ticks."""
    (low, first), (high, second) = (
        (float(tick.label), tick.position) for tick in chart.y.ticks[:2]
    )
    return low + (position - first) / (second - first) * (high - low)


def chart_of(*series: Series, **options: object) -> Chart:
    chart = line_chart(series, title="t", x_title="s", y_title="bits", **options)  # type: ignore[arg-type]
    assert chart is not None
    return chart


def test_values_of_lines_and_levels_can_be_read_off_the_axis() -> None:
    points = [(0.0, 4.0), (10.0, 2.5), (20.0, 2.25)]
    chart = chart_of(Series(name="held out", points=points, kind=1), levels={"baseline": 3.0})
    [line] = chart.lines
    drawn = points_of(line.path)
    assert [y_value(chart, y) for _, y in drawn] == pytest.approx([4.0, 2.5, 2.25], abs=0.01)
    assert (drawn[0][0], drawn[-1][0]) == (chart.left, chart.right)
    assert y_value(chart, chart.levels[0].y) == pytest.approx(3.0)
    assert [label.text for label in chart.labels] == ["held out", "baseline"]
    assert chart.description == "t: held out, baseline."


def test_labels_are_at_the_ends_of_their_lines_and_have_space_at_the_right() -> None:
    low = Series(name="low", points=[(0, 1.0), (1, 1.0)], kind=0)
    high = Series(name="a long name", points=[(0, 1.0), (1, 9.0)], kind=1)
    chart = chart_of(low, high)
    ends = [points_of(line.path)[-1][1] for line in chart.lines]
    assert [label.y for label in chart.labels] == pytest.approx(ends, abs=0.06)
    assert all(label.x > chart.right for label in chart.labels)
    assert chart.right + 10 + CHARACTER_WIDTH * len("a long name") < WIDTH


def test_points_of_marked_series_have_a_tooltip() -> None:
    chart = chart_of(
        Series(name="a", points=[(0, 1.0), (2000, 2.5)], kind=0, marked=True),
        Series(name="b", points=[(0, 1.0)], kind=1, labelled=False),
        annotations=[Annotation(x=0, y=2.5, kind=1, tooltip="saved")],
    )
    assert [mark.tooltip for mark in chart.marks] == ["saved", "a: 0, 1", "a: 2,000, 2.5"]
    saved, _, last = chart.marks
    assert saved.y == last.y
    assert saved.x == chart.left
    assert [label.text for label in chart.labels] == ["a"]


def test_fourth_series_looks_like_the_first() -> None:
    series = [Series(name=str(k), points=[(0, k), (1, k)], kind=k) for k in range(KINDS + 1)]
    chart = chart_of(*series)
    assert chart.lines[KINDS].kind == chart.lines[0].kind == 0


def test_no_points_make_no_chart() -> None:
    series = [Series(name="a", points=[], kind=0)]
    assert line_chart(series, title="t", x_title="x", y_title="y", levels={"b": 1.0}) is None
