"""The rows of a layer's input under dropout masks, on a CPU.

Axes: K masks, R rows of values, N of these that are read, H values of a row.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from charloom.network.backprop.matmul import Floats
from charloom.network.batch import Ids
from charloom.network.dropout import Dropout
from charloom.network.kernels import dropout as kernels


@dataclasses.dataclass(frozen=True, slots=True)
class DropoutMask:
    """Masks of some rows, computed anew for each pass (``network.dropout``)."""

    keys: NDArray[np.uint32]
    kept_levels: int
    rows_N: Ids
    """The rows that are read."""
    numbers_N: Ids
    """Their numbers in the minibatch."""

    @classmethod
    def of_layer(cls, dropout: Dropout, depth: int, rows_N: Ids, numbers_N: Ids) -> DropoutMask:
        """Return the masks for the input of the layer at ``depth``."""
        return cls(dropout.keys(depth), dropout.kept_levels, rows_N, numbers_N)

    def forward(self, values_RH: Floats, result_KNH: Floats) -> None:
        """Write the rows under K masks to ``result_KNH``."""
        kernels.dropout_forward(
            values_RH, self.rows_N, self.numbers_N, self.keys, self.kept_levels, result_KNH
        )

    def backward(self, grad_KNH: Floats, grad_RH: Floats) -> None:
        """Add the values' gradient to ``grad_RH``, given that of the masked rows."""
        kernels.dropout_backward(
            grad_KNH, self.rows_N, self.numbers_N, self.keys, self.kept_levels, grad_RH
        )
