"""Optimizer, clipping, and the learning rate as a pure function of progress."""

import torch
from torch import nn

from charloom.settings import TrainingSettings

# Share of the budget over which the learning rate rises, and with what share of it it begins.
WARM_UP = 0.02
FIRST = 0.1


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


def build_optimizer(network: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """Return the optimizer of the settings over the weights of ``network``.

    AdamW (Loshchilov & Hutter 2019) decays matrices only; RMSprop (Hinton 2012) has the constants
    of the Keras default, rho 0.9 and epsilon 1e-7; sgd has momentum 0.9.
    """
    rate = settings.learning_rate
    if settings.optimizer == "rmsprop":
        return torch.optim.RMSprop(network.parameters(), lr=rate, alpha=0.9, eps=1e-7)
    if settings.optimizer == "sgd":
        return torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9)
    matrices = [p for p in network.parameters() if p.ndim == 2]
    others = [p for p in network.parameters() if p.ndim != 2]
    groups = [
        {"params": matrices, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99))


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Use ``rate`` in the steps that follow."""
    for group in optimizer.param_groups:
        group["lr"] = rate
