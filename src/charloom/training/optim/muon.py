"""Muon: steps along orthogonal matrices.

Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024: the momentum of a
matrix is replaced by the nearest one with orthogonal columns, so that all directions learn, and not
only the few that dominate a gradient.

Axes: M rows, N columns.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from torch import Tensor

from charloom.network.kernels import matmul_bf16
from charloom.training.optim.parallel_matmul import parallel_addmm_
from charloom.training.optim.rules import OptimizerWithState, StateTensors, Tensors
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


class Muon(OptimizerWithState):
    """Steps of matrices along the orthogonal matrix that is nearest to their momentum.

    A step has ``rate`` for a root mean square of singular values of sqrt(M / N) if M > N, else 1:
    what the matrix does to a vector of normal size then changes by about ``rate``, whatever its
    shape. Before it, the matrix is made smaller by the share ``rate`` times ``decay``: its singular
    values stay below about 1 / ``decay``. Large products are spread over ``threads``. Instead, they
    may be ``rounded`` to bfloat16 on the CPU.
    """

    def __init__(
        self,
        weights: Sequence[Tensor],
        decay: float,
        threads: ThreadPool | None = None,
        *,
        bf16: bool = False,
    ) -> None:
        super().__init__(weights, "momentum")
        self._decay = decay
        self._bf16 = bf16
        self._threads = threads or ThreadPool()

    def _update(
        self, learning_rate: float, weights: Tensors, gradients: Tensors, state: StateTensors
    ) -> None:
        for weight, gradient, momentum in zip(weights, gradients, state["momentum"], strict=True):
            rows, columns = weight.shape
            size = learning_rate * max(1.0, rows / columns) ** 0.5
            turned = rows < columns
            change = self._change_bf16 if self._bf16 else self._change_fp32
            change(
                *(each.t() if turned else each for each in (weight, gradient, momentum)),
                keep=1 - learning_rate * self._decay,
                size=size,
            )

    def _change_fp32(
        self, weight: Tensor, gradient: Tensor, momentum: Tensor, *, keep: float, size: float
    ) -> None:
        momentum.lerp_(gradient, 1 - MOMENTUM)
        ahead = gradient.lerp(momentum, MOMENTUM)  # Nesterov's
        scale, factor_NN = orthogonalizer(ahead, self._threads)
        parallel_addmm_(self._threads, weight, ahead, factor_NN, beta=keep, alpha=-size * scale)

    def _change_bf16(
        self, weight: Tensor, gradient: Tensor, momentum: Tensor, *, keep: float, size: float
    ) -> None:
        matmul_bf16.muon_step(
            weight.detach().numpy(),
            gradient.numpy(),
            momentum.numpy(),
            np.float32(MOMENTUM),
            np.float32(keep),
            np.float32(size),
            np.array(POLYNOMIALS, np.float32),
        )


def orthogonalizer(matrix_MN: Tensor, threads: ThreadPool) -> tuple[float, Tensor]:
    """Return a number and a matrix whose product with ``matrix_MN`` has singular values of about 1.

    M is at least N: the polynomials are evaluated for the product of the matrix with itself,
    p(X) = X q(X'X), so that the long side takes part in two products only.
    """
    size = matrix_MN.shape[1]

    def new(left: Tensor, right: Tensor) -> Tensor:
        result = left.new_empty(size, size)
        return parallel_addmm_(threads, result, left, right, beta=0.0, alpha=1.0)

    square_NN = new(matrix_MN.t(), matrix_MN)
    # The sum of its singular values, and so of the squares of the matrix' own.
    norm = max(float(square_NN.trace()), 1e-30)
    square_NN.div_(norm)
    factor_NN: Tensor | None = None
    for number, (a, b, c) in enumerate(POLYNOMIALS):
        q_NN = square_NN.clone()
        parallel_addmm_(threads, q_NN, square_NN, square_NN, beta=b, alpha=c)
        q_NN.diagonal().add_(a)
        factor_NN = q_NN if factor_NN is None else new(factor_NN, q_NN)
        if number < len(POLYNOMIALS) - 1:
            square_NN = new(new(q_NN, square_NN), q_NN)
    assert factor_NN is not None
    return norm**-0.5, factor_NN
