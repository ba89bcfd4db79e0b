"""Places in a picture: ends, order, round figures; labels that do not touch."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from charloom.report.scales import Scale, spread_labels

figures = st.floats(1e-3, 1e7)
several = st.lists(figures, min_size=1, max_size=20)


@given(several, st.booleans())
def test_all_figures_have_their_place_in_order(values: list[float], logarithmic: bool) -> None:
    scale = Scale.from_values(values, 50, 650, logarithmic=logarithmic)
    assert scale(scale.low) == pytest.approx(50)
    assert scale(scale.high) == pytest.approx(650)
    places = [scale(value) for value in sorted(values)]
    assert places == sorted(places)
    assert all(50 <= place <= 650 for place in places)


@given(several, st.booleans())
def test_ticks_are_round_and_inside(values: list[float], logarithmic: bool) -> None:
    assume(max(values) == min(values) or max(values) / min(values) > 1.001)
    scale = Scale.from_values(values, 0, 1, logarithmic=logarithmic)
    ticks = scale.ticks()
    assert 2 <= len(ticks) <= 12
    assert ticks == sorted(set(ticks))
    slack = 1e-9 * max(abs(scale.low), abs(scale.high))
    assert all(scale.low - slack <= tick <= scale.high + slack for tick in ticks)
    steps = {round(b - a, 9) for a, b in zip(ticks, ticks[1:], strict=False)}
    if not logarithmic:
        [step] = {float(f"{step:.6g}") for step in steps}
        assert float(f"{step / 10 ** math.floor(math.log10(step) + 1e-9):.5g}") in (1, 2, 5)


@given(st.lists(st.floats(0, 300), max_size=12), st.floats(1, 20))
def test_labels_are_apart_in_the_order_of_what_they_name(places: list[float], gap: float) -> None:
    found = spread_labels(places, gap, 0, 300)
    order = sorted(range(len(places)), key=places.__getitem__)
    moved = [found[index] for index in order]
    assert all(b - a >= gap - 1e-6 for a, b in zip(moved, moved[1:], strict=False))
    if all(b - a >= gap for a, b in zip(sorted(places), sorted(places)[1:], strict=False)):
        assert found == pytest.approx(places)


@given(st.lists(st.floats(0, 300), min_size=1, max_size=10))
def test_labels_stay_inside_where_there_is_room(places: list[float]) -> None:
    found = spread_labels(places, 20, 0, 300)
    assert min(found) >= -1e-6
    assert max(found) <= 300 + 1e-6
