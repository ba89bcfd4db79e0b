from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from charloom.errors import TrainingError
from charloom.network.parameters import Floats
from charloom.training.distributed.launch import ProcessInfo
from charloom.training.distributed.torch_collectives import init_process_group


class Gradients:
    """A network with one gradient."""

    def __init__(self, gradient_P: torch.Tensor) -> None:
        self.gradient_P = gradient_P

    def all_reduce_gradients(self, reduce: Callable[[Any], None], numbers: Floats) -> Floats:
        reduce(self.gradient_P)
        reduce(numbers)
        return numbers


def test_an_address_that_cannot_be_reached_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    with pytest.raises(TrainingError) as caught:
        init_process_group(ProcessInfo(rank=1, world_size=2), timeout_seconds=0.1)
    assert str(caught.value) == (
        "the other processes cannot be reached at 127.0.0.1:1, the values of MASTER_ADDR and "
        "MASTER_PORT; start all of them with torchrun and an address that every host reaches."
    )


def test_arrays_and_tensors_are_replaced_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a group of one process the sums and copies are the values themselves.

    tests/laws/test_processes.py connects two processes.
    """
    variables = {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with init_process_group(ProcessInfo(rank=0, world_size=1)) as group:
        group.connect("cpu")
        array_P, tensor_P = np.arange(3.0), torch.arange(3.0)
        group.broadcast(array_P)
        assert group.all_reduce(0.1, "") == 0.1
        assert group.broadcast_bytes(b"bytes") == b"bytes"

        sums = group.all_reduce_gradients(Gradients(tensor_P), [0.1, 7.0], "")
        assert sums == pytest.approx([0.1, 7.0], rel=1e-14)
    assert (array_P.tolist(), tensor_P.tolist()) == ([0, 1, 2], [0, 1, 2])
