import json
import math
from typing import Any

import numpy as np
import pytest
import torch

from charloom.training.state_codec import all_finite, pack, unpack


def same(a: Any, b: Any) -> bool:
    """Return whether two states have the same types and bits, recursively."""
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and a.shape == b.shape and torch.equal(a, b)
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
    "by number": {0: {"exp_avg": torch.arange(6.0).reshape(2, 3)}, 1: {}},
    "$odd": {"$tensor": "no tensor"},
    "kinds": [torch.tensor(3, dtype=torch.uint8), torch.ones(2, dtype=torch.bfloat16)],
    "array": np.arange(4, dtype=np.float32)[::2],
    "turned": torch.arange(6.0).reshape(2, 3).T,
    "empty": [{}, [], (), torch.zeros(0)],
}


def test_unpack_returns_the_packed_state() -> None:
    state, tensors = pack(STATE)
    text = json.dumps(state, allow_nan=False)
    assert same(unpack(json.loads(text), tensors), STATE)


def test_an_optimizer_with_an_unpacked_state_takes_the_same_steps() -> None:
    def steps(optimizer: torch.optim.Optimizer, count: int) -> None:
        for _ in range(count):
            weight.grad = weight.detach() - 3
            optimizer.step()

    weight = torch.nn.Parameter(torch.arange(3.0))
    first = torch.optim.AdamW([weight], lr=0.1)
    steps(first, 2)
    packed = pack({"weight": weight, "optimizer": first.state_dict()})
    steps(first, 2)
    expected = weight.detach().clone()
    state = unpack(*packed)
    weight = torch.nn.Parameter(state["weight"])
    second = torch.optim.AdamW([weight], lr=0.5)
    second.load_state_dict(state["optimizer"])
    steps(second, 2)
    assert torch.equal(weight, expected)


def test_other_types_are_refused_with_their_path() -> None:
    with pytest.raises(TypeError, match="a checkpoint cannot hold set at /a/0"):
        pack({"a": [{1, 2}]})


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_an_infinite_number_or_nan_in_any_tensor_is_found(number: float) -> None:
    assert all_finite({"best": math.inf, "a": [torch.ones(2), {0: np.ones(2)}, torch.tensor(1)]})
    assert not all_finite({"a": [{0: (torch.tensor([1, number]),)}]})
    assert not all_finite({"a": [{0: np.array([1, number])}]})
