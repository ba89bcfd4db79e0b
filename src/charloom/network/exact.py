"""float32 arithmetic with the same bits in NumPy and in compiled kernels.

A generated text must not depend on the engine or processor that computes it. Sums are therefore
accumulated in the order of their index, and a product is rounded before it is added (no fused
multiply-add). exp, sigmoid, tanh and log consist of additions, products and quotients only, which
IEEE 754 rounds the same everywhere. ``kernels.exact_compiled`` has the same operations for Numba,
but for log, which is in float64; tests compare the bits.

Axes: B sequences, K inputs, G outputs.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from charloom.units import NATS_PER_BIT

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

# exp(x) = 2**n * exp(r) with n = round(x / ln 2) and |r| <= ln(2) / 2. ln 2 is split into two parts
# such that n times the first is exact (Cody & Waite, "Software Manual for the Elementary
# Functions", 1980). Adding and subtracting 1.5 * 2**23 rounds to an integer.
INVERSE_LN2: Final = np.float32(1 / NATS_PER_BIT)
LN2_HIGH: Final = np.float32(0.693359375)
LN2_LOW: Final = np.float32(NATS_PER_BIT - 0.693359375)
ROUND_TO_INTEGER: Final = np.float32(1.5 * 2**23)
MIN_EXPONENT: Final = np.float32(-87)
MAX_EXPONENT: Final = np.float32(88)
# exp(r) = 1 + r + r**2 * q(r); q fitted by least squares at 2,000 Chebyshev points (np.polyfit of
# (expm1(r) - r) / r**2, degree 4). The relative error of exp is at most 1.5e-7.
Q0: Final = np.float32(0.5)
Q1: Final = np.float32(0.16666576266288757)
Q2: Final = np.float32(0.04166646674275398)
Q3: Final = np.float32(0.008363175205886364)
Q4: Final = np.float32(0.0013933643931522965)
LOG_SERIES_TERMS: Final = 10
"""Terms of the series for the logarithm; the remaining ones are below 1e-16 of the result."""
ONE: Final = np.float32(1)
TWO: Final = np.float32(2)
EXPONENT_BIAS: Final = np.int32(127)
"""Bias of the exponent in the float32 format."""
MANTISSA_BITS: Final = np.int32(23)
"""Bits of the mantissa in the float32 format; the exponent follows them."""


def exp(x: Floats) -> Floats:
    """Return e**x for x clipped to [-87, 88]; the relative error is at most 1.5e-7."""
    x = np.minimum(np.maximum(x, MIN_EXPONENT), MAX_EXPONENT)
    n = (x * INVERSE_LN2 + ROUND_TO_INTEGER) - ROUND_TO_INTEGER
    r = x - n * LN2_HIGH
    r = r - n * LN2_LOW
    q = (((Q4 * r + Q3) * r + Q2) * r + Q1) * r + Q0
    power: Floats = ((n.astype(np.int32) + EXPONENT_BIAS) << MANTISSA_BITS).view(np.float32)
    result: Floats = (q * r * r + r + ONE) * power
    return result


def sigmoid(x: Floats) -> Floats:
    """Return 1 / (1 + e**-x); the error is at most 2e-7."""
    return ONE / (ONE + exp(-x))


def tanh(x: Floats) -> Floats:
    """Return 1 - 2 / (e**2x + 1); the error is at most 3e-7."""
    return ONE - TWO / (exp(x + x) + ONE)


def log(x_B: Doubles) -> Doubles:
    """Return the logarithm of numbers of at least 1.

    For x = m * 2**e it is e * log(2) + 2 artanh((m - 1) / (m + 1)), and artanh(f) is the series f +
    f**3 / 3 + f**5 / 5 ... (Abramowitz and Stegun 1964, 4.1.27). With m between sqrt(1/2) and
    sqrt(2), f**2 is below 0.03.
    """
    m_B, e_B = np.frexp(x_B)
    half_B = m_B * m_B < 0.5
    m_B, e_B = np.where(half_B, 2 * m_B, m_B), e_B - half_B
    f_B = (m_B - 1) / (m_B + 1)
    series_B = np.zeros_like(f_B)
    for k in reversed(range(LOG_SERIES_TERMS)):
        series_B = series_B * (f_B * f_B) + 1 / (2 * k + 1)
    return np.asarray(e_B * NATS_PER_BIT + 2 * f_B * series_B, np.float64)


def accumulate(start_BG: Floats, inputs_BK: Floats, weights_KG: Floats) -> Floats:
    """Return ``start + inputs @ weights``, (B, G), adding terms in the order of K."""
    # NumPy reduces a single column pairwise, in another order; hence the loop for that case too.
    if len(inputs_BK) > 1 or weights_KG.shape[1] == 1:
        total_BG = start_BG.copy()
        for k, weights_G in enumerate(weights_KG):
            total_BG += inputs_BK[:, k : k + 1] * weights_G
        return total_BG
    # One sequence: reducing the first axis adds all products row after row.
    terms = np.empty((len(weights_KG) + 1, weights_KG.shape[1]), np.float32)
    terms[0] = start_BG[0]
    np.multiply(inputs_BK[0, :, None], weights_KG, out=terms[1:])
    total_G: Floats = np.add.reduce(terms, axis=0)
    return total_G[None]
