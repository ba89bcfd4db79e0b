"""Two networks of different cells and vocabularies, and their mixture by plain sums."""

import numpy as np
from networks import random_tensors
from numpy.typing import NDArray

from charloom.generation.decode_loop import ChooseDecoder, Decoder, NumpyDecoder
from charloom.network.engine import Engine
from charloom.network.mixture import Component
from charloom.network.reference import Network
from charloom.settings import NetworkSettings

Ids = NDArray[np.int64]

SETTINGS = (
    NetworkSettings(cell="lstm", hidden=6, layers=2, input=4),
    NetworkSettings(cell="gru", hidden=5, layers=1, input="one-hot"),
)
SIZES = (6, 5)
"""Symbols of each network, ``<eos>`` and ``<unk>`` included."""
COMPONENTS = (
    Component(weight=0.625, ids_V=np.array([0, 1, 2, 3, 4, 5, 1]), labels_C=np.array([0, 1, -1])),
    Component(weight=0.375, ids_V=np.array([0, 1, 3, 1, 2, 1, 4]), labels_C=np.array([-1, 1, 0])),
)
SYMBOLS = 7
LABELS = 3
TENSORS = tuple(
    random_tensors(settings, size, labels=2, seed=seed)
    for seed, (settings, size) in enumerate(zip(SETTINGS, SIZES, strict=True))
)


def engines() -> tuple[Engine, ...]:
    return tuple(
        Engine(settings, tensors) for settings, tensors in zip(SETTINGS, TENSORS, strict=True)
    )


def probabilities_after(ids: Ids, label: int) -> NDArray[np.float64]:
    """Return the probabilities of the next symbol of the mixture, by the reference networks."""
    total_V = np.zeros(SYMBOLS)
    for component, settings, tensors in zip(COMPONENTS, SETTINGS, TENSORS, strict=True):
        network = Network(settings, tensors)
        own_label = -1 if label < 0 else int(component.labels_C[label])
        state = network.initial_state(np.array([own_label]))
        for index in [0, *component.ids_V[ids]]:
            logits, state = network.step(np.array([index]), state)
        powers = np.exp(logits[0] - logits[0].max())
        for symbol, own in enumerate(component.ids_V):
            if own != 1 or symbol == 1:
                total_V[symbol] += component.weight * powers[own] / powers.sum()
    return total_V


def make_choice(engine: Engine, asked: list[int]) -> ChooseDecoder:
    """Return a choice of the NumPy decoder that records the numbers of symbols."""

    def choose(symbols: int) -> Decoder:
        asked.append(symbols)
        return NumpyDecoder(engine)

    return choose
