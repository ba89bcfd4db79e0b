/** Bytes and numbers from base64, checked against the length that they must have. */

import { CharloomError, quote } from "./errors.js";

/** Entries that a table of an automaton may have. */
export const MAX_ENTRIES = 2 ** 24;

/**
 * Return the bytes of a base64 text.
 * @param {unknown} text
 * @param {number} length the number of bytes that it must hold
 * @param {string} name for messages
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function decodeBase64(text, length, name) {
  if (typeof text !== "string") {
    throw new CharloomError(`${name} is ${quote(text)}; it must be a base64 text.`);
  }
  // Checked first, so that a short text cannot claim much memory.
  if (text.length !== Math.ceil(length / 3) * 4) {
    throw new CharloomError(
      `${name} has ${text.length} characters of base64, but ${length} bytes need ` +
        `${Math.ceil(length / 3) * 4}; it is truncated or damaged: export the model again.`,
    );
  }
  let decoded = "";
  try {
    decoded = atob(text);
  } catch {
    decoded = "";
  }
  if (decoded.length !== length) {
    throw new CharloomError(`${name} is no valid base64; it is damaged: export the model again.`);
  }
  const bytes = new Uint8Array(length);
  for (let k = 0; k < length; k++) bytes[k] = decoded.charCodeAt(k);
  return bytes;
}

/** 2 ** (k - 24), exactly. */
const HALF_POWERS = Float64Array.from({ length: 31 });
HALF_POWERS.forEach((_, k) => (HALF_POWERS[k] = k ? 2 * HALF_POWERS[k - 1] : 1 / 2 ** 24));

/**
 * @param {number} bits of a number in half precision
 * @returns {number} NaN for infinity too
 */
function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return NaN;
  // Exponent 0 has no leading one: the smallest numbers.
  const digits = exponent ? 0x400 + fraction : fraction;
  return sign * digits * HALF_POWERS[Math.max(exponent, 1) - 1];
}

/**
 * Return finite values in half precision from the base64 of their bytes, lowest byte first.
 * @param {unknown} text
 * @param {number} count
 * @param {string} name for messages
 * @returns {Float32Array}
 */
export function decodeHalves(text, count, name) {
  const bytes = decodeBase64(text, 2 * count, name);
  const values = new Float32Array(count);
  for (let k = 0; k < count; k++) {
    const value = fromHalf(bytes[2 * k] | (bytes[2 * k + 1] << 8));
    if (Number.isNaN(value)) throw notFinite(name);
    values[k] = value;
  }
  return values;
}

/**
 * Return the products of 8-bit integers and the scales of their rows, in float32.
 * @param {unknown} text
 * @param {unknown} scales
 * @param {number} rows
 * @param {number} width
 * @param {string} name for messages
 * @returns {Float32Array}
 */
export function decodeScaledRows(text, scales, rows, width, name) {
  const integers = new Int8Array(decodeBase64(text, rows * width, name).buffer);
  const factors = decodeFloats(scales, rows, `the scales of ${name}`);
  const values = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let k = row * width; k < (row + 1) * width; k++) {
      values[k] = integers[k] * factors[row];
      if (!Number.isFinite(values[k])) throw notFinite(name);
    }
  }
  return values;
}

/**
 * @param {string} name
 * @returns {CharloomError}
 */
function notFinite(name) {
  return new CharloomError(`${name} holds NaN or infinity; export the model again.`);
}

/**
 * Return finite float32 values from the base64 of their bytes, lowest byte first.
 * @param {unknown} text
 * @param {number} count
 * @param {string} name for messages
 * @returns {Float32Array}
 */
export function decodeFloats(text, count, name) {
  const bytes = decodeBase64(text, 4 * count, name);
  const view = new DataView(bytes.buffer);
  const values = new Float32Array(count);
  for (let k = 0; k < count; k++) {
    const value = view.getFloat32(4 * k, true);
    if (!Number.isFinite(value)) throw notFinite(name);
    values[k] = value;
  }
  return values;
}

/**
 * Return int32 values from the base64 of their bytes, lowest byte first.
 * @param {unknown} text
 * @param {number} count
 * @param {string} name for messages
 * @returns {Int32Array}
 */
export function decodeInts(text, count, name) {
  const bytes = decodeBase64(text, 4 * count, name);
  const view = new DataView(bytes.buffer);
  return Int32Array.from({ length: count }, (_, k) => view.getInt32(4 * k, true));
}
