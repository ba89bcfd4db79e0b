"""The optimizer of a network, and clipping of gradients."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn

from charloom.settings import TrainingSettings
from charloom.training.optim.muon import Muon
from charloom.training.optim.rules import SGD, AdamW, ParameterOptimizer, RMSprop
from charloom.training.threads import ThreadPool

MUON_STEP_SCALE: Final = 10 / 3
"""Learning rate of Muon as a multiple of that of AdamW."""

MIN_PARALLEL_WEIGHTS: Final = 1 << 17
"""Size of a matrix from which its update takes longer than to wake a thread."""


class Optimizer:
    """The optimizer of a network: several optimizers, each for some of the weights.

    Each has a factor, by which the learning rate is multiplied. They run in parallel on
    ``threads``; put the slowest first.
    """

    def __init__(
        self, parameter_optimizers: Sequence[tuple[ParameterOptimizer, float]], threads: ThreadPool
    ) -> None:
        self.parameter_optimizers = parameter_optimizers
        self._threads = threads

    def step(self, learning_rate: float) -> None:
        """Update the weights that have gradients."""

        def update(pair: tuple[ParameterOptimizer, float]) -> None:
            optimizer, factor = pair
            optimizer.step(factor * learning_rate)

        self._threads.map(update, self.parameter_optimizers)

    def state_dict(self) -> dict[str, Any]:
        """Return the optimizer state."""
        return {"rules": [optimizer.state_dict() for optimizer, _ in self.parameter_optimizers]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a result of ``state_dict``."""
        for (optimizer, _), own in zip(self.parameter_optimizers, state["rules"], strict=True):
            optimizer.load_state_dict(own)


def build_optimizer(
    network: nn.Module,
    settings: TrainingSettings,
    threads: ThreadPool | None = None,
    *,
    bf16: bool = False,
) -> Optimizer:
    """Return the optimizer that ``settings`` name, for the weights of ``network``.

    ``adamw`` decays matrices only. ``muon`` is AdamW except for the matrices of recurrent layers;
    its products are of bfloat16 with ``bf16``, on a CPU. Large updates run on ``threads``.
    """
    weights = list(network.parameters())
    if threads is None or max(weight.numel() for weight in weights) < MIN_PARALLEL_WEIGHTS:
        threads = ThreadPool()
    if settings.optimizer == "rmsprop":
        return Optimizer([(RMSprop(weights), 1.0)], threads)
    if settings.optimizer == "sgd":
        return Optimizer([(SGD(weights), 1.0)], threads)
    recurrent, matrices, others = _parameter_kinds(network)
    decay = settings.weight_decay
    optimizers: list[tuple[ParameterOptimizer, float]] = []
    if settings.optimizer == "muon":
        recurrent.sort(key=Tensor.numel, reverse=True)
        optimizers = [
            (Muon([weight], decay, threads, bf16=bf16), MUON_STEP_SCALE) for weight in recurrent
        ]
    else:
        matrices += recurrent
    optimizers += [(AdamW(matrices, decay), 1.0), (AdamW(others, decay=0.0), 1.0)]
    return Optimizer(optimizers, threads)


def _parameter_kinds(
    network: nn.Module,
) -> tuple[list[nn.Parameter], list[nn.Parameter], list[nn.Parameter]]:
    """Return the matrices of recurrent layers, other matrices, and other parameters."""
    recurrent, matrices, others = list[nn.Parameter](), list[nn.Parameter](), list[nn.Parameter]()
    for name, parameter in network.named_parameters():
        if name.endswith((".recurrent_weight", ".input_weight")):
            recurrent.append(parameter)
        else:
            (matrices if parameter.ndim == 2 else others).append(parameter)
    return recurrent, matrices, others


def clip_gradients(parameters: Iterable[Tensor], max_norm: float) -> float:
    """Scale gradients in place to a norm of at most ``max_norm``; return the old norm."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    if not gradients:
        return 0.0
    norm = float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))))
    if norm > max_norm:
        torch._foreach_mul_(gradients, max_norm / norm)
    return norm
