import json
import math
from typing import Any

import numpy as np
import pytest

from charloom.training.state_codec import all_finite, pack, unpack


def same(a: Any, b: Any) -> bool:
    """Return whether two states have the same types and bits, recursively."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return bool(a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes())
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return repr(a) == repr(b)  # NaN is not equal to itself


STATE: dict[str, Any] = {
    "none": None,
    "flags": [True, False],
    "numbers": (1, 2.5, 0.1 + 0.2, -(10**30)),
    "beyond": [math.inf, -math.inf, math.nan],
    "text": "é\udcff",
    "by number": {0: {"mean": np.arange(6.0).reshape(2, 3)}, 1: {}},
    "$odd": {"$array": "no array"},
    "kinds": [np.array(3, np.uint8), np.ones(2, np.float16), np.array([True])],
    "array": np.arange(4, dtype=np.float32)[::2],
    "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "empty": [{}, [], (), np.zeros(0, np.float32)],
}


def test_unpack_returns_the_packed_state() -> None:
    state, tensors = pack(STATE)
    text = json.dumps(state, allow_nan=False)
    assert same(unpack(json.loads(text), tensors), STATE)


def test_unpacked_arrays_can_be_changed() -> None:
    array = unpack(*pack({"a": np.zeros(3, np.float32), "b": np.ones(5, np.float32)}))["a"]
    array += 1
    assert array.tolist() == [1, 1, 1]
    assert array.ctypes.data % array.itemsize == 0


def test_other_types_are_refused_with_their_path() -> None:
    with pytest.raises(TypeError, match="a checkpoint cannot hold set at /a/0"):
        pack({"a": [{1, 2}]})


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_an_infinite_number_or_nan_in_any_array_is_found(number: float) -> None:
    assert all_finite({"best": math.inf, "a": [np.ones(2), {0: np.ones(2)}, np.array(1)]})
    assert not all_finite({"a": [{0: (np.array([[1, number]]),)}]})
    assert not all_finite({"a": [{0: np.array([1, number])}]})
