"""AdamW, RMSprop and gradient descent with momentum.

The arithmetic is that of torch's functions. Creating one of torch's optimizer classes would import
its compiler, which takes longer than all other imports of a run after torch itself.
"""

import abc
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

import torch
from torch import Tensor
from torch.optim.adamw import adamw
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

BETAS: Final = (0.9, 0.99)
"""Decay per step of AdamW's running means of gradients and of squared gradients."""


Tensors = list[Tensor]
StateTensors = Mapping[str, Tensors]
"""Tensors of the optimizer state by name, one for each weight."""


class ParameterOptimizer(Protocol):
    """Updates some weights of a network. It is ``Stateful``."""

    def step(self, learning_rate: float) -> None:
        """Update the weights that have gradients."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return the optimizer state."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a result of ``state_dict``."""
        ...


class OptimizerWithState(abc.ABC):
    """Base of the optimizers: a state of named tensors, one for each weight."""

    def __init__(self, weights: Sequence[Tensor], *names: str) -> None:
        self._weights = weights
        self._state = {name: [torch.zeros_like(weight) for weight in weights] for name in names}
        self._state["steps"] = [torch.zeros((), device=weight.device) for weight in weights]

    def state_dict(self) -> dict[str, Any]:
        """Return the optimizer state."""
        return dict(self._state)

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a result of ``state_dict``."""
        for name, tensors in self._state.items():
            for tensor, value in zip(tensors, state[name], strict=True):
                tensor.copy_(value)

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Update the weights that have gradients."""
        gradients = [weight.grad for weight in self._weights]
        present = [index for index, gradient in enumerate(gradients) if gradient is not None]
        self._update(
            learning_rate,
            [self._weights[index] for index in present],
            [gradient for gradient in gradients if gradient is not None],
            {name: [tensors[index] for index in present] for name, tensors in self._state.items()},
        )

    @abc.abstractmethod
    def _update(
        self, learning_rate: float, weights: Tensors, gradients: Tensors, state: StateTensors
    ) -> None:
        """Update weights and state in place."""


class AdamW(OptimizerWithState):
    """Adam with decoupled weight decay.

    Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101.
    """

    def __init__(self, weights: Sequence[Tensor], decay: float) -> None:
        super().__init__(weights, "mean", "square")
        self._decay = decay

    def _update(
        self, learning_rate: float, weights: Tensors, gradients: Tensors, state: StateTensors
    ) -> None:
        adamw(
            weights,
            gradients,
            state["mean"],
            state["square"],
            [],
            state["steps"],
            fused=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=learning_rate,
            weight_decay=self._decay,
            eps=1e-8,
            maximize=False,
        )


class RMSprop(OptimizerWithState):
    """RMSprop (Hinton 2012) with the defaults of Keras, rho 0.9 and epsilon 1e-7."""

    def __init__(self, weights: Sequence[Tensor]) -> None:
        super().__init__(weights, "square")

    def _update(
        self, learning_rate: float, weights: Tensors, gradients: Tensors, state: StateTensors
    ) -> None:
        rmsprop(
            weights,
            gradients,
            state["square"],
            [],
            [],
            state["steps"],
            lr=learning_rate,
            alpha=0.9,
            eps=1e-7,
            weight_decay=0.0,
            momentum=0.0,
            centered=False,
        )


class SGD(OptimizerWithState):
    """Gradient descent with a momentum of 0.9."""

    def __init__(self, weights: Sequence[Tensor]) -> None:
        super().__init__(weights, "momentum")

    def _update(
        self, learning_rate: float, weights: Tensors, gradients: Tensors, state: StateTensors
    ) -> None:
        sgd(
            weights,
            gradients,
            [*state["momentum"]],
            weight_decay=0.0,
            momentum=0.9,
            lr=learning_rate,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )
