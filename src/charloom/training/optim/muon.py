"""Muon: steps along orthogonal matrices.

The momentum of a matrix is replaced by the nearest matrix with orthogonal columns, so that all
directions are trained, and not only the few that dominate a gradient. Jordan et al., "Muon: An
optimizer for hidden layers in neural networks", 2024, https://kellerjordan.github.io/posts/muon/.

Axes: M rows, N columns; M is at least N.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from charloom.network.backprop.matmul import as_matrix
from charloom.network.freezing import FrozenRows
from charloom.network.parameters import Floats, Kind, Parameters
from charloom.training.optim.rules import Rule
from charloom.training.optim.update_kernels import nesterov_momentum, subtract_rows
from charloom.training.threads import ThreadPool

MOMENTUM: Final = 0.95
# Odd polynomials a x + b x**3 + c x**5 that, one after another, take singular values from 0.02 to 1
# to within 0.1 of 1. Each is the best one on the interval that the one before it leaves, as in
# Amsel et al., "The Polar Express", 2025; found by Lawson's method on 4,001 Chebyshev points.
POLYNOMIALS: Final = (
    (7.7110, -22.1136, 16.2486),
    (3.2153, -2.4112, 0.5013),
    (2.2183, -1.5940, 0.4107),
)
INTERVAL: Final = 3
"""Steps of training for each step of Muon, which is as many times as large. The momentum changes by
only a twentieth in a step of training, and its orthogonalization is expensive."""
BLOCKS: Final = 4
"""Blocks of rows of a large symmetric product. Each is computed from the diagonal on, so that of n
blocks (n + 1) / 2n of the multiplications remain."""
MIN_BLOCK_ROWS: Final = 64
"""Rows of a block from which two products take less time than one of twice the size."""
MIN_PARALLEL_MULTIPLICATIONS: Final = 1 << 24
"""Multiplications of a thread from which a product takes longer than to wake it."""


class Muon(Rule):
    """Updates matrices along the orthogonal matrix that is nearest to their momentum.

    It does so at every ``INTERVAL``-th step only, at a rate of that multiple of the learning rate.
    The singular values of such a step are the rate times sqrt(M / N). So the product with a vector
    of unit mean square changes by about the rate, whatever the shape. A matrix with more columns
    than rows is transposed; its factor is 1. Weight decay first scales the matrix by
    1 - rate * ``decay``, which keeps its singular values below about 1 / ``decay``.
    """

    state_names = ("momentum",)

    def __init__(
        self,
        weights: Parameters,
        gradients: Parameters,
        decay: float,
        *,
        bf16: bool,
        frozen: FrozenRows | None = None,
    ) -> None:
        super().__init__(weights, gradients, ["recurrent"], frozen=frozen)
        self._decay = decay
        self._bf16 = bf16

    def updates(
        self, kind: Kind, learning_rate: float, gradient_scale: float, threads: ThreadPool
    ) -> list[Callable[[], None]]:
        """Return the update of each matrix, the largest first."""
        momenta = self.states["momentum"].arrays
        rate = step_rate(self.steps[kind], learning_rate)

        def of_matrix(name: str) -> Callable[[], None]:
            return lambda: self._update(name, rate, np.float32(gradient_scale), threads)

        trained = [name for name in momenta if name not in self.frozen]
        names = sorted(trained, key=lambda name: -momenta[name].size)
        return [of_matrix(name) for name in names]

    def _update(self, name: str, rate: float, scale: np.float32, threads: ThreadPool) -> None:
        """Update the momentum and, if ``rate`` is not 0, the weights."""
        weight, gradient = self._weights.arrays[name], self._gradients.arrays[name]
        momentum = self.states["momentum"].arrays[name]
        rows, columns = weight.shape
        ahead = np.empty_like(weight)

        def look_ahead(span: slice) -> None:
            g_P, momentum_P, ahead_P = (a.reshape(-1)[span] for a in (gradient, momentum, ahead))
            nesterov_momentum(g_P, momentum_P, ahead_P, scale, np.float32(MOMENTUM))

        threads.map(look_ahead, threads.spans(weight.size))
        if not rate:
            return
        products = Products(threads, bf16=self._bf16)
        if rows < columns:
            weight, ahead = weight.T, ahead.T
        factor, matrix_NN = orthogonalizer(ahead, products)
        keep = np.float32(1 - rate * self._decay)
        size = np.float32(rate * max(1.0, rows / columns) ** 0.5 * factor)

        def update_rows(span: slice) -> None:
            subtract_rows(weight[span], products.product(ahead[span], matrix_NN), keep, size)

        min_rows = MIN_PARALLEL_MULTIPLICATIONS // matrix_NN.size
        threads.map(update_rows, threads.spans(len(weight), min_size=max(min_rows, 1)))


def step_rate(steps: int, learning_rate: float) -> float:
    """Return the learning rate of the weights at a step, the first being 1.

    >>> [step_rate(steps, 0.25) for steps in (1, 2, 3, 4)]
    [0.75, 0.0, 0.0, 0.75]
    """
    return 0.0 if (steps - 1) % INTERVAL else INTERVAL * learning_rate


class Products:
    """Matrix products on several threads, in float32 or bfloat16."""

    def __init__(self, threads: ThreadPool, *, bf16: bool) -> None:
        self._threads = threads
        self._bf16 = bf16

    def product(self, left_MK: Floats, right_KN: Floats) -> Floats:
        """Return the product of two matrices, on one thread."""
        if self._bf16:  # these kernels need whole rows
            left_MK, right_KN = np.ascontiguousarray(left_MK), np.ascontiguousarray(right_KN)
        return as_matrix(left_MK, bf16=self._bf16).matmul(right_KN)

    def symmetric(self, left_NK: Floats, right_KN: Floats) -> Floats:
        """Return a product that is known to be symmetric, (N, N)."""
        size = len(left_NK)
        rows = max(-(-size // BLOCKS), MIN_BLOCK_ROWS)
        begins = range(0, size, rows)
        multiplications = size * size * len(right_KN)
        if len(begins) == 1 or multiplications < 2 * MIN_PARALLEL_MULTIPLICATIONS:
            return self.product(left_NK, right_KN)
        result_NN = np.empty((size, size), np.float32)

        def write_blocks(begins: Sequence[int]) -> None:
            for begin in begins:
                end = min(begin + rows, size)
                block_KN = self.product(left_NK[begin:end], right_KN[:, begin:])
                # A diagonal block stays as it is: transposed, it would add to rounding errors.
                result_NN[begin:end, begin:] = block_KN
                result_NN[end:, begin:end] = block_KN[:, end - begin :].T

        self._threads.map(write_blocks, _in_equal_parts(begins, self._threads.count))
        return result_NN


def _in_equal_parts(begins: Sequence[int], parts: int) -> list[list[int]]:
    """Divide blocks of decreasing size, so that each part has as much work.

    >>> _in_equal_parts([0, 1, 2, 3], 2)
    [[0, 3], [1, 2]]
    """
    parts = min(parts, len(begins))
    there_and_back = [*range(parts), *reversed(range(parts))]
    places = [there_and_back[number % len(there_and_back)] for number in range(len(begins))]
    return [
        [begin for begin, place in zip(begins, places, strict=True) if place == part]
        for part in range(parts)
    ]


def orthogonalizer(matrix_MN: Floats, products: Products) -> tuple[float, Floats]:
    """Return a factor and a matrix (N, N) that orthogonalize ``matrix_MN``.

    ``matrix_MN @ matrix_NN * factor`` is nearly orthogonal. M must be at least N. A polynomial of X
    is evaluated as p(X) = X q(X'X), so only two products have the long side M. All others are of
    polynomials of X'X, which are symmetric and commute, so their products are symmetric.
    """
    square_NN = products.symmetric(matrix_MN.T, matrix_MN)
    # The trace is the sum of the squared singular values of ``matrix_MN``.
    norm = max(float(np.trace(square_NN)), 1e-30)
    square_NN /= np.float32(norm)
    factor_NN: Floats | None = None
    for number, (a, b, c) in enumerate(POLYNOMIALS):
        q_NN = products.symmetric(square_NN, square_NN)
        q_NN *= np.float32(c)
        q_NN += np.float32(b) * square_NN
        np.einsum("ii->i", q_NN)[:] += np.float32(a)  # the diagonal
        factor_NN = q_NN if factor_NN is None else products.symmetric(factor_NN, q_NN)
        if number < len(POLYNOMIALS) - 1:
            square_NN = products.symmetric(products.symmetric(q_NN, square_NN), q_NN)
    assert factor_NN is not None
    return norm**-0.5, factor_NN
