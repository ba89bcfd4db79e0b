"""The optimizer: which rule changes which weights."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from torch import nn

from charloom.learning.muon import Muon, Threads
from charloom.learning.rules import SGD, AdamW, RMSprop, Rule
from charloom.settings import TrainingSettings

ORTHOGONAL: Final = 10 / 3
"""A step of Muon, in the norm of its matrix, as a multiple of AdamW's step of each weight."""


class Optimizer:
    """Rules for the weights of a network, each with a multiple of the learning rate."""

    def __init__(self, rules: Sequence[tuple[Rule, float]]) -> None:
        self.rules = rules

    def step(self, rate: float) -> None:
        """Change the weights that have gradients, with a learning rate."""
        for rule, times in self.rules:
            rule.step(times * rate)

    def state(self) -> dict[str, Any]:
        """Return what the next steps depend on."""
        return {"rules": [rule.state() for rule, _ in self.rules]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` returned."""
        for (rule, _), known in zip(self.rules, state["rules"], strict=True):
            rule.restore(known)


def build_optimizer(
    network: nn.Module, settings: TrainingSettings, threads: Threads | None = None
) -> Optimizer:
    """Return the optimizer of the settings over the weights of ``network``.

    ``adamw`` decays matrices only; ``muon`` is AdamW but for the weights of the recurrent layers,
    and spreads large products over ``threads``.
    """
    weights = list(network.parameters())
    if settings.optimizer == "rmsprop":
        return Optimizer([(RMSprop(weights), 1.0)])
    if settings.optimizer == "sgd":
        return Optimizer([(SGD(weights), 1.0)])
    recurrent, matrices, others = _kinds(network)
    decay = settings.weight_decay
    rules: list[tuple[Rule, float]] = [(AdamW(others, decay=0.0), 1.0)]
    if settings.optimizer == "muon":
        rules.append((Muon(recurrent, decay, threads), ORTHOGONAL))
    else:
        matrices += recurrent
    return Optimizer([*rules, (AdamW(matrices, decay), 1.0)])


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
