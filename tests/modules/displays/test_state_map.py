"""The bars of hidden units have the sign and the size of the values, at the place of the symbol."""

import base64
import re
from typing import Any

import numpy as np
import pytest
from displays import Page, check_is_safe
from hypothesis import given
from hypothesis import strategies as st

from charloom.displays.state_map import BOUNDARY_SIGN, LINE_SYMBOLS, MAX_SYMBOLS, StateMap

ORANGE, BLUE = "#c8600c", "#3a7bd5"
LEFT, COLUMN, ROW = 28, 13, 17


def state_map(symbols: tuple[str, ...], values: Any = None, **changes: Any) -> StateMap:
    if values is None:
        values = np.random.default_rng(0).uniform(-1, 1, (len(symbols), 2))
    values_TU = np.asarray(values, np.float32)
    fields: dict[str, Any] = {"title": "Hidden state, layer 0", "scale": 1.0, "signed": True}
    units = tuple(range(5, 5 + values_TU.shape[1]))
    return StateMap(symbols=symbols, units=units, values_TU=values_TU, **(fields | changes))


def images(shown: StateMap) -> list[str]:
    """Return the SVG of each line."""
    content = shown._repr_html_()
    check_is_safe(content)
    encoded = re.findall(r"base64,([^\"]*)", content)
    return [base64.b64decode(each).decode() for each in encoded]


def boxes(svg: str) -> list[tuple[str, float, float, float, float]]:
    """Return color, opacity, left, top and height of each box."""
    found = []
    for color, opacity, path in re.findall(
        r'fill="(#\w+)" fill-opacity="([\d.]+)" d="([^"]+)"', svg
    ):
        for x, y, height in re.findall(r"M([\d.]+) ([\d.]+)h12v([\d.]+)h-12z", path):
            found.append((color, float(opacity), float(x), float(y), float(height)))
    return found


@pytest.mark.parametrize("signed", [True, False])
def test_bars_have_direction_color_and_length_of_the_values(signed: bool) -> None:
    values = np.array([[1, 0.5], [0.25, 0], [-1, -0.5]] if signed else [[1, 0.5], [0.25, 0]])
    symbols = ("<eos>", "a", "b")[: len(values)]
    [svg] = images(state_map(symbols, values, signed=signed))
    bars = {(x, y, height): color for color, opacity, x, y, height in boxes(svg) if opacity == 1}
    assert len(bars) == values.size
    cell, top = ROW - 2, 16
    full = cell / 2 if signed else cell
    for (column, row), value in np.ndenumerate(values):
        left, middle = LEFT + COLUMN * column, top + ROW * row + 1 + full
        height = max(abs(value) * full, 0.5)
        color = BLUE if value < 0 else ORANGE
        y = middle if value < 0 else middle - height
        assert any(
            (x, color) == (left, shown) and (y0, h) == pytest.approx((y, height), abs=0.06)
            for (x, y0, h), shown in bars.items()
        )


def test_shades_grow_with_the_values() -> None:
    [svg] = images(state_map(("<eos>", *"abc"), [[0], [0.3], [-0.6], [2]]))
    shades = {x: opacity for _, opacity, x, _, height in boxes(svg) if height == ROW - 2}
    assert list(shades) == [LEFT + COLUMN * k for k in (1, 2, 3)]
    assert list(shades.values()) == sorted(shades.values())
    assert shades[LEFT + COLUMN * 3] == 0.35, "a value beyond the scale has the full shade"


def test_symbols_and_units_are_labelled() -> None:
    symbols = ("<eos>", *"it's <b>", "\n", "\t", "\x00", "\ud800", "\uffff", " the", "x" * 99)
    [svg] = images(state_map(symbols))
    Page(svg)
    texts = [text for text in Page(svg).texts if text.strip()]
    assert texts == [
        *("unit", BOUNDARY_SIGN, *"it's<b>", "↵", "⇥", *3 * ["\N{REPLACEMENT CHARACTER}"]),
        *(" the", "x" * 11 + "…", "5", "6"),
    ]
    assert svg.count("rotate(-90)") == 2, "symbols of several characters are vertical"


def test_lines_end_after_words() -> None:
    text = "a first line of several longer words and_a_word_longer_than_a_line"
    svgs = images(state_map(("<eos>", *text)))
    alts = re.findall(
        r'alt="Hidden state, layer 0, over: ([^"]*)"', state_map(("<eos>", *text))._repr_html_()
    )
    assert alts == [
        "■a first line of ",
        "several longer words ",
        "and_a_word_longer_than_a",
        "_line",
    ]
    assert len(svgs) == 4
    assert len({re.findall(r'viewBox="([^"]*)"', svg)[0] for svg in svgs}) == 1


def test_a_long_text_is_shown_in_part() -> None:
    shown = state_map(("<eos>", *"x" * (MAX_SYMBOLS + 6)))
    assert len(images(shown)) == MAX_SYMBOLS // LINE_SYMBOLS
    assert "".join(Page(shown._repr_html_()).texts).endswith("... and 7 more symbols")


@given(st.lists(st.text(min_size=1, max_size=15), max_size=60))
def test_any_symbols_make_well_formed_images(symbols: list[str]) -> None:
    from xml.etree import ElementTree

    for svg in images(state_map(("<eos>", *symbols))):
        ElementTree.fromstring(svg)


def test_the_text_has_title_range_and_scale() -> None:
    shown = state_map(("<eos>",), [[-0.25, 2]], scale=2.0)
    assert repr(shown) == "<Hidden state, layer 0: 2 units, -0.25 to 2.00; a full bar is 2>"
    for signed, key in ((True, "down and blue negative"), (False, "a full bar is 1")):
        assert key in state_map(("<eos>",), signed=signed)._repr_html_()
