"""The optimizer of a network on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from charloom.network.freezing import FrozenRows
from charloom.network.parameters import KINDS, Kind, Parameters
from charloom.settings import TrainingSettings
from charloom.training.optim import rules
from charloom.training.optim.muon import Muon
from charloom.training.threads import ThreadPool

MUON_STEP_SCALE: Final = 10 / 3
"""Learning rate of Muon as a multiple of that of AdamW."""


class Optimizer:
    """Several rules, each for some kinds of parameters.

    Each has a factor, by which the learning rate is multiplied. Put the slowest first.
    """

    def __init__(
        self, rules_and_factors: Sequence[tuple[rules.Rule, float]], threads: ThreadPool
    ) -> None:
        self._rules = rules_and_factors
        self._threads = threads

    def step(self, learning_rate: float, gradient_scale: float, kinds: Collection[Kind]) -> None:
        """Update the parameters of some kinds.

        ``gradient_scale`` multiplies their gradients first.
        """
        updates: list[Callable[[], None]] = []
        for rule, factor in self._rules:
            for kind in (kind for kind in rule.kinds if kind in kinds):
                rule.steps[kind] += 1
                rate = factor * learning_rate
                updates += rule.updates(kind, rate, gradient_scale, self._threads)
        self._threads.map(lambda update: update(), updates)

    def state_dict(self) -> dict[str, Any]:
        """Return the optimizer state."""
        return rules.state_dict([rule for rule, _ in self._rules])

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a result of ``state_dict``."""
        rules.load_state_dict([rule for rule, _ in self._rules], state)


def build_optimizer(
    weights: Parameters,
    gradients: Parameters,
    settings: TrainingSettings,
    threads: ThreadPool,
    *,
    bf16: bool,
    frozen: FrozenRows | None = None,
) -> Optimizer:
    """Return the optimizer that ``settings`` name, for ``weights``.

    It leaves the rows of ``frozen`` as they are. ``adamw`` decays matrices only. ``muon`` is AdamW
    except for the matrices of recurrent layers; with ``bf16`` its products are of bfloat16.
    """
    both = weights, gradients
    if settings.optimizer == "rmsprop":
        return Optimizer([(rules.RMSprop(*both, KINDS, frozen=frozen), 1.0)], threads)
    if settings.optimizer == "sgd":
        return Optimizer([(rules.SGD(*both, KINDS, frozen=frozen), 1.0)], threads)
    decay = settings.weight_decay
    if settings.optimizer == "adamw":
        return Optimizer([(rules.AdamW(*both, KINDS, decay, frozen=frozen), 1.0)], threads)
    others = [kind for kind in KINDS if kind != "recurrent"]
    muon = Muon(*both, decay, bf16=bf16, frozen=frozen)
    adamw = rules.AdamW(*both, others, decay, frozen=frozen)
    return Optimizer([(muon, MUON_STEP_SCALE), (adamw, 1.0)], threads)
