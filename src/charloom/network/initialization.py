"""The parameters of a network before training.

Recurrent weights are orthogonal for each gate (Saxe et al., 2014, https://arxiv.org/abs/1312.6120),
the forget gate's bias is 1 (Jozefowicz et al., 2015), and input weights are uniform. Their bound
1 / sqrt(inputs) gives a vector of standard normal inputs, such as an embedding, the same effect on
the gates as a table row within 1. Zeros in the output layer make all symbols equally likely, so the
first loss is log V.

Axes: those of ``parameters``.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from charloom.network.parameters import Floats, Shapes
from charloom.randomness import random_key, random_uniform
from charloom.settings import Cell

LABEL_BOUND: Final = 0.1
"""Largest absolute value in the initial states of labels."""


def initial_tensors(cell: Cell, shapes: Shapes, seed: int) -> dict[str, Floats]:
    """Return the initial value of each parameter; equal seeds give equal values."""
    return {
        name: _initial_value(cell, name, shape, random_key(seed, index)).astype(np.float32)
        for index, (name, shape) in enumerate(shapes.items())
    }


def _initial_value(cell: Cell, name: str, shape: tuple[int, ...], key: int) -> NDArray[np.float64]:
    kind = name.rsplit(".", 1)[1]
    if name.startswith("labels."):
        return LABEL_BOUND * _uniform(shape, key)
    if name == "embedding.weight":
        return _normal(shape, key)
    if kind == "input_table":
        return _uniform(shape, key)
    if kind == "input_weight":
        return _uniform(shape, key) / math.sqrt(shape[1])
    if kind == "recurrent_weight":
        return _orthogonal(shape, key)
    value = np.zeros(shape)
    if cell == "lstm" and kind == "bias" and name.startswith("cells."):
        hidden = shape[0] // 4
        value[hidden : 2 * hidden] = 1
    return value


def _uniform(shape: tuple[int, ...], key: int) -> NDArray[np.float64]:
    """Return uniform numbers in [-1, 1)."""
    return 2 * random_uniform(key, math.prod(shape)).reshape(shape) - 1


def _normal(shape: tuple[int, ...], key: int) -> NDArray[np.float64]:
    """Return standard normal numbers (Box & Muller, 1958)."""
    half = -(-math.prod(shape) // 2)
    radius = np.sqrt(-2 * np.log1p(-random_uniform(key, half)))
    angle = 2 * math.pi * random_uniform(key, half, first=half)
    both = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])
    return both[: math.prod(shape)].reshape(shape)


def _orthogonal(shape: tuple[int, ...], key: int) -> NDArray[np.float64]:
    """Return one random orthogonal matrix (H, H) for each gate, (G, H)."""
    hidden = shape[1]
    q_KHH, r_KHH = np.linalg.qr(_normal((shape[0] // hidden, hidden, hidden), key))
    # With these signs each orthogonal matrix is equally likely (Mezzadri, 2007).
    signs_KH = np.sign(np.diagonal(r_KHH, axis1=1, axis2=2))
    result: NDArray[np.float64] = (q_KHH * signs_KH[:, None]).reshape(shape)
    return result
