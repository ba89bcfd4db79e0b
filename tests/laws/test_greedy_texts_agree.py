"""Ten thousand symbols of a greedy text, in every engine: the same symbols, from like logits.

The text is the compiled engine's. NumPy's float32 engine must give it too; the float64 reference
and the torch network read it and must find each of its symbols the likeliest.
"""

import numpy as np
import pytest
import torch
from networks import NETWORKS, make_vocabulary, network_id, random_tensors
from numpy.typing import NDArray

from charloom.generation import generator as generator_module
from charloom.generation.generator import Generator
from charloom.network.autograd.module import Network as TorchNetwork
from charloom.network.engine import Engine
from charloom.network.reference import Network
from charloom.settings import NetworkSettings, SamplingSettings

LETTERS = "abcdefghijk"
LABELS = ("x", "y")
SYMBOLS = 10_000
PLAIN = 1_000
"""Symbols that NumPy draws: bit for bit equal to the compiled ones, so the state is too."""

networks = pytest.mark.parametrize("settings", NETWORKS, ids=network_id)


def tensors(settings: NetworkSettings) -> dict[str, NDArray[np.float32]]:
    made = random_tensors(settings, len(LETTERS) + 2, len(LABELS), seed=8, scale=0.4)
    made["output.bias"][:2] = -1000, -1000  # endless, and <unk> is never the likeliest
    return made


def greedy(settings: NetworkSettings, label: str | None, length: int) -> NDArray[np.int64]:
    generator = Generator(Engine(settings, tensors(settings)), make_vocabulary(LETTERS), LABELS)
    sampling = SamplingSettings(temperature=0.0, length=length, label=label)
    return make_vocabulary(LETTERS).encode(generator.generate("", sampling)[0].text)


@networks
def test_every_engine_gives_the_same_text(
    settings: NetworkSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One stream without a label, one with."""
    ids_TB = np.stack([greedy(settings, label, SYMBOLS) for label in (None, "y")], axis=1)
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

    monkeypatch.setattr(generator_module, "compiled", lambda engine, symbols: None)
    for column, label in enumerate((None, "y")):
        assert (greedy(settings, label, PLAIN) == ids_TB[:PLAIN, column]).all()
