"""Muon: steps along orthogonal matrices.

Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024: the momentum of a
matrix is replaced by the nearest one with orthogonal columns, so that all directions learn, and not
only the few that dominate a gradient.

Axes: M rows, N columns.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Final

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

Add = Callable[..., Tensor]
"""products.add_exact or add_rounded, on certain threads."""


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
        add = products.add_rounded if rounded else products.add_exact
        self._add: Add = functools.partial(add, threads or Threads())

    def _change(self, rate: float, weights: Tensors, gradients: Tensors, kept: Kept) -> None:
        for weight, gradient, momentum in zip(weights, gradients, kept["momentum"], strict=True):
            momentum.lerp_(gradient, 1 - MOMENTUM)
            ahead = gradient.lerp(momentum, MOMENTUM)  # Nesterov's
            rows, columns = weight.shape
            size = rate * max(1.0, rows / columns) ** 0.5
            long, ahead = (weight.t(), ahead.t()) if rows < columns else (weight, ahead)
            scale, factor_NN = orthogonalizer(ahead, self._add)
            self._add(long, ahead, factor_NN, keep=1 - rate * self._decay, scale=-size * scale)


def orthogonalizer(matrix_MN: Tensor, add: Add) -> tuple[float, Tensor]:
    """Return a number and a matrix whose product with ``matrix_MN`` has singular values of about 1.

    M is at least N: the polynomials are evaluated for the product of the matrix with itself,
    p(X) = X q(X'X), so that the long side takes part in two products only.
    """
    size = matrix_MN.shape[1]

    def new(left: Tensor, right: Tensor) -> Tensor:
        return add(left.new_empty(size, size), left, right, keep=0.0, scale=1.0)

    square_NN = new(matrix_MN.t(), matrix_MN)
    # The sum of its singular values, and so of the squares of the matrix' own.
    norm = max(float(square_NN.trace()), 1e-30)
    square_NN.div_(norm)
    factor_NN: Tensor | None = None
    for number, (a, b, c) in enumerate(POLYNOMIALS):
        q_NN = add(square_NN.clone(), square_NN, square_NN, keep=b, scale=c)
        q_NN.diagonal().add_(a)
        factor_NN = q_NN if factor_NN is None else new(factor_NN, q_NN)
        if number < len(POLYNOMIALS) - 1:
            square_NN = new(new(q_NN, square_NN), q_NN)
    assert factor_NN is not None
    return norm**-0.5, factor_NN
