/**
 * Counter-based random numbers: Philox4x32-10, as charloom/randomness.py defines it for other
 * languages (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 */

const ROUNDS = 10;
const TWO_32 = 2 ** 32;

/**
 * Return the upper 32 bits of the product of two unsigned 32-bit integers.
 * @param {number} a
 * @param {number} b
 * @returns {number} a 32-bit integer, signed or not
 */
function highProduct(a, b) {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const other = aLow * bHigh + (middle & 0xffff);
  return aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(other / 65536);
}

/**
 * Return the number in [0, 1) of a seed and a position, a multiple of 2**-53.
 * @param {number} seedLow the lower 32 bits of the seed
 * @param {number} seedHigh the upper 32 bits of the seed
 * @param {number} position from 0, a safe integer
 * @returns {number}
 */
export function uniform(seedLow, seedHigh, position) {
  let c0 = position >>> 0;
  let c1 = Math.floor(position / TWO_32) >>> 0;
  let c2 = 0;
  let c3 = 0;
  let k0 = seedLow >>> 0;
  let k1 = seedHigh >>> 0;
  for (let round = 0; round < ROUNDS; round++) {
    const pHigh = highProduct(0xd2511f53, c0);
    const pLow = Math.imul(0xd2511f53, c0);
    const qHigh = highProduct(0xcd9e8d57, c2);
    const qLow = Math.imul(0xcd9e8d57, c2);
    c0 = (qHigh ^ c1 ^ k0) >>> 0;
    c1 = qLow >>> 0;
    c2 = (pHigh ^ c3 ^ k1) >>> 0;
    c3 = pLow >>> 0;
    k0 = (k0 + 0x9e3779b9) >>> 0;
    k1 = (k1 + 0xbb67ae85) >>> 0;
  }
  return ((c0 >>> 5) * 67108864 + (c1 >>> 6)) / 2 ** 53;
}
