"""Read a PyTorch state dict in a safetensors file as a model.

It is that of a module with an ``nn.Embedding`` (or one-hot input), one ``nn.LSTM``, ``nn.GRU`` or
``nn.RNN``, and an ``nn.Linear``, in attributes of any names. A ``.pt`` file can run code when it is
opened, so it is never opened here. Three lines of Python convert one of your own:

    import torch; from safetensors.torch import save_file
    state = torch.load("model.pt", weights_only=True)
    save_file({name: x.float().contiguous() for name, x in state.items()}, "model.safetensors")

A state dict has no symbols: they are given, in the order of their ids (symbols_file.py).

Axes: V symbols, E embedding, I inputs of a layer, G gates times H, H hidden units, L layers.
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

import numpy as np

from charloom.errors import ModelFolderError
from charloom.exchange.imported_network import ImportedNetwork
from charloom.exchange.torch_file import read_state_dict
from charloom.exchange.torch_names import Floats, cell_of, layer_from_torch
from charloom.formatting import quote
from charloom.settings import Cell, NetworkSettings

MAX_LAYERS: Final = 100
MAX_SHOWN: Final = 60
_NONLINEARITY: Final = (
    "nn.RNN is read with tanh, since a state dict does not name the nonlinearity."
)
_RECURRENT: Final = re.compile(
    r"(?s)(.*?)((?:weight|bias)_(?:ih|hh|hr))(?:_l([0-9]{1,4}))?(_reverse)?"
)
_PARTS: Final = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Found:
    """The arrays of a state dict by their use."""

    cell: Cell
    embedding_VE: Floats | None
    layers: Sequence[Mapping[str, Floats]]
    output_VH: Floats
    bias_V: Floats


def import_torch(path: Path) -> ImportedNetwork:
    """Return the network of a state dict, without the labels of an export of charloom.

    Raises ModelFolderError for a file that is damaged or that is no such state dict.
    """
    found = _find_parts(path, read_state_dict(path))
    embedding, first = found.embedding_VE, found.layers[0]
    network = NetworkSettings(
        cell=found.cell,
        hidden=found.output_VH.shape[1],
        layers=len(found.layers),
        input="one-hot" if embedding is None else embedding.shape[1],
        dropout=0.0,
    )
    tensors: dict[str, Floats] = {}
    if embedding is None:
        tensors["cells.0.input_table"] = np.ascontiguousarray(first["input_weight"].T)
    else:
        tensors["embedding.weight"] = embedding
    for number, layer in enumerate(found.layers):
        for name, array in layer.items():
            if embedding is not None or number or name != "input_weight":
                tensors[f"cells.{number}.{name}"] = np.ascontiguousarray(array)
    tensors["output.weight"] = found.output_VH
    tensors["output.bias"] = found.bias_V
    is_simple = found.cell == "rnn"
    return ImportedNetwork(
        network=network,
        tensors=tensors,
        program="PyTorch",
        notes=(_NONLINEARITY,) if is_simple else (),
    )


def _find_parts(path: Path, state: Mapping[str, Floats]) -> _Found:
    """Return the arrays of the network; raises ModelFolderError for other ones."""
    recurrent = {name: match for name in state if (match := _RECURRENT.fullmatch(name))}
    if not recurrent:
        _refuse(path, "has no weight_ih_l0, so it has no nn.LSTM, nn.GRU or nn.RNN")
    for name, match in recurrent.items():
        if match[4]:
            _refuse(path, f"has {_shown(name)}: a bidirectional layer, which cannot write texts")
        if match[2].endswith("hr"):
            _refuse(path, f"has {_shown(name)}: an LSTM with proj_size, which is not supported")
        if match[3] is None:
            _refuse(path, f"has {_shown(name)}: a single cell such as nn.LSTMCell, not supported")
    prefixes = sorted({match[1] for match in recurrent.values()})
    if len(prefixes) > 1:
        _refuse(path, f"has several recurrent modules ({', '.join(map(_shown, prefixes[:3]))})")
    cell, layers = _find_layers(
        path, {f"{match[2]}_l{int(match[3])}": state[name] for name, match in recurrent.items()}
    )
    rest = {name: array for name, array in state.items() if name not in recurrent}
    hidden, width = layers[0]["recurrent_weight"].shape[1], layers[0]["input_weight"].shape[1]
    output_VH, bias_V, rest = _find_output(path, rest, hidden)
    embedding = _find_embedding(path, rest, len(bias_V), width)
    return _Found(
        cell=cell, embedding_VE=embedding, layers=layers, output_VH=output_VH, bias_V=bias_V
    )


def _find_layers(path: Path, arrays: Mapping[str, Floats]) -> tuple[Cell, list[dict[str, Floats]]]:
    """Return the cell and the parameters of each layer."""
    numbers = sorted({int(name.rpartition("_l")[2]) for name in arrays})
    if numbers != list(range(len(numbers))) or len(numbers) > MAX_LAYERS:
        _refuse(path, "has recurrent layers that are not numbered from 0, or too many")
    has_biases = any(name.startswith("bias") for name in arrays)
    parts = _PARTS if has_biases else _PARTS[:2]
    for number in numbers:
        for part in parts:
            if f"{part}_l{number}" not in arrays:
                _refuse(path, f"has no {part}_l{number}")
    recurrent = arrays["weight_hh_l0"]
    if recurrent.ndim != 2:
        _refuse(path, "has weight_hh_l0 that is no matrix")
    gates, hidden = recurrent.shape
    cell = cell_of(gates, hidden)
    if cell is None:
        _refuse(
            path,
            f"has weight_hh_l0 of {gates:,} rows for {hidden:,} units; an RNN has 1, a GRU 3 and "
            "an LSTM 4 times as many",
        )
    layers = []
    for number in numbers:
        inputs, states = arrays[f"weight_ih_l{number}"], arrays[f"weight_hh_l{number}"]
        zeros = np.zeros(gates, np.float32)
        first, second = (arrays.get(f"{part}_l{number}", zeros) for part in _PARTS[2:])
        if number and inputs.shape == (gates, 2 * hidden):
            _refuse(path, f"has weight_ih_l{number} of a bidirectional module")
        fits = inputs.ndim == 2 and len(inputs) == gates and states.shape == (gates, hidden)
        if not fits or (number and inputs.shape[1] != hidden):
            _refuse(path, f"has weights of other shapes in layer {number}")
        if not first.shape == second.shape == (gates,):
            _refuse(path, f"has biases of other shapes in layer {number}")
        layers.append(layer_from_torch(cell, inputs, states, (first, second)))
    return cell, layers


def _find_output(
    path: Path, rest: Mapping[str, Floats], hidden: int
) -> tuple[Floats, Floats, dict[str, Floats]]:
    """Return weight and bias of the output, and the other arrays."""
    biases = [name for name in rest if name.rpartition(".")[2] == "bias"]
    if not biases:
        _refuse(
            path, "has no output layer with a bias; nn.Linear(..., bias=False) is not supported"
        )
    if len(biases) > 1:
        _refuse(path, f"has several layers with a bias ({', '.join(map(_shown, biases[:3]))})")
    weight = f"{biases[0].removesuffix('bias')}weight"
    if weight not in rest:
        _refuse(path, f"has no {_shown(weight)}: weights tied to the embedding are not supported")
    output_VH, bias_V = rest[weight], rest[biases[0]]
    if output_VH.ndim != 2 or output_VH.shape[1] != hidden or bias_V.shape != output_VH.shape[:1]:
        _refuse(path, f"has {_shown(weight)} of other axes than symbols by {hidden:,} units")
    others = {name: array for name, array in rest.items() if name not in (weight, biases[0])}
    return output_VH, bias_V, others


def _find_embedding(
    path: Path, rest: Mapping[str, Floats], symbols: int, width: int
) -> Floats | None:
    """Return the embedding, (V, E); None with one-hot input."""
    if len(rest) > 1:
        _refuse(path, f"has more than the network ({', '.join(map(_shown, sorted(rest)[:3]))})")
    if not rest:
        if width != symbols:
            _refuse(path, f"has {symbols:,} symbols and inputs of {width:,}, but no embedding")
        return None
    [(name, embedding_VE)] = rest.items()
    if embedding_VE.shape != (symbols, width):
        _refuse(
            path,
            f"has {_shown(name)}, which is no embedding of {symbols:,} symbols by {width:,} inputs",
        )
    return embedding_VE


def _refuse(path: Path, fault: str) -> NoReturn:
    raise ModelFolderError(
        f"{path} {fault}; export one nn.Embedding, one nn.LSTM, nn.GRU or nn.RNN, and one "
        "nn.Linear."
    )


def _shown(name: str) -> str:
    """Return the name of an array for a message; a file may have names of any length."""
    return quote(name if len(name) <= MAX_SHOWN else f"{name[:MAX_SHOWN]}...")
