"""A beam search returns the same texts with both decoders, and the best of them for any n."""

import numpy as np
import pytest
from decoders import MakeDecoder, generator_with
from networks import NETWORKS, make_vocabulary, network_id, random_tensors

from charloom.generation.compiled_decode import CompiledDecoder
from charloom.generation.decode_loop import NumpyDecoder
from charloom.generation.detokenizer import GeneratedText
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


def found(
    make_decoder: MakeDecoder, settings: NetworkSettings, sampling: SamplingSettings, n: int
) -> list[GeneratedText]:
    generator = generator_with(make_decoder, engine(settings), make_vocabulary(LETTERS), LABELS)
    return generator.generate("abé", sampling, n)


def values(state: State) -> list[object]:
    return [state.hidden.tolist(), None if state.cell is None else state.cell.tolist()]


@networks
@pytest.mark.parametrize("sequences", [1, 3, 9])
def test_a_step_is_the_same_and_leaves_its_state_unchanged(
    settings: NetworkSettings, sequences: int
) -> None:
    made = engine(settings)
    numpy, compiled = NumpyDecoder(made), CompiledDecoder(made)
    numpy_state = compiled_state = made.initial_state(np.arange(sequences) % 3 - 1)
    for ids in np.random.default_rng(2).integers(0, len(LETTERS) + 2, (5, sequences)):
        before = values(compiled_state)
        expected, numpy_state = numpy.step(ids, numpy_state)
        logits, after = compiled.step(ids, compiled_state)
        assert logits.tolist() == expected.tolist()
        assert values(after) == values(numpy_state)
        assert values(compiled_state) == before
        compiled_state = after


@networks
@pytest.mark.parametrize("penalty", [0.0, 0.7, 1.0])
def test_numpy_equals_compiled(settings: NetworkSettings, penalty: float) -> None:
    sampling = SamplingSettings(
        beam=9, length=30, length_penalty=penalty, label="y", stop=("ab", "k"), bias={"c": 0.1}
    )
    compiled = found(CompiledDecoder, settings, sampling, 9)
    assert found(NumpyDecoder, settings, sampling, 9) == compiled
    for n in (1, 4):
        assert found(NumpyDecoder, settings, sampling, n) == compiled[:n]
