/**
 * The inner loops of the network in plain JavaScript.
 *
 * Weights are stored in panels of 32 columns: all rows of the first panel, then those of the next.
 * Sixteen sums stay in registers while the loop reads the rows, so that each is loaded and stored
 * once. The order within a sum is that of the rows, whatever the panel.
 */

import { exp, fround, sigmoid, tanh } from "./arithmetic.js";

/** Columns of a panel of weights. */
export const PANEL = 32;
const STRIP = 16;

/** @typedef {Float32Array} Floats */

/**
 * Loops over float32 arrays; a kernel allocates the arrays that its functions take.
 * @typedef {object} Kernel
 * @property {"plain" | "simd"} name
 * @property {(length: number) => Floats} allocate
 *   Returns zeros, with room for whole vectors.
 * @property {(sums: Floats, inputs: Floats, weights: Floats, rows: number) => void} accumulate
 *   Adds inputs (rows) times weights (panels, rows, 32) to sums (panels, 32).
 * @property {(gates: Floats, cell: Floats, hidden: Floats, units: number) => void} lstm
 *   Writes the next states for the sums i, f, g, o.
 * @property {(gates: Floats, sums: Floats, hidden: Floats, units: number) => void} gru
 *   Writes the next state for the sums r, z and m, and the input's part of n in `gates`.
 * @property {(gates: Floats, hidden: Floats, units: number) => void} rnn
 *   Writes the next state.
 * @property {(logits: Floats, weights: Floats, best: number, divisor: number) => void} weigh
 *   Writes the exponential of (logit - best) / divisor of each logit, all in float32.
 */

/**
 * Return the kernel in plain JavaScript.
 * @returns {Kernel}
 */
export function plainKernel() {
  return {
    name: "plain",
    allocate: (length) => new Float32Array(length),
    accumulate,
    lstm,
    gru,
    rnn,
    weigh,
  };
}

/** @type {Kernel["accumulate"]} */
function accumulate(sums, inputs, weights, rows) {
  for (let first = 0; first < sums.length; first += STRIP) {
    // The panels before this one, and the columns of this panel before the strip.
    let w = (first - (first % PANEL)) * rows + (first % PANEL);
    let s0 = sums[first];
    let s1 = sums[first + 1];
    let s2 = sums[first + 2];
    let s3 = sums[first + 3];
    let s4 = sums[first + 4];
    let s5 = sums[first + 5];
    let s6 = sums[first + 6];
    let s7 = sums[first + 7];
    let s8 = sums[first + 8];
    let s9 = sums[first + 9];
    let s10 = sums[first + 10];
    let s11 = sums[first + 11];
    let s12 = sums[first + 12];
    let s13 = sums[first + 13];
    let s14 = sums[first + 14];
    let s15 = sums[first + 15];
    for (let k = 0; k < rows; k++) {
      const x = inputs[k];
      s0 = fround(s0 + fround(x * weights[w]));
      s1 = fround(s1 + fround(x * weights[w + 1]));
      s2 = fround(s2 + fround(x * weights[w + 2]));
      s3 = fround(s3 + fround(x * weights[w + 3]));
      s4 = fround(s4 + fround(x * weights[w + 4]));
      s5 = fround(s5 + fround(x * weights[w + 5]));
      s6 = fround(s6 + fround(x * weights[w + 6]));
      s7 = fround(s7 + fround(x * weights[w + 7]));
      s8 = fround(s8 + fround(x * weights[w + 8]));
      s9 = fround(s9 + fround(x * weights[w + 9]));
      s10 = fround(s10 + fround(x * weights[w + 10]));
      s11 = fround(s11 + fround(x * weights[w + 11]));
      s12 = fround(s12 + fround(x * weights[w + 12]));
      s13 = fround(s13 + fround(x * weights[w + 13]));
      s14 = fround(s14 + fround(x * weights[w + 14]));
      s15 = fround(s15 + fround(x * weights[w + 15]));
      w += PANEL;
    }
    sums[first] = s0;
    sums[first + 1] = s1;
    sums[first + 2] = s2;
    sums[first + 3] = s3;
    sums[first + 4] = s4;
    sums[first + 5] = s5;
    sums[first + 6] = s6;
    sums[first + 7] = s7;
    sums[first + 8] = s8;
    sums[first + 9] = s9;
    sums[first + 10] = s10;
    sums[first + 11] = s11;
    sums[first + 12] = s12;
    sums[first + 13] = s13;
    sums[first + 14] = s14;
    sums[first + 15] = s15;
  }
}

/** @type {Kernel["lstm"]} */
function lstm(gates, cell, hidden, units) {
  for (let j = 0; j < units; j++) {
    const kept = fround(sigmoid(gates[units + j]) * cell[j]);
    const added = fround(sigmoid(gates[j]) * tanh(gates[2 * units + j]));
    cell[j] = fround(kept + added);
    hidden[j] = fround(sigmoid(gates[3 * units + j]) * tanh(cell[j]));
  }
}

/** @type {Kernel["gru"]} */
function gru(gates, sums, hidden, units) {
  for (let j = 0; j < units; j++) {
    const update = sigmoid(sums[units + j]);
    const reset = fround(sigmoid(sums[j]) * sums[2 * units + j]);
    const candidate = tanh(fround(gates[2 * units + j] + reset));
    const renewed = fround(fround(1 - update) * candidate);
    hidden[j] = fround(renewed + fround(update * hidden[j]));
  }
}

/** @type {Kernel["rnn"]} */
function rnn(gates, hidden, units) {
  for (let j = 0; j < units; j++) hidden[j] = tanh(gates[j]);
}

/** @type {Kernel["weigh"]} */
function weigh(logits, weights, best, divisor) {
  for (let j = 0; j < logits.length; j++) {
    weights[j] = exp(fround(fround(logits[j] - best) / divisor));
  }
}
