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
Kept = Mapping[str, Tensors]


class Rule(Protocol):
    """Changes some weights, step by step; a ``Stateful`` of checkpoint.py."""

    def step(self, rate: float) -> None:
        """Change the weights that have gradients, with a learning rate."""
        ...

    def state(self) -> dict[str, Any]:
        """Return what the next steps depend on."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` returned."""
        ...


class Remembering(abc.ABC):
    """What rules have in common: tensors of their own, by name, one for each weight."""

    def __init__(self, weights: Sequence[Tensor], *names: str) -> None:
        self._weights = weights
        self._kept = {name: [torch.zeros_like(weight) for weight in weights] for name in names}
        self._kept["steps"] = [torch.zeros((), device=weight.device) for weight in weights]

    def state(self) -> dict[str, Any]:
        """Return what the next steps depend on."""
        return dict(self._kept)

    @torch.no_grad()
    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` returned."""
        for name, tensors in self._kept.items():
            for tensor, value in zip(tensors, state[name], strict=True):
                tensor.copy_(value)

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """Change the weights that have gradients, with a learning rate."""
        gradients = [weight.grad for weight in self._weights]
        due = [index for index, gradient in enumerate(gradients) if gradient is not None]
        self._change(
            rate,
            [self._weights[index] for index in due],
            [gradient for gradient in gradients if gradient is not None],
            {name: [kept[index] for index in due] for name, kept in self._kept.items()},
        )

    @abc.abstractmethod
    def _change(self, rate: float, weights: Tensors, gradients: Tensors, kept: Kept) -> None:
        """Change weights by their gradients and what is kept for them."""


class AdamW(Remembering):
    """Adam with weight decay apart from the gradient (Loshchilov & Hutter 2019)."""

    def __init__(self, weights: Sequence[Tensor], decay: float) -> None:
        super().__init__(weights, "mean", "square")
        self._decay = decay

    def _change(self, rate: float, weights: Tensors, gradients: Tensors, kept: Kept) -> None:
        adamw(
            weights,
            gradients,
            kept["mean"],
            kept["square"],
            [],
            kept["steps"],
            fused=True,
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=rate,
            weight_decay=self._decay,
            eps=1e-8,
            maximize=False,
        )


class RMSprop(Remembering):
    """RMSprop (Hinton 2012) with the constants of the Keras default, rho 0.9 and epsilon 1e-7."""

    def __init__(self, weights: Sequence[Tensor]) -> None:
        super().__init__(weights, "square")

    def _change(self, rate: float, weights: Tensors, gradients: Tensors, kept: Kept) -> None:
        rmsprop(
            weights,
            gradients,
            kept["square"],
            [],
            [],
            kept["steps"],
            lr=rate,
            alpha=0.9,
            eps=1e-7,
            weight_decay=0.0,
            momentum=0.0,
            centered=False,
        )


class SGD(Remembering):
    """Gradient descent with a momentum of 0.9."""

    def __init__(self, weights: Sequence[Tensor]) -> None:
        super().__init__(weights, "momentum")

    def _change(self, rate: float, weights: Tensors, gradients: Tensors, kept: Kept) -> None:
        sgd(
            weights,
            gradients,
            [*kept["momentum"]],
            weight_decay=0.0,
            momentum=0.9,
            lr=rate,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )
