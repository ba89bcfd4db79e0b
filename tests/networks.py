"""Small random networks, the table of their kinds that laws are checked on, and Markov chains.

A Markov chain is a network whose every probability is set by the test.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from charloom.network.engine import Engine
from charloom.settings import Cell, Level, NetworkSettings
from charloom.text.vocabulary import Vocabulary

GATES: dict[Cell, int] = {"lstm": 4, "gru": 3, "rnn": 1}
INPUTS: tuple[Literal["one-hot"] | int, ...] = ("one-hot", 3)

NETWORKS: tuple[NetworkSettings, ...] = tuple(
    [
        NetworkSettings(cell=cell, hidden=5, layers=layers, input=size, dropout=0.0)
        for cell, layers, size in product(GATES, (1, 2, 3), INPUTS)
    ]
    + [NetworkSettings(cell="rnn", hidden=1, layers=2, input=1, dropout=0.0)]
)
"""Every cell, with one to three layers, one-hot input and an embedding; and the smallest of all."""


def network_id(settings: NetworkSettings) -> str:
    """Return a short name of a network, for the ids of parametrised tests."""
    return f"{settings.cell}-{settings.layers}x{settings.hidden}-{settings.input}"


def tensor_shapes(
    settings: NetworkSettings, vocabulary_size: int, labels: int = 0
) -> dict[str, tuple[int, ...]]:
    """Return the axes of every tensor of a network, by the names of the model folder."""
    hidden, gates = settings.hidden, GATES[settings.cell] * settings.hidden
    result: dict[str, tuple[int, ...]] = {}
    if settings.input != "one-hot":
        result["embedding.weight"] = (vocabulary_size, settings.input)
    for layer in range(settings.layers):
        width = settings.input if layer == 0 else hidden
        if width == "one-hot":
            result["cells.0.input_table"] = (vocabulary_size, gates)
        else:
            result[f"cells.{layer}.input_weight"] = (gates, width)
        result[f"cells.{layer}.recurrent_weight"] = (gates, hidden)
        result[f"cells.{layer}.bias"] = (gates,)
        if settings.cell == "gru":
            result[f"cells.{layer}.recurrent_bias"] = (hidden,)
    if labels:
        result["labels.hidden"] = (labels, settings.layers, hidden)
        if settings.cell == "lstm":
            result["labels.cell"] = (labels, settings.layers, hidden)
    return result | {"output.weight": (vocabulary_size, hidden), "output.bias": (vocabulary_size,)}


def random_tensors(
    settings: NetworkSettings,
    vocabulary_size: int,
    labels: int = 0,
    seed: int = 0,
    scale: float = 0.5,
) -> dict[str, NDArray[np.float32]]:
    """Return normally distributed tensors of a network; the same for the same arguments."""
    generator = np.random.default_rng(seed)
    return {
        key: (scale * generator.standard_normal(shape)).astype(np.float32)
        for key, shape in tensor_shapes(settings, vocabulary_size, labels).items()
    }


def make_vocabulary(symbols: Sequence[str], level: Level = "char") -> Vocabulary:
    """Return the vocabulary of ``symbols``, which get the ids from 2."""
    known = ("<eos>", "<unk>", *symbols)
    return Vocabulary(level=level, symbols=known, counts=(1,) * len(known))


Probabilities = NDArray[Any] | Sequence[Sequence[float]]


def markov_chain(probabilities_VV: Probabilities) -> Engine:
    """Return the engine of ``markov_tensors``."""
    settings, tensors = markov_tensors(probabilities_VV)
    return Engine(settings, {key: tensor.astype(np.float32) for key, tensor in tensors.items()})


def markov_tensors(
    probabilities_VV: Probabilities,
) -> tuple[NetworkSettings, dict[str, NDArray[np.float64]]]:
    """Return the network that predicts ``v`` after ``u`` with ``probabilities_VV[u][v]``.

    A simple RNN without recurrence: the hidden state is the one-hot vector of the last symbol (the
    tanh of 50 is 1.0), and the output weights are the logarithms of the
    probabilities, -1e6 for probability 0.
    """
    values = np.asarray(probabilities_VV, np.float64)
    size = len(values)
    logits_VV = np.full((size, size), -1e6)
    np.log(values, out=logits_VV, where=values > 0)
    tensors = {
        "cells.0.input_table": 50 * np.eye(size),
        "cells.0.recurrent_weight": np.zeros((size, size)),
        "cells.0.bias": np.zeros(size),
        "output.weight": logits_VV.T,
        "output.bias": np.zeros(size),
    }
    return NetworkSettings(cell="rnn", hidden=size, input="one-hot"), tensors
