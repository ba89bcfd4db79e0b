"""Muon: steps along orthogonal matrices.

The momentum of a matrix is replaced by the nearest matrix with orthogonal columns, so that all
directions are trained, and not only the few that dominate a gradient. Jordan et al., "Muon: An
optimizer for hidden layers in neural networks", 2024, https://kellerjordan.github.io/posts/muon/.

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
    """Updates matrices along the orthogonal matrix that is nearest to their momentum.

    The singular values of a step are the learning rate times sqrt(M / N) if M > N, otherwise times
    1. So the product with a vector of unit mean square changes by about the learning rate, whatever
    the shape. Weight decay first scales the matrix by 1 - learning rate * ``decay``, which keeps
    its singular values below about 1 / ``decay``. Large products run on ``threads``, or with
    ``bf16`` on one thread of the CPU in bfloat16.
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
            transposed = rows < columns
            update = self._update_bf16 if self._bf16 else self._update_fp32
            update(
                *(m.t() if transposed else m for m in (weight, gradient, momentum)),
                keep=1 - learning_rate * self._decay,
                size=size,
            )

    def _update_fp32(
        self, weight: Tensor, gradient: Tensor, momentum: Tensor, *, keep: float, size: float
    ) -> None:
        momentum.lerp_(gradient, 1 - MOMENTUM)
        lookahead = gradient.lerp(momentum, MOMENTUM)  # Nesterov momentum
        scale, factor_NN = orthogonalizer(lookahead, self._threads)
        parallel_addmm_(self._threads, weight, lookahead, factor_NN, beta=keep, alpha=-size * scale)

    def _update_bf16(
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
    """Return a factor and a matrix (N, N) that orthogonalize ``matrix_MN``.

    ``matrix_MN @ matrix_NN * factor`` is nearly orthogonal. M must be at least N. A polynomial of X
    is evaluated as p(X) = X q(X'X), so only two products have the long side M.
    """
    size = matrix_MN.shape[1]

    def new(left: Tensor, right: Tensor) -> Tensor:
        result = left.new_empty(size, size)
        return parallel_addmm_(threads, result, left, right, beta=0.0, alpha=1.0)

    square_NN = new(matrix_MN.t(), matrix_MN)
    # The trace is the sum of the squared singular values of ``matrix_MN``.
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
