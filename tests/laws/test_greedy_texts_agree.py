"""All implementations of the network agree on a greedy text of ten thousand symbols.

The compiled decoder generates the text, and the NumPy decoder must generate the same. The float64
reference and the torch network read it: each symbol must have their largest logit.
"""

import functools

import numpy as np
import pytest
from decoders import MakeDecoder, generator_with
from networks import NETWORKS, make_vocabulary, network_id, random_tensors
from numpy.typing import NDArray

from charloom.generation.compiled_decode import CompiledDecoder
from charloom.generation.decode_loop import NumpyDecoder
from charloom.network.engine import Engine
from charloom.network.reference import Network
from charloom.settings import NetworkSettings, SamplingSettings

LETTERS = "abcdefghijk"
LABELS = ("x", "y")
LABELS_B = np.array([-1, LABELS.index("y")])
"""The labels of the two texts: none and "y"."""
SYMBOLS = 10_000
NUMPY_SYMBOLS = 1_000
"""Symbols that NumPy generates, since it is slower."""

networks = pytest.mark.parametrize("settings", NETWORKS, ids=network_id)


def tensors(settings: NetworkSettings) -> dict[str, NDArray[np.float32]]:
    made = random_tensors(settings, len(LETTERS) + 2, len(LABELS), seed=8, scale=0.4)
    made["output.bias"][:2] = -1000, -1000  # <eos> and <unk> are never the most probable
    return made


def greedy(
    make_decoder: MakeDecoder, settings: NetworkSettings, label: str | None, length: int
) -> NDArray[np.int64]:
    engine = Engine(settings, tensors(settings))
    generator = generator_with(make_decoder, engine, make_vocabulary(LETTERS), LABELS)
    sampling = SamplingSettings(temperature=0.0, length=length, label=label)
    return make_vocabulary(LETTERS).encode(generator.generate("", sampling)[0].text)


@functools.cache
def compiled_texts(settings: NetworkSettings) -> NDArray[np.int64]:
    """Return a greedy text for each of ``LABELS_B``, (T, 2)."""
    texts = [greedy(CompiledDecoder, settings, label, SYMBOLS) for label in (None, "y")]
    return np.stack(texts, axis=1)


def read_symbols(ids_TB: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the symbol before each symbol; ``<eos>`` is before the first."""
    return np.concatenate([np.zeros((1, 2), np.int64), ids_TB[:-1]])


@functools.cache
def reference_logits(settings: NetworkSettings) -> NDArray[np.float64]:
    """Return the reference's logits for the symbols of the texts."""
    reference = Network(settings, tensors(settings))
    state, rows = reference.initial_state(LABELS_B), []
    for ids_B in read_symbols(compiled_texts(settings)):
        logits_BV, state = reference.step(ids_B, state)
        rows.append(logits_BV)
    return np.array(rows)


@networks
def test_the_reference_gives_the_same_text(settings: NetworkSettings) -> None:
    ids_TB = compiled_texts(settings)
    assert ids_TB.shape == (SYMBOLS, 2)
    assert (reference_logits(settings).argmax(axis=2) == ids_TB).all()


@networks
def test_numpy_gives_the_same_text(settings: NetworkSettings) -> None:
    ids_TB = compiled_texts(settings)
    for column, label in enumerate((None, "y")):
        ids_T = greedy(NumpyDecoder, settings, label, NUMPY_SYMBOLS)
        assert (ids_T == ids_TB[:NUMPY_SYMBOLS, column]).all()


@pytest.mark.needs("torch")
@networks
def test_torch_gives_the_same_text(settings: NetworkSettings) -> None:
    import torch

    from charloom.network.autograd.module import Network as TorchNetwork

    ids_TB = compiled_texts(settings)
    network = TorchNetwork(settings, len(LETTERS) + 2, len(LABELS))
    network.load(tensors(settings))
    network.eval()
    with torch.no_grad():
        state = network.initial_state(torch.from_numpy(LABELS_B))
        hidden_TBH, _ = network(torch.from_numpy(read_symbols(ids_TB)), state)
        torch_TBV = network.logits(hidden_TBH).numpy()
    assert (torch_TBV.argmax(axis=2) == ids_TB).all()
    letters_TBV = reference_logits(settings)[..., 2:]
    difference = np.abs(torch_TBV[..., 2:] - letters_TBV).max()
    assert difference < 1e-4 * np.abs(letters_TBV).max()
