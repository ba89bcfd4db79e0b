"""The layers of a Keras model in a row, as a network of charloom.

Both programs have the same equations, and Keras' arrays are charloom's with the axes exchanged.
Gates of an LSTM have the same order, i, f, c, o. Those of a GRU are z, r, h in Keras, and r, z, n
here. Keras has two biases for each gate of a GRU, of which all but one occur in a sum only.

Layers of different sizes get the largest one: the added units have weights of zero, so that their
states stay zero and nothing else changes.

Axes: V ids, I inputs of a layer, H hidden units, G gates times H.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from charloom.errors import SettingsError
from charloom.exchange.hdf5_values import Hdf5Error
from charloom.exchange.keras_file import LayerWeights
from charloom.formatting import quote
from charloom.network.reference import GATE_COUNTS
from charloom.settings import Cell, NetworkSettings

Floats = NDArray[np.float32]
CELLS: Final[Mapping[str, Cell]] = {"SimpleRNN": "rnn", "GRU": "gru", "LSTM": "lstm"}
SUPPORTED: Final = (
    "Embedding or one-hot input, Masking, Dropout, SimpleRNN, GRU, LSTM, Dense or "
    "TimeDistributed(Dense), Activation softmax, in this order"
)
MAX_LAYERS: Final = 16
"""Recurrent layers."""
_MAX_GROWTH: Final = 4
"""Weights with all layers of the largest size, by those of the file."""
_PASSING: Final = ("InputLayer", "Masking", "Dropout")
_REQUIRED: Final[Mapping[str, Mapping[str, tuple[Any, ...]]]] = {
    "Embedding": {},
    "SimpleRNN": {"activation": ("tanh",), "go_backwards": (False,)},
    "GRU": {
        "activation": ("tanh",),
        "recurrent_activation": ("sigmoid",),
        "go_backwards": (False,),
        "time_major": (False,),
        "reset_after": (True,),
    },
    "LSTM": {
        "activation": ("tanh",),
        "recurrent_activation": ("sigmoid",),
        "go_backwards": (False,),
        "time_major": (False,),
    },
    "Dense": {"activation": ("softmax", "linear", None)},
    "Activation": {"activation": ("softmax",)},
    "Softmax": {"axis": (-1,)},
}
"""Settings with which a layer computes as in charloom, the default of Keras first in most."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer of the configuration."""

    kind: str
    name: str
    settings: Mapping[str, Any]


class UnsupportedLayerError(SettingsError):
    """A layer, or a setting of it, that charloom has no equal of."""


def read_layers(
    config: Any, weights: LayerWeights
) -> tuple[NetworkSettings, dict[str, Floats], bool]:
    """Return settings and tensors of a model, and whether it masks id 0.

    Rows are in the order of the ids. Raises UnsupportedLayerError, its message a predicate of the
    model, and Hdf5Error for a damaged file.
    """
    layers = _parse_layers(config)
    _check_order(layers)
    embedding: Floats | None = None
    recurrent: list[tuple[Cell, list[Floats]]] = []
    output: list[Floats] = []
    for layer in layers:
        if layer.kind == "Embedding":
            [embedding] = _arrays(weights, layer, (2,))
        elif layer.kind in CELLS:
            recurrent.append((CELLS[layer.kind], _cell_arrays(weights, layer)))
        elif layer.kind in ("Dense", "TimeDistributed"):
            kernel, *bias = _arrays(weights, layer, (2,), (2, 1))
            output = [kernel, bias[0] if bias else np.zeros(kernel.shape[1], np.float32)]
    settings, tensors = _to_tensors(embedding, recurrent, output)
    dropout = [_fraction(layer.settings.get(n)) for layer in layers for n in ("rate", "dropout")]
    masks = any(layer.settings.get("mask_zero") is True for layer in layers)
    return dataclasses.replace(settings, dropout=max(dropout)), tensors, masks


def _parse_layers(config: Any) -> list[Layer]:
    """Return the layers of a Sequential model; TimeDistributed is one layer."""
    kind = config.get("class_name") if isinstance(config, Mapping) else None
    if kind != "Sequential":
        raise UnsupportedLayerError(
            f"is a model of class {quote(str(kind)[:40])}; supported: Sequential, with {SUPPORTED}."
        )
    inner = config.get("config")
    listed = inner.get("layers") if isinstance(inner, Mapping) else inner
    if not isinstance(listed, list):
        raise Hdf5Error("has no list of layers")
    layers = []
    for item in listed:
        settings = item.get("config") if isinstance(item, Mapping) else None
        if not isinstance(settings, Mapping) or not isinstance(item.get("class_name"), str):
            raise Hdf5Error("has a layer without a class")
        layers.append(
            Layer(kind=item["class_name"], name=str(settings.get("name", "")), settings=settings)
        )
    return layers


def _check_order(layers: Sequence[Layer]) -> None:
    """Raise UnsupportedLayerError unless the layers are those of a language model."""
    stages = {"Embedding": 0, **dict.fromkeys(CELLS, 1), "Dense": 2, "TimeDistributed": 2}
    stages |= {"Activation": 3, "Softmax": 3}
    stage, counts = -1, [0, 0, 0, 0]
    for layer in layers:
        if layer.kind in _PASSING:
            continue
        place = stages.get(layer.kind)
        again = place is not None and (place < stage or (place == stage != 1))
        if place is None or again:
            raise UnsupportedLayerError(
                f"has the layer {quote(layer.name[:80])} of class {quote(layer.kind[:40])}"
                f"{' out of order' if again else ''}; supported: {SUPPORTED}."
            )
        stage = place
        counts[place] += 1
        _check_settings(layer)
    if not 1 <= counts[1] <= MAX_LAYERS or counts[2] != 1:
        raise UnsupportedLayerError(
            f"has {counts[1]} recurrent layers and {counts[2]} Dense layers; supported: 1 to "
            f"{MAX_LAYERS} and 1: {SUPPORTED}."
        )
    outputs = [layer.kind for layer in layers if "softmax" in _activations(layer)]
    if len(outputs) > 1:
        raise UnsupportedLayerError(
            f"applies softmax in {' and in '.join(outputs)}; supported: one softmax."
        )
    kinds = list(dict.fromkeys(layer.kind for layer in layers if layer.kind in CELLS))
    if len(kinds) > 1:
        raise UnsupportedLayerError(
            f"has layers of {' and '.join(kinds)}; supported: one kind of recurrent layer."
        )


def _activations(layer: Layer) -> tuple[object, ...]:
    """Return the activation of a layer, or of the layer within it."""
    inner = layer.settings.get("layer")
    within = inner.get("config") if isinstance(inner, Mapping) else None
    name = within.get("activation") if isinstance(within, Mapping) else None
    own = "softmax" if layer.kind == "Softmax" else layer.settings.get("activation")
    return (own, name)


def _check_settings(layer: Layer) -> None:
    kind, settings = layer.kind, layer.settings
    if kind == "TimeDistributed":
        inner = settings.get("layer")
        kind = str(inner.get("class_name")) if isinstance(inner, Mapping) else "nothing"
        inner_settings = inner.get("config") if isinstance(inner, Mapping) else None
        if kind != "Dense" or not isinstance(inner_settings, Mapping):
            raise UnsupportedLayerError(
                f"has the layer {quote(layer.name[:80])}, TimeDistributed of {quote(kind[:40])}; "
                "supported: TimeDistributed of Dense."
            )
        settings = inner_settings
    for name, allowed in _REQUIRED[kind].items():
        # Files of Keras 2 before 2.3 lack reset_after, and their layers have none.
        default = False if name == "reset_after" else allowed[0]
        value = settings.get(name, default)
        if not isinstance(value, str | int | None) or value not in allowed:
            known = ", ".join("none" if v is None else str(v) for v in allowed)
            raise UnsupportedLayerError(
                f"has the layer {quote(layer.name[:80])} ({kind}) with {name} "
                f"{quote(str(value)[:40])}; supported: {known}."
            )


def _arrays(weights: LayerWeights, layer: Layer, *axes: tuple[int, ...]) -> list[Floats]:
    """Return the arrays of a layer, whose numbers of axes must be one of ``axes``."""
    arrays = weights(layer.kind, layer.name)
    if tuple(array.ndim for array in arrays) not in axes:
        shapes = ", ".join(str(array.shape) for array in arrays[:4]) or "none"
        raise Hdf5Error(f"has other weights than the layer {quote(layer.name[:80])} has: {shapes}")
    if not all(np.isfinite(array).all() for array in arrays):
        raise Hdf5Error(f"has NaN or infinity in the layer {quote(layer.name[:80])}")
    if any(array.size == 0 for array in arrays):
        raise Hdf5Error(f"has the layer {quote(layer.name[:80])} of size 0")
    return arrays


def _cell_arrays(weights: LayerWeights, layer: Layer) -> list[Floats]:
    """Return kernel, recurrent kernel and biases, (2, G) for a GRU and else (1, G)."""
    rows = 2 if layer.kind == "GRU" else 1
    kernel, recurrent, *bias = _arrays(weights, layer, (2, 2), (2, 2, rows))
    gates = GATE_COUNTS[CELLS[layer.kind]] * recurrent.shape[0]
    biases = bias[0].reshape(rows, -1) if bias else np.zeros((rows, gates), np.float32)
    if (kernel.shape[1], recurrent.shape[1], biases.shape[1]) != (gates, gates, gates):
        raise Hdf5Error(f"has weights of other sizes than the layer {quote(layer.name[:80])} has")
    return [kernel, recurrent, biases]


def _to_tensors(
    embedding: Floats | None, recurrent: Sequence[tuple[Cell, list[Floats]]], output: list[Floats]
) -> tuple[NetworkSettings, dict[str, Floats]]:
    cell = recurrent[0][0]
    sizes = [arrays[1].shape[0] for _, arrays in recurrent]
    hidden = max(sizes)
    first = recurrent[0][1][0].shape[0]
    ids = first if embedding is None else embedding.shape[0]
    inputs = [first if embedding is None else embedding.shape[1], *sizes[:-1]]
    kernels = [arrays[0].shape[0] for _, arrays in recurrent]
    if kernels != inputs or output[0].shape[0] != sizes[-1]:
        raise Hdf5Error("has layers whose sizes do not fit each other")
    if output[0].shape[1] != ids or output[1].shape[0] != ids:
        raise UnsupportedLayerError(
            f"reads {ids:,} symbols and predicts {output[0].shape[1]:,}; supported: the same."
        )
    _check_growth(inputs, sizes, hidden, GATE_COUNTS[cell], ids)
    tensors: dict[str, Floats] = {} if embedding is None else {"embedding.weight": embedding}
    for k, (_, arrays) in enumerate(recurrent):
        kernel, recurrent_kernel, biases = (_widen(a, sizes[k], hidden, cell) for a in arrays)
        if k:
            kernel = _add_rows(kernel, hidden)
        if k or embedding is not None:
            tensors[f"cells.{k}.input_weight"] = np.ascontiguousarray(kernel.T)
        else:
            tensors["cells.0.input_table"] = kernel
        recurrent_kernel = _add_rows(recurrent_kernel, hidden)
        tensors[f"cells.{k}.recurrent_weight"] = np.ascontiguousarray(recurrent_kernel.T)
        tensors[f"cells.{k}.bias"] = biases[0].copy()
        if cell == "gru":
            tensors[f"cells.{k}.bias"][: 2 * hidden] += biases[1, : 2 * hidden]
            tensors[f"cells.{k}.recurrent_bias"] = biases[1, 2 * hidden :].copy()
    tensors["output.weight"] = np.ascontiguousarray(_add_rows(output[0], hidden).T)
    tensors["output.bias"] = output[1]
    source: Literal["one-hot"] | int = "one-hot" if embedding is None else embedding.shape[1]
    settings = NetworkSettings(cell=cell, hidden=hidden, layers=len(recurrent), input=source)
    return settings, tensors


def _check_growth(
    inputs: Sequence[int], sizes: Sequence[int], hidden: int, gates: int, ids: int
) -> None:
    own = sum(gates * size * (width + size) for width, size in zip(inputs, sizes, strict=True))
    widths = [inputs[0], *[hidden] * (len(sizes) - 1)]
    grown = sum(gates * hidden * (width + hidden) for width in widths) + ids * hidden
    if grown > _MAX_GROWTH * (own + ids * sizes[-1]) + 1_000_000:
        raise UnsupportedLayerError(
            f"has recurrent layers of {min(sizes):,} to {hidden:,} units; supported: layers of "
            "similar sizes."
        )


def _widen(array: Floats, size: int, hidden: int, cell: Cell) -> Floats:
    """Return columns of gates, in charloom's order, each with zeros up to ``hidden``."""
    gates = array.reshape(len(array), -1, size)
    if cell == "gru":
        gates = gates[:, [1, 0, 2]]
    wide = np.zeros((*gates.shape[:2], hidden), np.float32)
    wide[:, :, :size] = gates
    return wide.reshape(len(array), -1)


def _add_rows(array: Floats, count: int) -> Floats:
    """Return an array with rows of zeros added, up to ``count``."""
    return np.concatenate([array, np.zeros((count - len(array), array.shape[1]), np.float32)])


def _fraction(value: object) -> float:
    """Return a probability of dropout; 0 for anything else."""
    known = isinstance(value, int | float) and 0 <= value < 1
    return float(value) if known and isinstance(value, int | float) else 0.0
