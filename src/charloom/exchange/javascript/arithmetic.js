/**
 * float32 arithmetic with the bits of charloom's engine: network/exact.py, operation for operation.
 *
 * JavaScript computes in float64. The sum, product or quotient of two float32 values, computed in
 * float64 and rounded by Math.fround, is the one that float32 arithmetic gives: 53 bits are at
 * least twice 24 bits plus 2 (Figueroa, "When is double rounding innocuous?", 1995). Every
 * operation is rounded on its own. `sums[j] += x * w` on a Float32Array rounds once where float32
 * rounds twice, so it has other bits.
 */

/** Round to float32. */
export const fround = Math.fround;

const INVERSE_LN2 = fround(1.4426950216293335);
const LN2_HIGH = fround(0.693359375);
const LN2_LOW = fround(-0.00021219444170128554);
const ROUND_TO_INTEGER = fround(12582912);
const Q1 = fround(0.16666576266288757);
const Q2 = fround(0.04166646674275398);
const Q3 = fround(0.008363175205886364);
const Q4 = fround(0.0013933643931522965);

const MIN_POWER = -126;
/** 2**-126 to 2**127. */
const POWERS = Float32Array.from({ length: 254 }, (_, index) => 2 ** (index + MIN_POWER));

/**
 * Return e**x for x clipped to [-87, 88].
 *
 * Operations without Math.fround are exact: `n` is a whole number, its product with LN2_HIGH has
 * few bits, the difference is of near values, and a power of two changes the exponent alone.
 * @param {number} x a float32
 * @returns {number} a float32
 */
export function exp(x) {
  x = x < -87 ? -87 : x > 88 ? 88 : x;
  const n = fround(fround(x * INVERSE_LN2) + ROUND_TO_INTEGER) - ROUND_TO_INTEGER;
  const r = fround(x - n * LN2_HIGH - fround(n * LN2_LOW));
  let q = fround(fround(Q4 * r) + Q3);
  q = fround(fround(q * r) + Q2);
  q = fround(fround(q * r) + Q1);
  q = fround(fround(q * r) + 0.5);
  return fround(fround(fround(fround(q * r) * r) + r) + 1) * POWERS[n - MIN_POWER];
}

/**
 * Return 1 / (1 + e**-x).
 * @param {number} x a float32
 * @returns {number} a float32
 */
export function sigmoid(x) {
  return fround(1 / fround(1 + exp(-x)));
}

/**
 * Return 1 - 2 / (e**2x + 1).
 * @param {number} x a float32
 * @returns {number} a float32
 */
export function tanh(x) {
  return fround(1 - fround(2 / fround(exp(x + x) + 1)));
}
