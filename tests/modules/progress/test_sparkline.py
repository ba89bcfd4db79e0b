import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.progress.sparkline import (
    ASCII_LEVELS,
    BLOCK_LEVELS,
    MAX_COLUMNS,
    Curve,
    shared_range,
    sparkline,
)

finite = st.floats(-1e6, 1e6)
values = st.lists(finite | st.just(math.nan), max_size=30)
levels = st.sampled_from([BLOCK_LEVELS, ASCII_LEVELS])


@given(values, finite, finite, levels)
def test_each_value_is_one_character(
    series: list[float], low: float, high: float, shown: str
) -> None:
    line = sparkline(series, low, high, shown)
    assert len(line) == len(series)
    assert set(line) <= {*shown, " "}
    assert [c == " " for c in line] == [math.isnan(v) for v in series]


@given(st.lists(finite, min_size=2, max_size=20), levels)
def test_higher_values_never_have_lower_levels(series: list[float], shown: str) -> None:
    ordered = sorted(series)
    heights = [shown.index(c) for c in sparkline(ordered, ordered[0], ordered[-1], shown)]
    assert heights == sorted(heights)


@given(finite, st.floats(0.1, 1e6), levels)
def test_the_ends_of_the_range_have_the_first_and_last_level(
    low: float, height: float, shown: str
) -> None:
    high = low + height
    series = [low, high, low - 1, high + 1, math.inf, -math.inf]
    first, last = shown[0], shown[-1]
    assert sparkline(series, low, high, shown) == first + last + first + last + last + first


@given(finite, st.integers(0, 9), levels)
def test_equal_values_have_the_middle_level(value: float, length: int, shown: str) -> None:
    series = [value] * length
    assert sparkline(series, *shared_range(series), shown) == shown[len(shown) // 2] * length


def test_evenly_rising_values_have_each_level_once() -> None:
    for shown in (BLOCK_LEVELS, ASCII_LEVELS):
        assert sparkline(range(len(shown)), 0, len(shown) - 1, shown) == shown


def test_levels_of_a_given_series() -> None:
    series = [6.0, 5.0, math.nan, 4.0, 3.0, 2.0, 2.0]
    assert sparkline(series, 2.0, 6.0) == "█▆ ▅▃▁▁"
    assert sparkline(series, 2.0, 6.0, ASCII_LEVELS) == "#* =.__"


def test_range_ignores_high_values_in_the_first_fifth() -> None:
    series = [9.0, 8.0, *(2.0 - k / 10 for k in range(8))]
    low, high = shared_range(series)
    assert (low, high) == (series[-1], 2.0)
    assert shared_range([0.5, *series[1:]])[0] == 0.5, "the lowest value counts everywhere"


def test_range_spans_several_curves() -> None:
    first, second = [math.nan, 3.0, 2.0, 1.0], [math.nan, math.nan, 4.0, 2.0]
    assert shared_range(first, second) == (1.0, 4.0)


@pytest.mark.parametrize("series", [[], [math.nan], [math.nan] * 9])
def test_series_without_values_has_no_range(series: list[float]) -> None:
    assert all(math.isnan(end) for end in shared_range(series))
    assert sparkline(series, *shared_range(series)) == " " * len(series)


@given(
    st.lists(st.tuples(st.floats(0, 1), finite), max_size=40),
    st.integers(1, 200),
)
def test_columns_have_the_last_values_so_far(points: Any, width: int) -> None:
    """Against the definition: the value of a column is the last one added before its end."""
    curve = Curve()
    points = sorted(points, key=lambda point: point[0])
    for progress, value in points:
        curve.add(progress, value)
    now = points[-1][0] if points else 0.0
    columns = curve.columns(width, now)
    assert len(columns) == width
    for index, shown in enumerate(columns):
        begin, end = (k * MAX_COLUMNS // width for k in (index, index + 1))
        before = [v for p, v in points if min(int(p * MAX_COLUMNS), MAX_COLUMNS - 1) < end]
        if begin > min(int(now * MAX_COLUMNS), MAX_COLUMNS - 1) or not before:
            assert math.isnan(shown)
        else:
            assert shown == before[-1]


def test_latest_and_best_value_of_a_curve() -> None:
    curve = Curve()
    assert math.isnan(curve.latest)
    assert curve.best == math.inf
    for progress, value in ((0.1, 3.0), (0.2, 2.0), (0.2, 2.5)):
        curve.add(progress, value)
    assert (curve.latest, curve.best) == (2.5, 2.0)


def test_curve_grows_to_the_right_without_changing_drawn_columns() -> None:
    curve = Curve()
    before: list[float] = []
    for k in range(1, 101):
        curve.add(k / 100, 100.0 - k)
        columns = curve.columns(20, k / 100)
        known = [value for value in columns if not math.isnan(value)]
        assert columns[: len(known)] == known
        assert known[: max(0, len(before) - 1)] == before[:-1]
        before = known
    assert len(before) == 20
