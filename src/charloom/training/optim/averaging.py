"""The average of the weights over recent steps, which is validated and saved.

Single steps fluctuate around a minimum; their average is closer to it. Polynomial-decay averaging
(Shamir & Zhang, "Stochastic Gradient Descent for Non-smooth Optimization", ICML 2013,
https://arxiv.org/abs/1212.1824) averages over about the last tenth of all steps so far.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

from charloom.network.parameters import Parameters
from charloom.training.optim.update_kernels import interpolate
from charloom.training.threads import ThreadPool

DECAY: Final = 9
"""The exponent: of n steps, step t has a weight of about (t / n) ** DECAY."""


def averaging_fraction(steps: int) -> float:
    """Return the weight of the last of ``steps`` steps in the average."""
    return (DECAY + 1) / (steps + DECAY)


class WeightAverage:
    """The average of ``weights``, updated after each step."""

    def __init__(self, weights: Parameters, threads: ThreadPool) -> None:
        self._weights = weights
        self._threads = threads
        self._average = Parameters(weights.shapes)
        self._average.flat_P[:] = weights.flat_P
        self._steps = 0

    def update(self) -> None:
        """Add the weights after another step."""
        self._steps += 1
        fraction = np.float32(averaging_fraction(self._steps))
        average_P, weights_P = self._average.flat_P, self._weights.flat_P

        def update_span(span: slice) -> None:
            interpolate(average_P[span], weights_P[span], fraction)

        self._threads.map(update_span, self._threads.spans(len(average_P)))

    @contextlib.contextmanager
    def swapped_in(self) -> Iterator[None]:
        """Set the weights to the average within a context."""
        last_P = self._weights.flat_P.copy()
        self._weights.flat_P[:] = self._average.flat_P
        try:
            yield
        finally:
            self._weights.flat_P[:] = last_P

    def state_dict(self) -> dict[str, Any]:
        """Return the average and the number of steps in it."""
        return {"steps": self._steps, "weights": self._average.tensors()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a result of ``state_dict``."""
        self._steps = state["steps"]
        self._average.load(state["weights"])
