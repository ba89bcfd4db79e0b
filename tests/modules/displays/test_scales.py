"""Positions of values and ticks, and labels that do not overlap."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from charloom.displays.scales import Scale, spread_labels

values = st.floats(1e-3, 1e7)
several = st.lists(values, min_size=1, max_size=20)


@given(several, st.booleans())
def test_positions_have_the_order_of_the_values(values: list[float], logarithmic: bool) -> None:
    scale = Scale.from_values(values, 50, 650, logarithmic=logarithmic)
    assert scale(scale.low) == pytest.approx(50)
    assert scale(scale.high) == pytest.approx(650)
    positions = [scale(value) for value in sorted(values)]
    assert positions == sorted(positions)
    assert all(50 <= position <= 650 for position in positions)


@given(several, st.booleans())
def test_ticks_are_round_and_inside_the_range(values: list[float], logarithmic: bool) -> None:
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
def test_labels_keep_their_order_and_are_moved_only_if_too_close(
    positions: list[float], gap: float
) -> None:
    spread = spread_labels(positions, gap, 0, 300)
    order = sorted(range(len(positions)), key=positions.__getitem__)
    moved = [spread[index] for index in order]
    assert all(b - a >= gap - 1e-6 for a, b in zip(moved, moved[1:], strict=False))
    if all(b - a >= gap for a, b in zip(sorted(positions), sorted(positions)[1:], strict=False)):
        assert spread == pytest.approx(positions)


@given(st.lists(st.floats(0, 300), min_size=1, max_size=10))
def test_labels_stay_inside_if_there_is_enough_space(positions: list[float]) -> None:
    spread = spread_labels(positions, 20, 0, 300)
    assert min(spread) >= -1e-6
    assert max(spread) <= 300 + 1e-6
