"""The state of a run as JSON and a safetensors file, which cannot contain code.

A state consists of None, booleans, numbers, strings, tensors and arrays, in lists, tuples and dicts
with any keys. Types that JSON does not have are stored as an object with one key, which starts with
``$``.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor


def pack(state: Any) -> tuple[Any, bytes]:
    """Return ``state`` as JSON, and its tensors as the bytes of a safetensors file."""
    tensors: dict[str, Tensor] = {}
    return _pack(state, "", tensors), save(tensors)


def unpack(packed: Any, tensors: bytes) -> Any:
    """Return the state from a result of ``pack``; tensors are on the CPU."""
    # Tensors are copied: in the common buffer they are not aligned, and kernels may then sum in
    # another order.
    return _unpack(packed, {name: value.clone() for name, value in load(tensors).items()})


def all_finite(state: Any) -> bool:
    """Return whether all tensors and arrays of a state have finite numbers only."""
    return all(
        bool(torch.isfinite(tensor).all())
        for tensor in _tensors(state)
        if tensor.is_floating_point()
    )


def _tensors(state: Any) -> Iterator[Tensor]:
    if isinstance(state, Tensor | np.ndarray):
        yield torch.as_tensor(state)
    elif isinstance(state, Mapping):
        for value in state.values():
            yield from _tensors(value)
    elif isinstance(state, list | tuple):
        for value in state:
            yield from _tensors(value)


def _pack(state: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    """Return ``state`` as JSON; add its tensors to ``tensors``, named by their path."""
    if isinstance(state, Tensor | np.ndarray):
        tensors[path] = torch.as_tensor(state).detach().to("cpu", copy=True).contiguous()
        return {"$tensor" if isinstance(state, Tensor) else "$array": path}
    if isinstance(state, Mapping):
        if all(isinstance(key, str) and not key.startswith("$") for key in state):
            return {key: _pack(value, f"{path}/{key}", tensors) for key, value in state.items()}
        pairs = [(key, _pack(value, f"{path}/{key}", tensors)) for key, value in state.items()]
        return {"$pairs": pairs}
    if isinstance(state, list | tuple):
        items = [_pack(value, f"{path}/{index}", tensors) for index, value in enumerate(state)]
        return items if isinstance(state, list) else {"$tuple": items}
    if isinstance(state, float) and not math.isfinite(state):
        return {"$float": repr(state)}
    if state is None or isinstance(state, bool | int | float | str):
        return state
    raise TypeError(f"a checkpoint cannot hold {type(state).__name__} at {path}")


def _unpack(packed: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(packed, list):
        return [_unpack(value, tensors) for value in packed]
    if not isinstance(packed, dict):
        return packed
    match packed:
        case {"$tensor": name}:
            return tensors[name]
        case {"$array": name}:
            return tensors[name].numpy()
        case {"$pairs": pairs}:
            return {key: _unpack(value, tensors) for key, value in pairs}
        case {"$tuple": items}:
            return tuple(_unpack(value, tensors) for value in items)
        case {"$float": number}:
            return float(number)
    return {key: _unpack(value, tensors) for key, value in packed.items()}
