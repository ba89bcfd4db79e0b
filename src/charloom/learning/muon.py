"""Muon: steps along orthogonal matrices.

Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024: the momentum of a
matrix is replaced by the nearest one with orthogonal columns, so that all directions learn, and not
only the few that dominate a gradient.

Axes: M rows, N columns.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Final

import torch
from torch import Tensor

from charloom.learning import products
from charloom.learning.rules import Kept, Remembering, Tensors
from charloom.learning.threads import Threads

MOMENTUM: Final = 0.95
# Odd polynomials a x + b x**3 + c x**5 that, one after another, take singular values from 0.02 to 1
# to within 0.1 of 1. Each is the best one on the interval that the one before it leaves, as in
# Amsel et al., "The Polar Express", 2025; found by Lawson's method on 4,001 Chebyshev points.
POLYNOMIALS: Final = (
    (7.7110, -22.1136, 16.2486),
    (3.2153, -2.4112, 0.5013),
    (2.2183, -1.5940, 0.4107),
)

Product = Callable[[Tensor, Tensor], Tensor]


class Muon(Remembering):
    """Steps of matrices along the orthogonal matrix that is nearest to their momentum.

    A step has ``rate`` for a root mean square of singular values of sqrt(M / N) if M > N, else 1:
    what the matrix does to a vector of normal size then changes by about ``rate``, whatever its
    shape. Before it, the matrix is made smaller by the share ``rate`` times ``decay``: its singular
    values stay below about 1 / ``decay``. Large products are spread over ``threads``; they may be
    ``rounded``, of bfloat16, on the CPU.
    """

    def __init__(
        self,
        weights: Sequence[Tensor],
        decay: float,
        threads: Threads | None = None,
        *,
        rounded: bool = False,
    ) -> None:
        super().__init__(weights, "momentum")
        self._decay = decay
        multiply = products.of_rounded if rounded else products.of_exact
        self._product = functools.partial(multiply, threads or Threads())

    def _change(self, rate: float, weights: Tensors, gradients: Tensors, kept: Kept) -> None:
        for weight, gradient, momentum in zip(weights, gradients, kept["momentum"], strict=True):
            momentum.lerp_(gradient, 1 - MOMENTUM)
            ahead = gradient.lerp(momentum, MOMENTUM)  # Nesterov's
            rows, columns = weight.shape
            size = rate * max(1.0, rows / columns) ** 0.5
            weight.mul_(1 - rate * self._decay)
            weight.sub_(orthogonal(ahead, self._product), alpha=size)


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
