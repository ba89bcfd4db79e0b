"""The symbols that may follow are a list, and bars in a notebook."""

import copy
import json
import math
import pickle
import re
from collections import Counter
from typing import Any

import numpy as np
import pytest
from displays import Page, check_is_safe
from networks import NETWORKS, network_id
from records import record

from charloom.displays.next_symbols import MAX_BARS, NextSymbols
from charloom.errors import SettingsError
from charloom.model import Model
from charloom.settings import NetworkSettings
from charloom.text.vocabulary import UNK

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


@pytest.mark.parametrize("temperature", [1e-30, 0.01, 0.3, 1, 1.0, 1.8, 100.0, 1e300])
@pytest.mark.parametrize("settings", NETWORKS, ids=network_id)
def test_a_temperature_divides_the_logits(settings: NetworkSettings, temperature: float) -> None:
    """The oracle is the softmax of the logits, written out, with ``<unk>`` masked.

    The difference is that of float64: probabilities are divided and raised, not logits.
    """
    one = Model(record(("x", "y"), network=settings))
    logits_V = one.engine.logits(one.states("bad cab", "x").at(-1).to_batch(settings))[0]
    chances: dict[str, float] = {}
    allowed = [k for k in range(len(logits_V)) if k != UNK]
    best = max(float(logits_V[k]) for k in allowed)
    for k in allowed:
        weight = math.exp(max((float(logits_V[k]) - best) / temperature, -700))
        chances[one.record.vocabulary.symbols[k]] = weight
    total = sum(chances.values())
    found = one.next("bad cab", "x").at_temperature(temperature)
    assert [symbol for symbol, _ in found] == [symbol for symbol, _ in one.next("bad cab", "x")]
    assert dict(found) == pytest.approx(
        {symbol: weight / total for symbol, weight in chances.items()}, rel=1e-5, abs=1e-12
    )
    assert math.fsum(probability for _, probability in found) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("temperature", [0.0, 0.4, 1.8])
def test_generation_samples_from_these_probabilities(temperature: float) -> None:
    """20,000 first symbols, a fixed seed; the limit is five standard deviations."""
    one = Model(record(network=NetworkSettings(cell="lstm", hidden=6)))
    draws = 20_000
    found = dict(one.next("bad").at_temperature(temperature))
    texts = one.generate("bad", n=draws, temperature=temperature, length=1, seed=7)
    counts = Counter(text[3:] or "<eos>" for text in texts)
    assert set(counts) <= set(found)
    for symbol, probability in found.items():
        expected = draws * probability
        assert abs(counts[symbol] - expected) <= 5 * math.sqrt(expected * (1 - probability)) + 1


def test_at_temperature_0_the_first_symbol_is_certain() -> None:
    tied = NextSymbols([("a", 0.25), ("b", 0.25), ("c", 0.0)])
    assert tied.at_temperature(0) == [("a", 1.0), ("b", 0.0), ("c", 0.0)]
    assert tied.at_temperature(1e-300) == [("a", 0.5), ("b", 0.5), ("c", 0.0)]
    assert tied.at_temperature(np.float64(2)) == [("a", 0.5), ("b", 0.5), ("c", 0.0)]
    assert NextSymbols().at_temperature(0.5) == NextSymbols().at_temperature(0) == []
    assert isinstance(tied.at_temperature(0.5), NextSymbols)


@pytest.mark.parametrize(
    ("temperature", "message"),
    [
        (-0.5, "temperature is -0.5; it must be a number of at least 0."),
        (math.nan, "temperature is nan; it must be a number of at least 0."),
        (math.inf, "temperature is inf; it must be a number of at least 0."),
        ("hot", "temperature is 'hot'; allowed: a number."),
        (None, "temperature is None; allowed: a number."),
        (True, "temperature is True; allowed: a number."),
    ],
)
def test_other_temperatures_are_refused(temperature: Any, message: str) -> None:
    for call in (NextSymbols(PAIRS).at_temperature, NextSymbols(PAIRS).at_temperatures):
        with pytest.raises(SettingsError) as error:
            call(temperature)
        assert str(error.value) == message
