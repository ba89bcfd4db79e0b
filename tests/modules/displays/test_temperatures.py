"""Distributions side by side have the same symbols, and bars of one scale."""

import re

import pytest
from displays import Page, check_is_safe
from hypothesis import given
from hypothesis import strategies as st

from charloom.displays.next_symbols import NextSymbols
from charloom.displays.temperatures import MAX_ROWS
from charloom.errors import SettingsError

PAIRS = [("<b>", 0.5), (" ", 0.25), ("<eos>", 0.25)]


def test_rows_are_symbols_and_columns_are_temperatures() -> None:
    content = NextSymbols(PAIRS).at_temperatures(0, 0.5, 1)._repr_html_()
    check_is_safe(content)
    # At temperature 0.5 probabilities are squared: 4, 1 and 1 of 6.
    assert [text for text in Page(content).texts if text.strip()] == [
        *("temp", "0", "0.5", "1"),
        *('"<b>"', "100.0 %", "66.7 %", "50.0 %"),
        *('" "', "0.0 %", "16.7 %", "25.0 %"),
        *("<eos>", "0.0 %", "16.7 %", "25.0 %"),
    ]
    bars = [float(width) for width in re.findall(r"width:([\d.]+)%\"", content)]
    assert bars == [100.0, 66.7, 50.0, 16.7, 25.0, 16.7, 25.0]


def test_the_text_has_the_same_figures() -> None:
    lines = repr(NextSymbols(PAIRS).at_temperatures(0.5, 1)).splitlines()
    assert [line.split() for line in lines] == [
        ["temperature", "0.5", "1"],
        ['"<b>"', "66.7", "%", "█" * 12, "50.0", "%", "█" * 9],
        ['"', '"', "16.7", "%", "█" * 3, "25.0", "%", "█" * 4 + "▌"],
        ["<eos>", "16.7", "%", "█" * 3, "25.0", "%", "█" * 4 + "▌"],
    ]


def test_symbols_beyond_the_limit_are_summed() -> None:
    symbols = NextSymbols([(chr(97 + k % 26) * k, 1 / 64) for k in range(64)])
    shown = symbols.at_temperatures(1, 2)
    texts = [text for text in Page(shown._repr_html_()).texts if text.strip()]
    others = 100 * (64 - MAX_ROWS) / 64
    assert texts[-3:] == [f"{64 - MAX_ROWS} others", *2 * [f"{others:.1f} %"]]
    assert len(texts) == 3 * (MAX_ROWS + 2)


@given(st.lists(st.tuples(st.text(max_size=9), st.floats(0, 1)), max_size=20))
def test_any_symbols_have_a_display(pairs: list[tuple[str, float]]) -> None:
    shown = NextSymbols(pairs).at_temperatures(0, 0.7, 1e308)
    check_is_safe(shown._repr_html_())
    shown._repr_html_().encode()
    repr(shown).encode()


def test_no_temperature_is_refused() -> None:
    with pytest.raises(SettingsError, match="^no temperature was given; give one or more, such as"):
        NextSymbols(PAIRS).at_temperatures()
