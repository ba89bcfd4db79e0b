/**
 * The inner loops of the network in WebAssembly, with the bits of plain_kernel.js.
 *
 * simd_kernel.wat has their source text. All arrays of a kernel lie in one memory, which is as
 * large as the network needs: growing it later would detach the arrays.
 */

import { PANEL } from "./plain_kernel.js";
import { SIMD_KERNEL } from "./simd_bytes.js";

const PAGE = 65536;
/** Arrays begin at a line of the cache, and vectors may reach three values beyond an array. */
const ALIGNMENT = 64;
const MAX_BYTES = 2 ** 31;

/**
 * Return the kernel in WebAssembly, or null where it cannot run: without SIMD, under a content
 * security policy that forbids it, or for a network that is too large.
 * @param {readonly number[]} lengths the lengths of all arrays that will be allocated
 * @returns {import("./plain_kernel.js").Kernel | null}
 */
export function simdKernel(lengths) {
  const total = lengths.reduce((sum, length) => sum + roomFor(length), ALIGNMENT);
  if (typeof WebAssembly === "undefined" || total > MAX_BYTES) return null;
  try {
    const bytes = Uint8Array.from(atob(SIMD_KERNEL), (character) => character.charCodeAt(0));
    const memory = new WebAssembly.Memory({ initial: Math.ceil(total / PAGE) });
    const module = new WebAssembly.Module(bytes);
    const { exports } = new WebAssembly.Instance(module, { charloom: { memory } });
    return wrap(/** @type {any} */ (exports), memory.buffer);
  } catch {
    return null;
  }
}

/** @typedef {"accumulate" | "lstm" | "gru" | "rnn" | "weigh"} FunctionName */

/**
 * @param {number} length
 * @returns {number} bytes, with padding
 */
function roomFor(length) {
  return (Math.floor((4 * length + 12) / ALIGNMENT) + 1) * ALIGNMENT;
}

/**
 * @param {Record<FunctionName, (...numbers: number[]) => void>} exports
 * @param {ArrayBuffer} buffer
 * @returns {import("./plain_kernel.js").Kernel}
 */
function wrap(exports, buffer) {
  let end = ALIGNMENT;
  return {
    name: "simd",
    allocate(length) {
      const array = new Float32Array(buffer, end, length);
      end += roomFor(length);
      return array;
    },
    accumulate(sums, inputs, weights, rows) {
      const { length } = sums;
      exports.accumulate(
        sums.byteOffset,
        inputs.byteOffset,
        weights.byteOffset,
        rows,
        length / PANEL,
      );
    },
    lstm(gates, cell, hidden, units) {
      exports.lstm(gates.byteOffset, cell.byteOffset, hidden.byteOffset, units);
    },
    gru(gates, sums, hidden, units) {
      exports.gru(gates.byteOffset, sums.byteOffset, hidden.byteOffset, units);
    },
    rnn(gates, hidden, units) {
      exports.rnn(gates.byteOffset, hidden.byteOffset, units);
    },
    weigh(logits, weights, best, divisor) {
      exports.weigh(logits.byteOffset, weights.byteOffset, logits.length, best, divisor);
    },
  };
}
