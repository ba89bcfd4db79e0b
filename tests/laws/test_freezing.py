"""Frozen parameters are bit for bit those of before, on both backends; all others are trained.

Neither weight decay nor an average nor an optimizer's state changes them, and their gradients are
not part of the norm.
"""

import dataclasses
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from backends import (
    FP32,
    OPTIMIZERS,
    cpu_backend,
    initial,
    losses,
    minibatches,
    settings_of,
    take_step,
)
from networks import NETWORKS, network_id
from numpy.typing import NDArray

from charloom.network.dropout import Dropout
from charloom.network.freezing import FrozenRows, frozen_rows
from charloom.network.parameters import Floats
from charloom.settings import Freeze, NetworkSettings, Optimizer
from charloom.training.backend import Backend, States
from charloom.training.cpu_backend import CpuBackend
from charloom.training.distributed.launch import ProcessInfo
from charloom.training.torch_backend import TorchBackend

KNOWN = 50
"""Symbols of the base; the other ten are new."""
FREEZE: tuple[Freeze, ...] = ("embedding", 1, 2)
CASES = [
    (network, freeze)
    for network, freeze in product(NETWORKS, FREEZE)
    if network.layers < 3
    and network.hidden > 1
    and (freeze != "embedding" or network.input != "one-hot")
    and (isinstance(freeze, str) or freeze <= network.layers)
]
cases = pytest.mark.parametrize(
    ("network", "freeze"), CASES, ids=[f"{network_id(n)}-{freeze}" for n, freeze in CASES]
)
DROPOUT = NetworkSettings(cell="lstm", hidden=16, layers=2, input=6, dropout=0.4)


def rows_of(network: NetworkSettings, freeze: Freeze, symbols: int = KNOWN) -> FrozenRows:
    return frozen_rows(initial(network).shapes, freeze, symbols)


def pair(
    network: NetworkSettings, optimizer: Optimizer, frozen: FrozenRows
) -> tuple[CpuBackend, TorchBackend]:
    settings = settings_of(optimizer)
    cpu = CpuBackend(network, initial(network), settings, bf16=False, threads=2, frozen=frozen)
    return cpu, TorchBackend(network, initial(network), settings, FP32, frozen=frozen)


def check_frozen(before: dict[str, Floats], after: Any, frozen: FrozenRows) -> None:
    """Assert that the rows in ``frozen`` are as they were, and that all others have changed."""
    for name, tensor in before.items():
        first = frozen.get(name, 0)
        assert np.array_equal(after[name][:first], tensor[:first]), name
        # Rows of rare symbols have no gradient in a few minibatches.
        if first < len(tensor) and name not in ("embedding.weight", "cells.0.input_table"):
            assert not np.array_equal(after[name][first:], tensor[first:]), name


@cases
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_frozen_parameters_stay_and_both_backends_agree(
    network: NetworkSettings, freeze: Freeze, optimizer: Optimizer
) -> None:
    frozen, before = rows_of(network, freeze), initial(network).tensors()
    both = pair(network, optimizer, frozen)
    ours, expected = (losses(backend, 6) for backend in both)
    assert ours == pytest.approx(expected, rel=1e-5)
    for backend in both:
        check_frozen(before, backend.tensors(), frozen)
        with backend.average_swapped_in():
            check_frozen(before, backend.tensors(), frozen)
        states = backend.state_dict()["optimizer"]["states"]
        for name, rows in frozen.items():
            assert all(not s[name][:rows].any() for s in states.values() if name in s), name


@pytest.mark.parametrize("freeze", ["embedding", 1])
def test_rows_of_new_symbols_are_trained(freeze: Freeze) -> None:
    for network in (DROPOUT, dataclasses.replace(DROPOUT, input="one-hot")):
        if freeze == "embedding" and network.input == "one-hot":
            continue
        known = 20
        name = "embedding.weight" if network is DROPOUT else "cells.0.input_table"
        before = initial(network).tensors()[name]
        for backend in pair(network, "sgd", rows_of(network, freeze, known)):
            losses(backend, 6)
            changed = np.flatnonzero((backend.tensors()[name] != before).any(1))
            assert len(changed) and changed.min() >= known


@cases
def test_the_norm_is_that_of_trained_rows(network: NetworkSettings, freeze: Freeze) -> None:
    """The oracle is the whole gradient of the other backend, without the frozen rows."""
    frozen, batch = rows_of(network, freeze), next(minibatches(1))
    whole = TorchBackend(network, initial(network), settings_of("sgd"), FP32)
    backends = (*pair(network, "sgd", frozen), whole)
    warm = cpu_backend(network, "sgd")
    losses(warm, 3)  # the output layer is zero at first
    for backend in backends:
        backend.load_state_dict(warm.state_dict())
        backend.forward_backward(batch, [], Dropout(0, 0))
    sent = list[NDArray[np.float32]]()
    whole.all_reduce_gradients(lambda flat: sent.append(flat.numpy()), np.zeros(1, np.float32))
    squares, begin = 0.0, 0
    for name, tensor in whole.tensors().items():
        gradient = sent[0][begin : begin + tensor.size].reshape(tensor.shape)
        begin += tensor.size
        squares += float((gradient[frozen.get(name, 0) :].astype(np.float64) ** 2).sum())
    for backend in backends[:2]:
        assert backend.gradient_norm() == pytest.approx(squares**0.5 / batch.symbols, rel=1e-5)


def test_a_restored_backend_takes_the_same_steps() -> None:
    """Also on the other backend, up to rounding."""
    frozen = rows_of(DROPOUT, 1)
    whole, _ = pair(DROPOUT, "muon", frozen)
    losses(whole, 4)
    restored = pair(DROPOUT, "muon", frozen)
    for backend in restored:
        backend.load_state_dict(whole.state_dict())
    expected = losses(whole, 4, skip=4)
    assert losses(restored[0], 4, skip=4) == expected
    assert losses(restored[1], 4, skip=4) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("freeze", ["embedding", 1, 2])
@pytest.mark.parametrize("on_torch", [False, True])
def test_several_processes_have_the_gradient_of_one(freeze: Freeze, on_torch: bool) -> None:
    frozen, batch = rows_of(DROPOUT, freeze), next(minibatches(1))
    warm = cpu_backend(DROPOUT)
    losses(warm, 3)

    def build(rank: int, world_size: int) -> Backend:
        process, settings = ProcessInfo(rank=rank, world_size=world_size), settings_of("adamw")
        weights = initial(DROPOUT)
        backend: Backend = (
            TorchBackend(DROPOUT, weights, settings, FP32, process, frozen)
            if on_torch
            else CpuBackend(
                DROPOUT, weights, settings, bf16=False, threads=1, process=process, frozen=frozen
            )
        )
        backend.load_state_dict(warm.state_dict())
        backend.forward_backward(batch, [], Dropout(0.4, 1))
        return backend

    single, several = build(0, 1), [build(rank, 3) for rank in range(3)]
    sent: list[NDArray[np.float32]] = []
    numbers = np.ones(1, np.float32)
    for backend in several:
        backend.all_reduce_gradients(
            lambda flat: sent.append(torch.as_tensor(flat).numpy().copy()), numbers
        )
    total = torch.from_numpy(np.sum(sent, axis=0))

    def reduce(flat: Any) -> None:
        flat[:] = total

    for rank in range(3):
        again = build(rank, 3)
        assert again.all_reduce_gradients(reduce, numbers).tolist() == [3]
        assert again.gradient_norm() == pytest.approx(single.gradient_norm(), rel=1e-5)


def test_all_layers_frozen_leave_the_output_layer() -> None:
    network = dataclasses.replace(DROPOUT, dropout=0.0)
    frozen = rows_of(network, 2, 60)
    before = initial(network).tensors()
    backend, _ = pair(network, "adamw", frozen)
    states: States = []
    for number, batch in enumerate(minibatches(5)):
        _, states = take_step(backend, batch, states, seed=number)
    after = backend.tensors()
    changed = {name for name, tensor in before.items() if not np.array_equal(tensor, after[name])}
    assert changed == {"output.weight", "output.bias", "labels.hidden", "labels.cell"}
