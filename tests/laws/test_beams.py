"""A beam search is the same with NumPy and compiled code, bit for bit, and for any n."""

import sys

import numpy as np
import pytest
from networks import NETWORKS, make_vocabulary, network_id, random_tensors

from charloom.generation import beam, compiled_decode, decode_loop
from charloom.generation.detokenizer import GeneratedText
from charloom.generation.generator import Generator
from charloom.network.engine import Engine
from charloom.network.reference import State
from charloom.settings import NetworkSettings, SamplingSettings

LETTERS = "abcdefghijk"
LABELS = ("x", "y")
networks = pytest.mark.parametrize("settings", NETWORKS, ids=network_id)


def engine(settings: NetworkSettings) -> Engine:
    tensors = random_tensors(settings, len(LETTERS) + 2, len(LABELS), seed=4, scale=0.8)
    tensors["output.bias"][0] -= 1
    return Engine(settings, tensors)


def found(settings: NetworkSettings, sampling: SamplingSettings, n: int) -> list[GeneratedText]:
    return Generator(engine(settings), make_vocabulary(LETTERS), LABELS).generate(
        "abé", sampling, n
    )


def values(state: State) -> list[object]:
    return [state.hidden.tolist(), None if state.cell is None else state.cell.tolist()]


@networks
@pytest.mark.parametrize("streams", [1, 3, 9])
def test_a_step_is_the_same(settings: NetworkSettings, streams: int) -> None:
    """Over some symbols, and it leaves the state that it was given as it was."""
    made = engine(settings)
    plain = compiled = made.initial_state(np.arange(streams) % 3 - 1)
    for ids in np.random.default_rng(2).integers(0, len(LETTERS) + 2, (5, streams)):
        before = values(compiled)
        logits, plain = decode_loop.step(made, ids, plain)
        again, after = decode_loop.step(made, ids, compiled, compiled_decode)
        assert again.tolist() == logits.tolist()
        assert values(after) == values(plain)
        assert values(compiled) == before
        compiled = after


@networks
@pytest.mark.parametrize("penalty", [0.0, 0.7, 1.0])
def test_numpy_equals_compiled(
    settings: NetworkSettings, penalty: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampling = SamplingSettings(
        beam=9, length=30, length_penalty=penalty, label="y", stop=("ab", "k"), bias={"c": 0.1}
    )
    assert compiled_decode.__name__ in sys.modules, "loaded, so these texts are compiled ones"
    compiled = found(settings, sampling, 9)
    monkeypatch.setattr(beam, "compiled", lambda engine, symbols: None)
    assert found(settings, sampling, 9) == compiled
    for n in (1, 4):
        assert found(settings, sampling, n) == compiled[:n]
