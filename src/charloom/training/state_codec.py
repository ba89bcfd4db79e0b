"""The state of a run as JSON and a safetensors file, which cannot contain code.

A state consists of None, booleans, numbers, strings and NumPy arrays, in lists, tuples and dicts
with any keys. Types that JSON does not have are stored as an object with one key, which starts with
``$``.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save


def pack(state: Any) -> tuple[Any, bytes]:
    """Return ``state`` as JSON, and its arrays as the bytes of a safetensors file."""
    arrays: dict[str, NDArray[Any]] = {}
    return _pack(state, "", arrays), save(arrays)


def unpack(packed: Any, tensors: bytes) -> Any:
    """Return the state from a result of ``pack``."""
    # Arrays are copied: in the common buffer they are neither aligned nor writable.
    return _unpack(packed, {name: value.copy() for name, value in load(tensors).items()})


def all_finite(state: Any) -> bool:
    """Return whether all arrays of a state have finite numbers only."""
    return all(bool(np.isfinite(array).all()) for array in _arrays(state))


def _arrays(state: Any) -> Iterator[NDArray[Any]]:
    if isinstance(state, np.ndarray):
        yield state
    elif isinstance(state, Mapping):
        for value in state.values():
            yield from _arrays(value)
    elif isinstance(state, list | tuple):
        for value in state:
            yield from _arrays(value)


def _pack(state: Any, path: str, arrays: dict[str, NDArray[Any]]) -> Any:
    """Return ``state`` as JSON; add its arrays to ``arrays``, named by their path."""
    if isinstance(state, np.ndarray):
        arrays[path] = np.array(state, order="C")
        return {"$array": path}
    if isinstance(state, Mapping):
        if all(isinstance(key, str) and not key.startswith("$") for key in state):
            return {key: _pack(value, f"{path}/{key}", arrays) for key, value in state.items()}
        pairs = [(key, _pack(value, f"{path}/{key}", arrays)) for key, value in state.items()]
        return {"$pairs": pairs}
    if isinstance(state, list | tuple):
        items = [_pack(value, f"{path}/{index}", arrays) for index, value in enumerate(state)]
        return items if isinstance(state, list) else {"$tuple": items}
    if isinstance(state, float) and not math.isfinite(state):
        return {"$float": repr(state)}
    if state is None or isinstance(state, bool | int | float | str):
        return state
    raise TypeError(f"a checkpoint cannot hold {type(state).__name__} at {path}")


def _unpack(packed: Any, arrays: Mapping[str, NDArray[Any]]) -> Any:
    if isinstance(packed, list):
        return [_unpack(value, arrays) for value in packed]
    if not isinstance(packed, dict):
        return packed
    match packed:
        case {"$array": name}:
            return arrays[name]
        case {"$pairs": pairs}:
            return {key: _unpack(value, arrays) for key, value in pairs}
        case {"$tuple": items}:
            return tuple(_unpack(value, arrays) for value in items)
        case {"$float": number}:
            return float(number)
    return {key: _unpack(value, arrays) for key, value in packed.items()}
