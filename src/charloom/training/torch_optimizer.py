"""The optimizers of ``optim`` by torch operations, for GPUs.

torch's functions are called instead of its optimizer classes: those import torch's compiler, which
takes longer than all other imports of a run after torch itself.

Axes: M rows, N columns.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim.adamw import adamw
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

from charloom.network.freezing import FrozenRows
from charloom.network.parameters import KINDS, Kind, kind_of
from charloom.settings import TrainingSettings
from charloom.training.optim.averaging import averaging_fraction
from charloom.training.optim.muon import MOMENTUM, POLYNOMIALS, step_rate
from charloom.training.optim.optimizer import MUON_STEP_SCALE
from charloom.training.optim.rules import (
    ADAMW_EPSILON,
    BETAS,
    RMSPROP_DECAY,
    RMSPROP_EPSILON,
    SGD_MOMENTUM,
)

NamedTensors = dict[str, Tensor]
_STATES = {
    "adamw": ("mean", "square"),
    "rmsprop": ("square",),
    "sgd": ("momentum",),
    "muon": ("momentum",),
}


class TorchOptimizer:
    """Updates parameters that have gradients, except for rows that are ``frozen``.

    Its state is that of ``optim.optimizer``.
    """

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        settings: TrainingSettings,
        frozen: FrozenRows | None = None,
    ) -> None:
        self._parameters = parameters
        self._frozen = frozen or {}
        self._decay = settings.weight_decay
        self._rules: dict[Kind, str] = dict.fromkeys(KINDS, settings.optimizer)
        if settings.optimizer == "muon":
            self._rules = {k: "muon" if k == "recurrent" else "adamw" for k in KINDS}
        self._steps = dict.fromkeys(KINDS, 0)
        self._states: dict[str, NamedTensors] = {}
        for name, parameter in parameters.items():
            for state in _STATES[self._rules[kind_of(name)]]:
                self._states.setdefault(state, {})[name] = torch.zeros_like(parameter)

    @torch.no_grad()
    def step(self, learning_rate: float, gradient_scale: float) -> None:
        """Update the parameters with gradients multiplied by ``gradient_scale``."""
        for kind in KINDS:
            gradients = {
                name: self._trained_rows(name, parameter.grad)
                for name, parameter in self._parameters.items()
                if kind_of(name) == kind and parameter.grad is not None
            }
            if gradients:
                torch._foreach_mul_(list(gradients.values()), gradient_scale)
                self._steps[kind] += 1
                self._update(kind, learning_rate, gradients)

    def _trained_rows(self, name: str, tensor: Tensor) -> Tensor:
        first = self._frozen.get(name, 0)
        return tensor[first:] if first else tensor

    def _update(self, kind: Kind, learning_rate: float, named_gradients: NamedTensors) -> None:
        rule, gradients = self._rules[kind], list(named_gradients.values())
        weights, *states = (
            [self._trained_rows(name, tensors[name]) for name in named_gradients]
            for tensors in (self._parameters, *(self._states[state] for state in _STATES[rule]))
        )
        # torch counts this step itself.
        steps = [torch.tensor(self._steps[kind] - 1.0, device=w.device) for w in weights]
        if rule == "adamw":
            mean, square = states
            adamw(
                weights,
                gradients,
                mean,
                square,
                [],
                steps,
                fused=True,
                amsgrad=False,
                beta1=BETAS[0],
                beta2=BETAS[1],
                lr=learning_rate,
                weight_decay=self._decay if kind in ("recurrent", "matrix") else 0.0,
                eps=ADAMW_EPSILON,
                maximize=False,
            )
        elif rule == "rmsprop":
            rmsprop(
                weights,
                gradients,
                states[0],
                [],
                [],
                steps,
                lr=learning_rate,
                alpha=RMSPROP_DECAY,
                eps=RMSPROP_EPSILON,
                weight_decay=0.0,
                momentum=0.0,
                centered=False,
            )
        elif rule == "sgd":
            sgd(
                weights,
                gradients,
                list(states[0]),
                lr=learning_rate,
                weight_decay=0.0,
                momentum=SGD_MOMENTUM,
                dampening=0.0,
                nesterov=False,
                maximize=False,
            )
        else:
            rate = step_rate(self._steps[kind], MUON_STEP_SCALE * learning_rate)
            for weight, gradient, momentum in zip(weights, gradients, *states, strict=True):
                self._muon(rate, weight, gradient, momentum)

    def _muon(self, rate: float, weight: Tensor, gradient: Tensor, momentum: Tensor) -> None:
        """Take a step of ``optim.muon`` in float32."""
        momentum.lerp_(gradient, 1 - MOMENTUM)
        if not rate:
            return
        ahead = gradient.lerp(momentum, MOMENTUM)
        rows, columns = weight.shape
        size = rate * max(1.0, rows / columns) ** 0.5
        if rows < columns:
            weight, ahead = weight.t(), ahead.t()
        factor, matrix_NN = _orthogonalizer(ahead)
        weight.addmm_(ahead, matrix_NN, beta=1 - rate * self._decay, alpha=-size * factor)

    def state_dict(self) -> dict[str, Any]:
        """Return the steps of each kind, and each state by name and parameter."""
        states = {state: _to_arrays(tensors) for state, tensors in self._states.items()}
        return {"steps": dict(self._steps), "states": states}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a result of ``state_dict``."""
        self._steps = dict(state["steps"])
        for name, tensors in self._states.items():
            _set(tensors, state["states"][name])


def _orthogonalizer(matrix_MN: Tensor) -> tuple[float, Tensor]:
    """Return what ``optim.muon.orthogonalizer`` does."""
    square_NN = matrix_MN.t() @ matrix_MN
    norm = max(float(square_NN.trace()), 1e-30)
    square_NN.div_(norm)
    factor_NN = torch.eye(len(square_NN), dtype=square_NN.dtype, device=square_NN.device)
    for a, b, c in POLYNOMIALS:
        q_NN = torch.addmm(square_NN, square_NN, square_NN, beta=b, alpha=c)
        q_NN.diagonal().add_(a)
        factor_NN = factor_NN @ q_NN
        square_NN = q_NN @ square_NN @ q_NN
    return norm**-0.5, factor_NN


class TorchWeightAverage:
    """``optim.averaging.WeightAverage`` by torch operations."""

    def __init__(self, parameters: Mapping[str, Tensor]) -> None:
        self._parameters = parameters
        self._averages = {name: p.detach().clone() for name, p in parameters.items()}
        self._steps = 0

    @torch.no_grad()
    def update(self) -> None:
        """Add the weights after another step."""
        self._steps += 1
        fraction = averaging_fraction(self._steps)
        averages, weights = list(self._averages.values()), list(self._parameters.values())
        torch._foreach_lerp_(averages, weights, fraction)

    @contextlib.contextmanager
    def swapped_in(self) -> Iterator[None]:
        """Set the weights to the average within a context."""
        last = {name: p.detach().clone() for name, p in self._parameters.items()}
        _set(self._parameters, self._averages)
        try:
            yield
        finally:
            _set(self._parameters, last)

    def state_dict(self) -> dict[str, Any]:
        """Return the average and the number of steps in it."""
        return {"steps": self._steps, "weights": _to_arrays(self._averages)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a result of ``state_dict``."""
        self._steps = state["steps"]
        _set(self._averages, state["weights"])


def to_numpy(tensor: Tensor) -> NDArray[np.float32]:
    """Return a float32 copy of a tensor of any device."""
    values: NDArray[np.float32] = tensor.detach().to("cpu", torch.float32).numpy().copy()
    return values


def _to_arrays(tensors: Mapping[str, Tensor]) -> dict[str, NDArray[np.float32]]:
    return {name: to_numpy(tensor) for name, tensor in tensors.items()}


@torch.no_grad()
def _set(tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
    for name, tensor in tensors.items():
        tensor.copy_(torch.as_tensor(values[name]))
