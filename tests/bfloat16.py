"""Rounding to bfloat16, written plainly."""

import numpy as np
from numpy.typing import NDArray


def round_to_bf16(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the nearest bfloat16 values; ties go to the even one.

    Values are not finite or have a size of at least 2**-126.
    """
    mantissas, exponents = np.frexp(values.astype(np.float64))
    rounded: NDArray[np.float32] = np.ldexp(np.rint(mantissas * 256), exponents - 8).astype(
        np.float32
    )
    return rounded
