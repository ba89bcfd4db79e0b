"""AdamW, RMSprop and gradient descent with momentum, on a CPU."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Final

import numpy as np

from charloom.network.freezing import FrozenRows, trained_spans
from charloom.network.parameters import Floats, Kind, Parameters, Tensors, kind_of
from charloom.training.optim import update_kernels
from charloom.training.threads import ThreadPool

BETAS: Final = (0.9, 0.99)
"""Decay per step of AdamW's running means of gradients and of squared gradients."""
ADAMW_EPSILON: Final = 1e-8
RMSPROP_DECAY: Final = 0.9
RMSPROP_EPSILON: Final = 1e-7
SGD_MOMENTUM: Final = 0.9


class Rule(abc.ABC):
    """Updates the parameters of some kinds, with named states for each parameter.

    Rows that are ``frozen`` keep their values and their states.
    """

    state_names: ClassVar[tuple[str, ...]]

    def __init__(
        self,
        weights: Parameters,
        gradients: Parameters,
        kinds: Sequence[Kind],
        *,
        frozen: FrozenRows | None = None,
    ) -> None:
        self.kinds = kinds
        self.frozen = frozen or {}
        self.steps = dict.fromkeys(kinds, 0)
        """Steps taken with the parameters of each kind."""
        self._weights, self._gradients = weights, gradients
        shapes = {name: shape for name, shape in weights.shapes.items() if kind_of(name) in kinds}
        self.states = {name: Parameters(shapes) for name in self.state_names}

    @abc.abstractmethod
    def updates(
        self, kind: Kind, learning_rate: float, gradient_scale: float, threads: ThreadPool
    ) -> list[Callable[[], None]]:
        """Return the updates of the parameters of a kind, to be called in any order."""

    def tensors(self) -> dict[str, dict[str, Floats]]:
        """Return a copy of each state by name and parameter."""
        return {name: state.tensors() for name, state in self.states.items()}

    def load(self, states: Mapping[str, Tensors]) -> None:
        """Restore the result of ``tensors``; states of other parameters are ignored."""
        for name, state in self.states.items():
            state.load(states[name])


class ElementwiseRule(Rule):
    """A rule that updates each number by itself."""

    def updates(
        self, kind: Kind, learning_rate: float, gradient_scale: float, threads: ThreadPool
    ) -> list[Callable[[], None]]:
        """Return one update for each span of numbers."""
        update = self._update(kind, learning_rate, np.float32(gradient_scale))

        def of_span(arrays: Sequence[Floats], span: slice) -> Callable[[], None]:
            return lambda: update(*(array_P[span] for array_P in arrays))

        return [
            of_span(arrays, span)
            for arrays in self._trained_arrays(kind)
            for span in threads.spans(len(arrays[0]))
        ]

    def _trained_arrays(self, kind: Kind) -> list[list[Floats]]:
        """Return weights, gradients and states of each span of a kind that is trained."""
        whole, first = self._weights.kinds[kind], self.states[next(iter(self.states))]
        offset = first.kinds[kind].start - whole.start
        result = []
        for span in trained_spans(self._weights, kind, self.frozen):
            own = slice(span.start + offset, span.stop + offset)
            both = [each.flat_P[span] for each in (self._weights, self._gradients)]
            result.append([*both, *(state.flat_P[own] for state in self.states.values())])
        return result

    @abc.abstractmethod
    def _update(self, kind: Kind, learning_rate: float, scale: np.float32) -> Callable[..., None]:
        """Return the update of spans of weights, gradients and states."""


class AdamW(ElementwiseRule):
    """Adam with decoupled weight decay.

    Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101. Matrices alone decay.
    """

    state_names = ("mean", "square")

    def __init__(
        self,
        weights: Parameters,
        gradients: Parameters,
        kinds: Sequence[Kind],
        decay: float,
        *,
        frozen: FrozenRows | None = None,
    ) -> None:
        super().__init__(weights, gradients, kinds, frozen=frozen)
        self._decay = decay

    def _update(self, kind: Kind, learning_rate: float, scale: np.float32) -> Callable[..., None]:
        decay = self._decay if kind in ("recurrent", "matrix") else 0.0
        mean_correction, square_correction = (1 - beta ** self.steps[kind] for beta in BETAS)
        betas = tuple(map(np.float32, BETAS))
        keep = np.float32(1 - learning_rate * decay)
        numbers = learning_rate / mean_correction, square_correction**0.5, ADAMW_EPSILON
        sizes = tuple(map(np.float32, numbers))
        return lambda w, g, mean, square: update_kernels.adamw(
            w, g, mean, square, scale, betas, keep, sizes
        )


class RMSprop(ElementwiseRule):
    """RMSprop (Hinton 2012) with the defaults of Keras, rho 0.9 and epsilon 1e-7."""

    state_names = ("square",)

    def _update(self, kind: Kind, learning_rate: float, scale: np.float32) -> Callable[..., None]:
        decay, epsilon, rate = map(np.float32, (RMSPROP_DECAY, RMSPROP_EPSILON, learning_rate))
        return lambda w, g, square: update_kernels.rmsprop(
            w, g, square, scale, decay, epsilon, rate
        )


class SGD(ElementwiseRule):
    """Gradient descent with a momentum of 0.9."""

    state_names = ("momentum",)

    def _update(self, kind: Kind, learning_rate: float, scale: np.float32) -> Callable[..., None]:
        decay, rate = np.float32(SGD_MOMENTUM), np.float32(learning_rate)
        return lambda w, g, momentum: update_kernels.sgd(w, g, momentum, scale, decay, rate)


def state_dict(rules: Sequence[Rule]) -> dict[str, Any]:
    """Return the steps of each kind, and each state by name and parameter."""
    steps, states = dict[Kind, int](), dict[str, dict[str, Floats]]()
    for rule in rules:
        steps.update(rule.steps)
        for name, tensors in rule.tensors().items():
            states[name] = states.get(name, {}) | tensors
    return {"steps": steps, "states": states}


def load_state_dict(rules: Sequence[Rule], state: Mapping[str, Any]) -> None:
    """Restore a result of ``state_dict``."""
    for rule in rules:
        rule.steps = {kind: state["steps"][kind] for kind in rule.kinds}
        rule.load(state["states"])
