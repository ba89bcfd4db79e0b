"""All implementations of the network agree on a greedy text of ten thousand symbols.

The compiled decoder generates the text, and the NumPy decoder must generate the same. The float64
reference and the torch network read it: each symbol must have their largest logit.
"""

import numpy as np
import pytest
import torch
from decoders import MakeDecoder, generator_with
from networks import NETWORKS, make_vocabulary, network_id, random_tensors
from numpy.typing import NDArray

from charloom.generation.compiled_decode import CompiledDecoder
from charloom.generation.decode_loop import NumpyDecoder
from charloom.network.autograd.module import Network as TorchNetwork
from charloom.network.engine import Engine
from charloom.network.reference import Network
from charloom.settings import NetworkSettings, SamplingSettings

LETTERS = "abcdefghijk"
LABELS = ("x", "y")
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


@networks
def test_every_engine_gives_the_same_text(settings: NetworkSettings) -> None:
    """One text without a label and one with."""
    texts = [greedy(CompiledDecoder, settings, label, SYMBOLS) for label in (None, "y")]
    ids_TB = np.stack(texts, axis=1)
    assert ids_TB.shape == (SYMBOLS, 2)
    read_TB = np.concatenate([[[0, 0]], ids_TB[:-1]])
    labels_B = np.array([-1, LABELS.index("y")])

    reference = Network(settings, tensors(settings))
    state, rows = reference.initial_state(labels_B), []
    for ids_B in read_TB:
        logits_BV, state = reference.step(ids_B, state)
        rows.append(logits_BV)
    exact_TBV = np.array(rows)
    assert (exact_TBV.argmax(axis=2) == ids_TB).all()

    network = TorchNetwork(settings, len(LETTERS) + 2, len(LABELS))
    network.load(tensors(settings))
    network.eval()
    with torch.no_grad():
        hidden, _ = network(
            torch.from_numpy(read_TB), network.initial_state(torch.from_numpy(labels_B))
        )
        torch_TBV = network.logits(hidden).numpy()
    assert (torch_TBV.argmax(axis=2) == ids_TB).all()
    letters_TBV = exact_TBV[..., 2:]
    difference = np.abs(torch_TBV[..., 2:] - letters_TBV).max()
    assert difference < 1e-4 * np.abs(letters_TBV).max()

    for column, label in enumerate((None, "y")):
        ids_T = greedy(NumpyDecoder, settings, label, NUMPY_SYMBOLS)
        assert (ids_T == ids_TB[:NUMPY_SYMBOLS, column]).all()
