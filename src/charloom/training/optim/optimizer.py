"""The optimizer: which rule changes which weights."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from charloom.settings import TrainingSettings
from charloom.training.optim.muon import Muon
from charloom.training.optim.rules import SGD, AdamW, RMSprop, Rule
from charloom.training.threads import Threads

ORTHOGONAL: Final = 10 / 3
"""A step of Muon, in the norm of its matrix, as a multiple of AdamW's step of each weight."""

LARGE: Final = 1 << 17
"""Weights of a matrix from which on a step of it takes longer than to wake a thread."""


class Optimizer:
    """Rules for the weights of a network, each with a multiple of the learning rate.

    They act side by side on ``threads``, the first ones first.
    """

    def __init__(self, rules: Sequence[tuple[Rule, float]], threads: Threads) -> None:
        self.rules = rules
        self._threads = threads

    def step(self, rate: float) -> None:
        """Change the weights that have gradients, with a learning rate."""

        def change(chosen: tuple[Rule, float]) -> None:
            rule, times = chosen
            rule.step(times * rate)

        self._threads.spread(change, self.rules)

    def state(self) -> dict[str, Any]:
        """Return what the next steps depend on."""
        return {"rules": [rule.state() for rule, _ in self.rules]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` returned."""
        for (rule, _), known in zip(self.rules, state["rules"], strict=True):
            rule.restore(known)


def build_optimizer(
    network: nn.Module,
    settings: TrainingSettings,
    threads: Threads | None = None,
    *,
    rounded: bool = False,
) -> Optimizer:
    """Return the optimizer of the settings over the weights of ``network``.

    ``adamw`` decays matrices only; ``muon`` is AdamW but for the weights of the recurrent layers.
    The work is spread over ``threads``, if there are any; products may be ``rounded`` on the CPU.
    """
    weights = list(network.parameters())
    if threads is None or max(weight.numel() for weight in weights) < LARGE:
        threads = Threads()
    if settings.optimizer == "rmsprop":
        return Optimizer([(RMSprop(weights), 1.0)], threads)
    if settings.optimizer == "sgd":
        return Optimizer([(SGD(weights), 1.0)], threads)
    recurrent, matrices, others = _kinds(network)
    decay = settings.weight_decay
    rules: list[tuple[Rule, float]] = []
    if settings.optimizer == "muon":
        recurrent.sort(key=Tensor.numel, reverse=True)
        rules = [
            (Muon([weight], decay, threads, rounded=rounded), ORTHOGONAL) for weight in recurrent
        ]
    else:
        matrices += recurrent
    rules += [(AdamW(matrices, decay), 1.0), (AdamW(others, decay=0.0), 1.0)]
    return Optimizer(rules, threads)


def _kinds(
    network: nn.Module,
) -> tuple[list[nn.Parameter], list[nn.Parameter], list[nn.Parameter]]:
    """Return the matrices of the recurrent layers, the other matrices, and what is no matrix."""
    recurrent, matrices, others = list[nn.Parameter](), list[nn.Parameter](), list[nn.Parameter]()
    for name, parameter in network.named_parameters():
        if name.endswith((".recurrent_weight", ".input_weight")):
            recurrent.append(parameter)
        else:
            (matrices if parameter.ndim == 2 else others).append(parameter)
    return recurrent, matrices, others


def clip(parameters: Iterable[Tensor], longest: float) -> float:
    """Return the norm of all gradients together; shorten them to ``longest`` if it is above."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not gradients:
        return 0.0
    norm = float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))))
    if norm > longest:
        torch._foreach_mul_(gradients, longest / norm)
    return norm
