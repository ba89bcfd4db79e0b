"""The parameters of a network in one array, and arrays of the same layout.

Gradients, optimizer states and averages have the layout of the parameters, so an operation on all
of them is one loop. Parameters of a kind are adjacent. Each starts at a cache line; the numbers
between two parameters are zeros, and stay zeros in every operation.

Axes: V vocabulary, E embedding, H hidden units, G gates times H, L layers, N labels, P all numbers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from charloom.network.alignment import CACHE_LINE_BYTES, aligned_zeros
from charloom.network.reference import GATE_COUNTS
from charloom.settings import NetworkSettings

Floats = NDArray[np.float32]
Tensors = Mapping[str, Floats]
Shapes = Mapping[str, tuple[int, ...]]

Kind = Literal["recurrent", "matrix", "vector", "label"]
"""Matrices of recurrent layers, other matrices, biases, initial states of labels."""
KINDS: Final[tuple[Kind, ...]] = ("recurrent", "matrix", "vector", "label")
_ALIGNMENT: Final = CACHE_LINE_BYTES // 4
"""Numbers in a cache line."""


def parameter_shapes(settings: NetworkSettings, vocabulary_size: int, labels: int = 0) -> Shapes:
    """Return the shape of each parameter by its name, input first."""
    hidden, gates = settings.hidden, GATE_COUNTS[settings.cell] * settings.hidden
    shapes: dict[str, tuple[int, ...]] = {}
    if not isinstance(settings.input, str):
        shapes["embedding.weight"] = vocabulary_size, settings.input
    for depth in range(settings.layers):
        width = hidden if depth else settings.input
        if isinstance(width, str):
            shapes["cells.0.input_table"] = vocabulary_size, gates
        else:
            shapes[f"cells.{depth}.input_weight"] = gates, width
        shapes[f"cells.{depth}.recurrent_weight"] = gates, hidden
        shapes[f"cells.{depth}.bias"] = (gates,)
        if settings.cell == "gru":
            shapes[f"cells.{depth}.recurrent_bias"] = (hidden,)
    if labels:
        shapes["labels.hidden"] = labels, settings.layers, hidden
        if settings.cell == "lstm":
            shapes["labels.cell"] = labels, settings.layers, hidden
    return shapes | {"output.weight": (vocabulary_size, hidden), "output.bias": (vocabulary_size,)}


def kind_of(name: str) -> Kind:
    """Return the kind of a parameter.

    >>> [kind_of(name) for name in ("cells.0.input_weight", "cells.0.input_table", "output.bias")]
    ['recurrent', 'matrix', 'vector']
    """
    if name.startswith("labels."):
        return "label"
    if name.endswith((".recurrent_weight", ".input_weight")):
        return "recurrent"
    return "vector" if name.endswith("bias") else "matrix"


def parameter_counts(shapes: Shapes) -> list[tuple[str, int]]:
    """Return each part of the network with its number of parameters, input first."""
    groups = itertools.groupby(shapes, key=lambda name: name.rsplit(".", 1)[0])
    return [(group, sum(math.prod(shapes[name]) for name in names)) for group, names in groups]


class Parameters:
    """Named arrays in one flat array; zeros at first."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.kinds: dict[Kind, slice] = {}
        """Where the parameters of each kind are; padding is part of the kind before it."""
        self.spans: dict[str, slice] = {}
        """Where each parameter is, without padding."""
        end = 0
        for kind in KINDS:
            begin = end
            for name in (name for name in shapes if kind_of(name) == kind):
                size = math.prod(shapes[name])
                self.spans[name] = slice(end, end + size)
                end += -(-size // _ALIGNMENT) * _ALIGNMENT
            self.kinds[kind] = slice(begin, end)
        self.flat_P = aligned_zeros(end)
        """All numbers."""
        self.arrays: dict[str, Floats] = {
            name: self.flat_P[self.spans[name]].reshape(shape) for name, shape in shapes.items()
        }
        """Each parameter, in the order of ``shapes``; they share the memory of ``flat_P``."""

    def tensors(self) -> dict[str, Floats]:
        """Return a copy of each parameter."""
        return {name: array.copy() for name, array in self.arrays.items()}

    def load(self, tensors: Tensors) -> None:
        """Set all parameters."""
        for name, array in self.arrays.items():
            array[...] = tensors[name]
