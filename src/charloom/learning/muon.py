"""Muon: steps along orthogonal matrices for the recurrent weights, AdamW for all others.

Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024: the momentum of a
matrix is replaced by the nearest one with orthogonal columns, so that all directions learn, and not
only the few that dominate a gradient.

Axes: M rows, N columns.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Protocol, TypeVar

import torch
from torch import Tensor

MOMENTUM: Final = 0.95
# Odd polynomials a x + b x**3 + c x**5 that, one after another, take singular values from 0.02 to 1
# to within 0.1 of 1. Each is the best one on the interval that the one before it leaves, as in
# Amsel et al., "The Polar Express", 2025; found by Lawson's method on 4,001 Chebyshev points.
POLYNOMIALS: Final = (
    (7.7110, -22.1136, 16.2486),
    (3.2153, -2.4112, 0.5013),
    (2.2183, -1.5940, 0.4107),
)


WORTH_SPREADING: Final = 1 << 25
"""Multiplications from which on a product takes longer than to wake a thread."""

Item = TypeVar("Item")
Result = TypeVar("Result")

Product = Callable[[Tensor, Tensor], Tensor]


class Threads(Protocol):
    """What can do pieces of work side by side, as ``Parts`` can."""

    @property
    def count(self) -> int:
        """How many pieces to make."""
        ...

    def spread(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Return what ``function`` makes of each item."""
        ...


class Muon(torch.optim.AdamW):
    """AdamW, but for the groups of parameters that say ``orthogonal``: there, Muon.

    Such a parameter is a matrix. Its step has ``lr`` for a root mean square of singular values of
    sqrt(M / N) if M > N, else 1: what the matrix does to a vector of normal size then changes by
    about ``lr``, whatever its shape. Before it, the matrix is made smaller by the share ``lr``
    times ``weight_decay``: its singular values stay below about 1 / ``weight_decay``.
    """

    def __init__(
        self, groups: Iterable[dict[str, Any]], threads: Threads | None = None, **options: Any
    ) -> None:
        super().__init__([{"orthogonal": False} | group for group in groups], **options)
        self._product = functools.partial(product, threads) if threads else torch.mm

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take a step; a ``closure`` is not supported."""
        assert closure is None
        for group in self.param_groups:
            if group["orthogonal"]:
                for parameter in group["params"]:
                    self._turn(parameter, group["lr"], group["weight_decay"])
        # What has no gradient any more is passed over.
        super().step()
        return None

    def _turn(self, parameter: Tensor, rate: float, decay: float) -> None:
        """Take a step with a matrix, and use up its gradient."""
        gradient = parameter.grad
        if gradient is None:
            return
        state = self.state[parameter]
        if not state:
            # AdamW expects to find the number of steps in whatever state there is.
            state["step"] = torch.zeros(())
            state["momentum"] = torch.zeros_like(parameter)
        state["step"] += 1
        momentum = state["momentum"].lerp_(gradient, 1 - MOMENTUM)
        ahead = gradient.lerp(momentum, MOMENTUM)  # Nesterov's
        rows, columns = parameter.shape
        size = rate * max(1.0, rows / columns) ** 0.5
        parameter.mul_(1 - rate * decay)
        parameter.sub_(orthogonal(ahead, self._product), alpha=size)
        parameter.grad = None


def orthogonal(matrix_MN: Tensor, multiply: Product = torch.mm) -> Tensor:
    """Return about the nearest matrix whose singular values are all 1, (M, N).

    The polynomials are evaluated for the product of the matrix with itself, on its shorter side:
    p(X) = X q(X'X), so that the long side takes part in two products only.
    """
    if matrix_MN.shape[0] < matrix_MN.shape[1]:
        return orthogonal(matrix_MN.T, multiply).T
    matrix_MN = matrix_MN / matrix_MN.norm().clamp(min=1e-30)
    square_NN = multiply(matrix_MN.T, matrix_MN)
    factor_NN: Tensor | None = None
    for number, (a, b, c) in enumerate(POLYNOMIALS):
        last = number == len(POLYNOMIALS) - 1
        q_NN = multiply(square_NN, square_NN).mul_(c).add_(square_NN, alpha=b)
        q_NN.diagonal().add_(a)
        factor_NN = q_NN if factor_NN is None else multiply(factor_NN, q_NN)
        if not last:
            square_NN = multiply(multiply(q_NN, square_NN), q_NN)
    assert factor_NN is not None
    return multiply(matrix_MN, factor_NN)


def product(threads: Threads, left_MK: Tensor, right_KN: Tensor) -> Tensor:
    """Return the product of two matrices, some rows on each thread, (M, N)."""
    if left_MK.numel() * right_KN.shape[1] < WORTH_SPREADING:
        return left_MK @ right_KN
    result_MN = left_MK.new_empty(left_MK.shape[0], right_KN.shape[1])

    @torch.no_grad()
    def fill(rows: tuple[Tensor, Tensor]) -> None:
        torch.mm(rows[0], right_KN, out=rows[1])

    pieces = zip(left_MK.chunk(threads.count), result_MN.chunk(threads.count), strict=True)
    threads.spread(fill, list(pieces))
    return result_MN
