"""Products of a training step on one thread of the CPU: of float32, or of it rounded to bfloat16.

The sums are float32 in either case. Torch's own products of bfloat16 round the sums too, and are
prepared anew for each shape, of which there are as many as texts have lengths.

Axes: M rows, K terms of a sum, filled up to J as in arithmetic/bfloat16.py, N columns.
"""

from __future__ import annotations

from typing import Final, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from charloom.arithmetic import bfloat16
from charloom.arithmetic.tiles import ROWS, room
from charloom.learning import kernels
from charloom.learning.threads import Threads

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
    rows, terms = values_MK.shape
    rounded_MJ = room_for_rounded(rows, terms)
    kernels.round_rows(values_MK, rounded_MJ)
    return Rounded(rounded_MJ, rows, terms)


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
        return _sums(self._rounded_MJ, bfloat16.pack(right_KN), right_KN.shape[1])[: self._rows]

    def times_transposed(self, right_NK: Floats, start_N: Floats, sums_MN: Floats) -> None:
        """Write the product with the transpose of another matrix, plus a row, into sums."""
        packed = bfloat16.pack_transposed(right_NK)
        kernels.multiply_rounded(self._rounded_MJ, packed, start_N, sums_MN)

    def transposed_times(self, right: Rounded) -> Floats:
        """Return the product of this one's transpose with another one of M rows, (K, N)."""
        # One of the two has to be transposed: it is the smaller one, and perhaps the result.
        if self._terms > right._terms:
            turned: Floats = kernels.turn(right.transposed_times(self))
            return turned
        rows_KM = kernels.transpose(self._rounded_MJ, self._terms)
        packed = kernels.pack_rounded(right._rounded_MJ, right._terms)
        return _sums(rows_KM, packed, right._terms)[: self._terms]


WORTH_SPREADING: Final = 1 << 25
"""Multiplications from which on a product takes longer than to wake a thread."""


WORTH_ROUNDING: Final = 1 << 23
"""Multiplications from which on a product of bfloat16 saves more time than rounding takes."""


def room_for_rounded(rows: int, terms: int) -> Halves:
    """Return room for rows of bfloat16, filled up with zeros to whole tiles and blocks."""
    whole = -(-rows // ROWS) * ROWS
    rounded_MJ = np.empty((whole, bfloat16.blocks(terms)), np.uint16)
    rounded_MJ[rows:] = 0
    rounded_MJ[:, terms:] = 0
    return rounded_MJ


def of_exact(threads: Threads, left_MK: Tensor, right_KN: Tensor) -> Tensor:
    """Return the product of two matrices, some rows on each thread, (M, N)."""
    if threads.count == 1 or left_MK.numel() * right_KN.shape[1] < WORTH_SPREADING:
        return left_MK @ right_KN
    result_MN = left_MK.new_empty(left_MK.shape[0], right_KN.shape[1])

    @torch.no_grad()
    def fill(rows: tuple[Tensor, Tensor]) -> None:
        torch.mm(rows[0], right_KN, out=rows[1])

    pieces = zip(left_MK.chunk(threads.count), result_MN.chunk(threads.count), strict=True)
    threads.spread(fill, list(pieces))
    return result_MN


def of_rounded(threads: Threads, left_MK: Tensor, right_KN: Tensor) -> Tensor:
    """Return the product of two matrices on the CPU rounded to bfloat16, likewise, (M, N)."""
    (rows, terms), columns = left_MK.shape, right_KN.shape[1]
    if rows * terms * columns < WORTH_ROUNDING:
        return left_MK @ right_KN
    rounded_MJ, packed = room_for_rounded(rows, terms), bfloat16.pack(array(right_KN))
    kernels.round_rows(array(left_MK), rounded_MJ)
    # Columns are filled up, too: what a thread writes stays within its rows.
    whole = packed.shape[0] * packed.shape[2]
    zeros_N, sums_MN = np.zeros(whole, np.float32), np.empty((len(rounded_MJ), whole), np.float32)

    def fill(first: int) -> None:
        own = slice(first, first + each)
        kernels.multiply_rounded(rounded_MJ[own], packed, zeros_N, sums_MN[own])

    each = len(rounded_MJ)
    if rows * terms * columns >= WORTH_SPREADING:
        each = -(-rows // (ROWS * threads.count)) * ROWS
    threads.spread(fill, range(0, len(rounded_MJ), each))
    return torch.from_numpy(sums_MN[:rows, :columns])


def _sums(rounded_MJ: Halves, packed: Halves, columns: int) -> Floats:
    """Return the product of rows and a packed matrix, (M, N)."""
    sums_MN = room(len(rounded_MJ), columns)
    kernels.multiply_rounded(rounded_MJ, packed, np.zeros(columns, np.float32), sums_MN)
    return sums_MN


def array(tensor: Tensor) -> Floats:
    """Return the values of a tensor, in the order of its axes."""
    values: Floats = tensor.detach().contiguous().numpy()
    return values
