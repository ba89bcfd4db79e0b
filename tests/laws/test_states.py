"""A text continues from a state of its own network as from the text itself."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from decoders import MakeDecoder, each_decoder, generator_with
from networks import NETWORKS, make_vocabulary, network_id, random_tensors
from records import record

from charloom.errors import SettingsError
from charloom.generation.decode_loop import NumpyDecoder
from charloom.generation.generator import Generator
from charloom.model import Model
from charloom.network.engine import Engine
from charloom.network.network_state import NetworkState
from charloom.settings import NetworkSettings, SamplingSettings

LETTERS = "abcdefgh"
BEFORE, PROMPT = "abé", "cab"
networks = pytest.mark.parametrize("settings", NETWORKS, ids=network_id)


def parts(settings: NetworkSettings, make_decoder: MakeDecoder) -> tuple[Generator, Model]:
    """Return a generator with one decoder, and a model with the same network."""
    tensors = random_tensors(settings, len(LETTERS) + 2, 2, seed=4, scale=0.8)
    tensors["output.bias"][0] -= 1
    vocabulary = make_vocabulary(LETTERS)
    one = Model(record(("x", "y"), network=settings, vocabulary=vocabulary, tensors=tensors))
    return generator_with(make_decoder, Engine(settings, tensors), vocabulary, ("x", "y")), one


@networks
@each_decoder
@pytest.mark.parametrize("prompt", ["", PROMPT])
def test_a_state_replaces_the_text_before_it(
    settings: NetworkSettings, make_decoder: MakeDecoder, prompt: str
) -> None:
    generator, one = parts(settings, make_decoder)
    state = one.states(BEFORE, "y").at(-1)
    for options in ({}, {"temperature": 0.0}, {"top_k": 3}, {"stop": ("ab",)}, {"beam": 6}):
        sampling: Any = {"seed": 3, "length": 40, **options}
        settings_y = SamplingSettings(label="y", **sampling)
        expected = generator.generate(BEFORE + prompt, settings_y, 6)
        found = generator.generate(prompt, SamplingSettings(**sampling), 6, state=state)
        assert [text.text.removeprefix(prompt) for text in found] == [
            text.text.removeprefix(BEFORE + prompt) for text in expected
        ]
        assert [text.bits for text in found] == [text.bits for text in expected]
        if "beam" not in options:
            streamed = generator.stream(prompt, SamplingSettings(**sampling), state=state)
            assert prompt + "".join(streamed) == found[0].text
    assert generator.next(prompt, state=state) == generator.next(BEFORE + prompt, "y")


@networks
def test_every_position_is_a_start(settings: NetworkSettings) -> None:
    _, one = parts(settings, NumpyDecoder)
    text = "abcde"
    found = one.states(text)
    whole = one.generate(text, seed=1, length=30, temperature=1.2)[0]
    for position in range(len(text) + 1):
        rest = text[position:]
        [same] = one.generate(rest, state=found.at(position), seed=1, length=30, temperature=1.2)
        assert text[:position] + same == whole
        assert one.next(rest, state=found.at(position)) == one.next(text)
        assert (
            rest
            + "".join(
                one.stream(rest, state=found.at(position), seed=1, length=30, temperature=1.2)
            )
            == same
        )


def test_a_state_of_ones_own_is_the_start() -> None:
    settings = NetworkSettings(cell="lstm", hidden=5, layers=2)
    _, one = parts(settings, NumpyDecoder)
    hidden_LH, cell_LH = np.random.default_rng(1).normal(0, 0.5, (2, 2, 5))
    state = NetworkState(hidden=hidden_LH, cell=cell_LH)
    weight_VH = one.record.tensors["output.weight"].astype(float)
    logits_V = weight_VH @ hidden_LH[-1] + one.record.tensors["output.bias"]
    chances_V = np.exp(logits_V) / np.exp(logits_V).sum()
    symbols = one.record.vocabulary.symbols
    for symbol, probability in one.next("", state=state):
        assert probability == pytest.approx(chances_V[symbols.index(symbol)], abs=1e-6)
    texts = {
        one.generate(state=NetworkState(hidden=scale * hidden_LH, cell=cell_LH), length=30)[0]
        for scale in (0.1, 1, 3)
    }
    assert len(texts) > 1


def test_a_label_and_a_state_are_refused() -> None:
    _, one = parts(NetworkSettings(cell="gru", hidden=5), NumpyDecoder)
    state = one.states("ab").at(-1)
    calls: list[Any] = [
        lambda: one.generate(label="x", state=state),
        lambda: one.stream(label="x", state=state),
        lambda: one.next("a", "x", state=state),
        lambda: one.generate(label={"x": 1}, state=state, beam=2),
    ]
    for call in calls:
        with pytest.raises(SettingsError) as error:
            call()
        assert str(error.value) == (
            "label and state were both given, and both are the start of a text; give one of them."
        )


def test_a_state_of_another_network_is_refused() -> None:
    _, one = parts(NetworkSettings(cell="gru", hidden=5), NumpyDecoder)
    calls: list[Any] = [one.generate, one.stream]
    for call, (state, name) in product(calls, (("ab", "str"), (np.zeros((1, 5)), "ndarray"))):
        with pytest.raises(SettingsError) as error:
            call(state=state)
        assert str(error.value) == (
            f"state is a {name}; give a charloom.NetworkState, such as model.states(text).at(-1)."
        )
    with pytest.raises(SettingsError, match=r"^the hidden state has the shape \(1, 4\)"):
        one.generate(state=NetworkState(hidden=np.zeros((1, 4), np.float32)))
