"""The optimizer: which rule changes which weights."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from charloom.settings import TrainingSettings
from charloom.training.optim.muon import Muon
from charloom.training.optim.rules import SGD, AdamW, ParameterOptimizer, RMSprop
from charloom.training.threads import ThreadPool

MUON_STEP_SCALE: Final = 10 / 3
"""A step of Muon, in the norm of its matrix, as a multiple of AdamW's step of each weight."""

MIN_PARALLEL_WEIGHTS: Final = 1 << 17
"""Weights of a matrix from which on a step of it takes longer than to wake a thread."""


class Optimizer:
    """Rules for the weights of a network, each with a multiple of the learning rate.

    They act side by side on ``threads``, the first ones first.
    """

    def __init__(
        self, parameter_optimizers: Sequence[tuple[ParameterOptimizer, float]], threads: ThreadPool
    ) -> None:
        self.parameter_optimizers = parameter_optimizers
        self._threads = threads

    def step(self, learning_rate: float) -> None:
        """Change the weights that have gradients, with a learning rate."""

        def change(chosen: tuple[ParameterOptimizer, float]) -> None:
            rule, times = chosen
            rule.step(times * learning_rate)

        self._threads.map(change, self.parameter_optimizers)

    def state_dict(self) -> dict[str, Any]:
        """Return what the next steps depend on."""
        return {"rules": [rule.state_dict() for rule, _ in self.parameter_optimizers]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` returned."""
        for (rule, _), known in zip(self.parameter_optimizers, state["rules"], strict=True):
            rule.load_state_dict(known)


def build_optimizer(
    network: nn.Module,
    settings: TrainingSettings,
    threads: ThreadPool | None = None,
    *,
    bf16: bool = False,
) -> Optimizer:
    """Return the optimizer of the settings over the weights of ``network``.

    ``adamw`` decays matrices only; ``muon`` is AdamW but for the weights of the recurrent layers.
    The work is spread over ``threads``, if there are any; products may be ``rounded`` on the CPU.
    """
    weights = list(network.parameters())
    if threads is None or max(weight.numel() for weight in weights) < MIN_PARALLEL_WEIGHTS:
        threads = ThreadPool()
    if settings.optimizer == "rmsprop":
        return Optimizer([(RMSprop(weights), 1.0)], threads)
    if settings.optimizer == "sgd":
        return Optimizer([(SGD(weights), 1.0)], threads)
    recurrent, matrices, others = _kinds(network)
    decay = settings.weight_decay
    rules: list[tuple[ParameterOptimizer, float]] = []
    if settings.optimizer == "muon":
        recurrent.sort(key=Tensor.numel, reverse=True)
        rules = [
            (Muon([weight], decay, threads, bf16=bf16), MUON_STEP_SCALE) for weight in recurrent
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


def clip_gradients(parameters: Iterable[Tensor], max_norm: float) -> float:
    """Return the norm of all gradients together; shorten them to ``longest`` if it is above."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not gradients:
        return 0.0
    norm = float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))))
    if norm > max_norm:
        torch._foreach_mul_(gradients, max_norm / norm)
    return norm
