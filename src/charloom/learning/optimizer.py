"""Optimizer, clipping, and the learning rate as a pure function of progress."""

import torch
from torch import nn

from charloom.learning.muon import Muon, Threads
from charloom.settings import TrainingSettings

# Share of the budget over which the learning rate rises, and with what share of it it begins.
WARM_UP = 0.02
FIRST = 0.1
BETAS = (0.9, 0.99)
ORTHOGONAL = 10 / 3
"""A step of Muon, in the norm of its matrix, as a multiple of AdamW's step of each weight."""


def learning_rate(settings: TrainingSettings, progress: float) -> float:
    """Return the learning rate when ``progress`` (0 to 1) of the budget is used.

    ``linear`` rises from a tenth over the first 2 %, and then falls to zero at the end;
    ``constant`` stays.
    """
    if settings.schedule == "constant":
        return settings.learning_rate
    rise = FIRST + (1 - FIRST) * progress / WARM_UP
    fall = (1 - progress) / (1 - WARM_UP)
    return settings.learning_rate * max(0.0, min(rise, fall))


def build_optimizer(
    network: nn.Module, settings: TrainingSettings, threads: Threads | None = None
) -> torch.optim.Optimizer:
    """Return the optimizer of the settings over the weights of ``network``.

    AdamW (Loshchilov & Hutter 2019) decays matrices only; Muon is AdamW but for the weights of the
    recurrent layers; RMSprop (Hinton 2012) has the constants of the Keras default, rho 0.9 and
    epsilon 1e-7; sgd has momentum 0.9. Large products are
    spread over ``threads``.
    """
    rate = settings.learning_rate
    if settings.optimizer == "rmsprop":
        return torch.optim.RMSprop(network.parameters(), lr=rate, alpha=0.9, eps=1e-7)
    if settings.optimizer == "sgd":
        return torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9)
    recurrent, matrices, others = _kinds(network)
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if settings.optimizer == "muon":
        groups.append(
            {
                "params": recurrent,
                "orthogonal": True,
                "times": ORTHOGONAL,
                "weight_decay": settings.weight_decay,
            }
        )
        return Muon(groups, threads, lr=rate, betas=BETAS, fused=True)
    matrices += recurrent
    return torch.optim.AdamW(groups, lr=rate, betas=BETAS, fused=True)


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


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Use ``rate`` in the steps that follow; groups that say ``times`` take that many times it."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("times", 1.0)
