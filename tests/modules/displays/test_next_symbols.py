"""The symbols that may follow are a list, and bars in a notebook."""

import copy
import json
import pickle
import re

from displays import Page, check_is_safe

from charloom.displays.next_symbols import MAX_BARS, NextSymbols

PAIRS = [("<b>", 0.5), (" ", 0.25), ("<eos>", 0.125)]


def test_it_is_a_list() -> None:
    symbols = NextSymbols(PAIRS)
    assert symbols == PAIRS
    assert pickle.loads(pickle.dumps(symbols)) == copy.deepcopy(symbols) == PAIRS
    assert json.loads(json.dumps(symbols)) == [list(pair) for pair in PAIRS]
    assert repr(symbols) == repr(PAIRS)


def test_bars_have_the_lengths_of_the_probabilities() -> None:
    content = NextSymbols(PAIRS)._repr_html_()
    check_is_safe(content)
    assert [text for text in Page(content).texts if text.strip()] == [
        *('"<b>"', "50.0 %"),
        *('" "', "25.0 %"),
        *("<eos>", "12.5 %"),
    ]
    first, *others = (int(pixels) for pixels in re.findall(r"width:(\d+)px", content))
    assert others == [first // 2, first // 4]


def test_symbols_beyond_the_limit_are_summed() -> None:
    symbols = NextSymbols([(str(k), 1 / 64) for k in range(MAX_BARS + 32)])
    texts = [text for text in Page(symbols._repr_html_()).texts if text.strip()]
    assert len(texts) == 2 * MAX_BARS + 2
    assert texts[-2:] == ["32 others", "50.0 %"]


def test_no_symbol_at_all_has_a_display() -> None:
    check_is_safe(NextSymbols()._repr_html_())
