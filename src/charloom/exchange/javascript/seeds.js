/** Seeds: whole numbers from 0 to 2**63 - 1, which a JavaScript number cannot all hold. */

import { CharloomError, quote } from "./errors.js";

const MAX_SEED = 2n ** 63n - 1n;

/**
 * Return a seed, 0 if it is not given.
 * @param {unknown} given a safe integer, a bigint, or a text of digits
 * @returns {bigint}
 */
export function readSeed(given) {
  const seed = toBigInt(given ?? 0n);
  if (seed !== null && seed >= 0n && seed <= MAX_SEED) return seed;
  const hint =
    typeof given === "number" && given > Number.MAX_SAFE_INTEGER && Number.isFinite(given)
      ? "; write a number above 2**53 as a text or a bigint"
      : "";
  throw new CharloomError(
    `seed is ${quote(given)}; it must be a whole number from 0 to ${MAX_SEED}${hint}.`,
  );
}

/**
 * @param {unknown} given
 * @returns {bigint | null}
 */
function toBigInt(given) {
  if (typeof given === "bigint") return given;
  if (typeof given === "number") return Number.isSafeInteger(given) ? BigInt(given) : null;
  return typeof given === "string" && /^\d{1,19}$/.test(given) ? BigInt(given) : null;
}

/**
 * Return the seed of text `k` of several: each takes the next number.
 * @param {bigint} seed
 * @param {number} k
 * @returns {bigint}
 */
export function seedOf(seed, k) {
  if (!Number.isSafeInteger(k) || k < 0) {
    throw new CharloomError(`k is ${quote(k)}; it must be a whole number of at least 0.`);
  }
  const result = seed + BigInt(k);
  if (result > MAX_SEED) {
    throw new CharloomError(
      `seed is ${seed}, and each of ${k + 1} texts takes the next one; it must be at most ` +
        `${MAX_SEED - BigInt(k)}.`,
    );
  }
  return result;
}
