"""Products of a training step on one thread of the CPU: of float32, or of it rounded to bfloat16.

The sums are float32 in either case. Torch's own products of bfloat16 round the sums too, and are
prepared anew for each shape, of which there are as many as texts have lengths.

Axes: M rows, K terms of a sum, filled up to J as in arithmetic/bfloat16.py, N columns.
"""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from charloom.network.kernels import matmul_bf16

Floats = NDArray[np.float32]
Halves = NDArray[np.uint16]


class Factor(Protocol):
    """A matrix (M, K) that takes part in several products."""

    def times(self, right_KN: Floats) -> Floats:
        """Return the product with another matrix, (M, N)."""
        ...

    def times_transposed(self, right_NK: Floats, start_N: Floats, sums_MN: Floats) -> None:
        """Write the product with the transpose of another matrix, plus a row, into sums.

        These are made by ``tiles.room``, with rows that fill up the last tile; they may be columns
        of an array that has more.
        """
        ...

    def transposed_times(self, right: Self) -> Floats:
        """Return the product of this one's transpose with another one of M rows, (K, N)."""
        ...


def factor(values_MK: Floats, *, rounded: bool) -> Factor:
    """Return a matrix as a factor."""
    if not rounded:
        return Exact(values_MK)
    return Rounded(matmul_bf16.rounded(values_MK), *values_MK.shape)


class Exact:
    """A matrix of float32."""

    def __init__(self, values_MK: Floats) -> None:
        self._values_MK = torch.from_numpy(values_MK)

    def times(self, right_KN: Floats) -> Floats:
        """Return the product with another matrix, (M, N)."""
        return array(self._values_MK @ torch.from_numpy(right_KN))

    def times_transposed(self, right_NK: Floats, start_N: Floats, sums_MN: Floats) -> None:
        """Write the product with the transpose of another matrix, plus a row, into sums."""
        sums = torch.from_numpy(sums_MN)[: len(self._values_MK)]
        right = torch.from_numpy(right_NK).t()
        torch.addmm(torch.from_numpy(start_N), self._values_MK, right, out=sums)

    def transposed_times(self, right: Exact) -> Floats:
        """Return the product of this one's transpose with another one of M rows, (K, N)."""
        return array(self._values_MK.t() @ right._values_MK)


class Rounded:
    """A matrix that is bfloat16 already, as rows (M, J) with zeros after K values.

    More rows fill up the last tile (see tiles.ROWS).
    """

    def __init__(self, rounded_MJ: Halves, rows: int, terms: int) -> None:
        self._rounded_MJ = rounded_MJ
        self._rows, self._terms = rows, terms

    def times(self, right_KN: Floats) -> Floats:
        """Return the product with another matrix, (M, N)."""
        sums: Floats = matmul_bf16.times(self._rounded_MJ, right_KN)
        return sums[: self._rows]

    def times_transposed(self, right_NK: Floats, start_N: Floats, sums_MN: Floats) -> None:
        """Write the product with the transpose of another matrix, plus a row, into sums."""
        matmul_bf16.times_transposed(self._rounded_MJ, right_NK, start_N, sums_MN)

    def transposed_times(self, right: Rounded) -> Floats:
        """Return the product of this one's transpose with another one of M rows, (K, N)."""
        others = right._rounded_MJ, right._terms
        sums: Floats = matmul_bf16.transposed_times(
            self._rounded_MJ, self._terms, *others, self._rows
        )
        return sums


def array(tensor: Tensor) -> Floats:
    """Return the values of a tensor, in the order of its axes."""
    values: Floats = tensor.detach().contiguous().numpy()
    return values
