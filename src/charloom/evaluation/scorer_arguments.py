"""Arguments of the compiled symbol scorer. Importing this does not load Numba.

Axes: N targets of all documents, R rows (documents of a batch, padded to whole tiles), L layers,
H hidden units, G gates times H, S activations times H (see network/kernels/forward.py), V symbols.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Packed = NDArray[np.float32] | NDArray[np.uint32]

NO_LOGITS: Final = np.empty((0, 0), np.float32)


class ScorerWeights(NamedTuple):
    """The weights of a network, with gates in the order of the activations.

    Matrices are packed by ``gemm_fp32``, or for batches of one row by ``packed_bf16``.
    """

    table_VG: NDArray[np.float32]
    """Gates of layer 0 for each input symbol, bias included."""
    input_L: Packed
    """Input weights of the layers above, L - 1 of them."""
    bias_LG: NDArray[np.float32]
    """Biases of the layers above, L - 1 of them."""
    recurrent_L: Packed
    recurrent_bias_LH: NDArray[np.float32]
    output: Packed
    output_bias_V: NDArray[np.float32]


class BatchRows(NamedTuple):
    """The document in each row of a batch; rows with more targets left come first."""

    position_R: NDArray[np.int64]
    """Index of the row's next target."""
    remaining_R: NDArray[np.int64]
    """Targets left to score; 0 in the rows that pad the last tile."""
    input_R: NDArray[np.int64]
    """The next input symbol, which precedes the next target. Updated in place."""


class BatchBuffers(NamedTuple):
    """Recurrent state and scratch memory of a batch, updated in place.

    Index 0 of the axis of length 2 is the state before the next input, index 1 the state after it.
    """

    hidden_L2RH: NDArray[np.float32]
    cell_L2RH: NDArray[np.float32]
    activations_1RS: NDArray[np.float32]
    """Zeros at first, with the padding of ``empty_padded``."""
    logits_RV: NDArray[np.float32]
    """Any values at first, with the padding of ``empty_padded``."""


class TargetScores(NamedTuple):
    """Scores of all targets; a batch writes those of its documents."""

    nats_N: NDArray[np.float32]
    """Negative log-likelihood of each target."""
    correct_N: NDArray[np.bool_]
    """Whether the target was the most probable symbol; of ties, the lowest id counts."""
    logits_NV: NDArray[np.float32] = NO_LOGITS
    """The logits before each target, for mixtures; N is 0 if they are not kept."""
