"""How weights take a step along their gradients: AdamW, RMSprop, and descent with momentum.

The arithmetic is torch's, called as functions: building one of torch's optimizer classes loads its
compiler first, which takes longer than all else that a run has to load after torch.
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
"""How much AdamW's averages of gradients and of their squares keep at each step."""


Tensors = list[Tensor]
StateTensors = Mapping[str, Tensors]


class ParameterOptimizer(Protocol):
    """Changes some weights, step by step; a ``Stateful`` of checkpoint.py."""

    def step(self, learning_rate: float) -> None:
        """Change the weights that have gradients, with a learning rate."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Return what the next steps depend on."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` returned."""
        ...


class OptimizerWithState(abc.ABC):
    """What rules have in common: tensors of their own, by name, one for each weight."""

    def __init__(self, weights: Sequence[Tensor], *names: str) -> None:
        self._weights = weights
        self._state = {name: [torch.zeros_like(weight) for weight in weights] for name in names}
        self._state["steps"] = [torch.zeros((), device=weight.device) for weight in weights]

    def state_dict(self) -> dict[str, Any]:
        """Return what the next steps depend on."""
        return dict(self._state)

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` returned."""
        for name, tensors in self._state.items():
            for tensor, value in zip(tensors, state[name], strict=True):
                tensor.copy_(value)

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Change the weights that have gradients, with a learning rate."""
        gradients = [weight.grad for weight in self._weights]
        due = [index for index, gradient in enumerate(gradients) if gradient is not None]
        self._update(
            learning_rate,
            [self._weights[index] for index in due],
            [gradient for gradient in gradients if gradient is not None],
            {name: [kept[index] for index in due] for name, kept in self._state.items()},
        )

    @abc.abstractmethod
    def _update(
        self, learning_rate: float, weights: Tensors, gradients: Tensors, state: StateTensors
    ) -> None:
        """Change weights by their gradients and what is kept for them."""


class AdamW(OptimizerWithState):
    """Adam with weight decay apart from the gradient (Loshchilov & Hutter 2019)."""

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
    """RMSprop (Hinton 2012) with the constants of the Keras default, rho 0.9 and epsilon 1e-7."""

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
