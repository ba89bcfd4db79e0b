/**
 * From logits to the id of the next symbol: generation/sampling.py, operation for operation.
 *
 * Weights are float32 and their sums float64, in the order of the ids.
 */

import { fround } from "./arithmetic.js";

/**
 * @typedef {object} Truncation
 * @property {number} temperature 0 is greedy
 * @property {number | null} topK
 * @property {number} topP 1 keeps all symbols
 * @property {number} minP 0 keeps all symbols
 */

const SMALLEST_NORMAL = 2 ** -126;
const LARGEST = fround(3.4028234663852886e38);

/** Samples symbols of one vocabulary; it owns the work space. */
export class Sampler {
  /**
   * @param {import("./plain_kernel.js").Kernel} kernel
   * @param {number} symbols number of symbols, V
   */
  constructor(kernel, symbols) {
    this.kernel = kernel;
    this.logits = kernel.allocate(symbols);
    this.weights = kernel.allocate(symbols);
  }

  /**
   * Return the id of the next symbol for a uniform number in [0, 1).
   * @param {Float32Array} logits (V); minus infinity forbids a symbol
   * @param {Truncation} truncation
   * @param {number} number
   * @returns {number}
   */
  sample(logits, truncation, number) {
    if (truncation.temperature === 0) return logits.indexOf(largest(logits));
    const weights = this.weigh(logits, truncation);
    let total = 0;
    for (let j = 0; j < weights.length; j++) total += weights[j];
    const target = number * total;
    let cumulative = 0;
    for (let j = 0; j < weights.length; j++) {
      cumulative += weights[j];
      if (cumulative > target) return j;
    }
    return 0;
  }

  /**
   * Return the weight of each symbol, (V): 1 for the most probable, 0 for one that is left out.
   *
   * The array is valid until the next call. The temperature is above 0.
   * @param {Float32Array} logits
   * @param {Truncation} truncation
   * @returns {Float32Array}
   */
  weigh(logits, truncation) {
    const { weights } = this;
    const { topK, topP, minP } = truncation;
    const temperature = clampTemperature(truncation.temperature);
    this.logits.set(logits);
    this.kernel.weigh(this.logits, weights, largest(logits), temperature);
    for (let j = 0; j < logits.length; j++) if (logits[j] === -Infinity) weights[j] = 0;
    if ((topK !== null && topK < logits.length) || topP < 1 || minP > 0) {
      truncate(logits, weights, truncation);
    }
    return weights;
  }

  /**
   * Return -log(softmax(logits)) of one id, in nats.
   * @param {Float32Array} logits
   * @param {number} id
   * @returns {number}
   */
  surprisal(logits, id) {
    const { weights } = this;
    const best = largest(logits);
    this.logits.set(logits);
    this.kernel.weigh(this.logits, weights, best, 1);
    let total = 0;
    for (let j = 0; j < weights.length; j++) total += weights[j];
    return Math.log(total) - fround(logits[id] - best);
  }
}

/**
 * Set the weights to 0 that top-k, then top-p, then min-p leave out.
 * @param {Float32Array} logits
 * @param {Float32Array} weights
 * @param {Truncation} truncation
 */
function truncate(logits, weights, { topK, topP, minP }) {
  const order = Array.from(logits.keys()).sort((a, b) =>
    logits[a] === logits[b] ? a - b : logits[a] > logits[b] ? -1 : 1,
  );
  let kept = Math.min(topK ?? order.length, order.length);
  if (topP < 1) {
    let total = 0;
    for (let k = 0; k < kept; k++) total += weights[order[k]];
    let cumulative = 0;
    for (let k = 0; k < kept; k++) {
      cumulative += weights[order[k]];
      if (cumulative >= topP * total) {
        kept = k + 1;
        break;
      }
    }
  }
  for (let k = 0; k < kept; k++) {
    if (weights[order[k]] < minP) {
      kept = k;
      break;
    }
  }
  for (let k = kept; k < order.length; k++) weights[order[k]] = 0;
}

/**
 * Return the probabilities of the logits, in float64, as Generator.next does.
 * @param {Float32Array} logits
 * @returns {Float64Array}
 */
export function softmax(logits) {
  const best = largest(logits);
  const weights = Float64Array.from(logits, (logit) => Math.exp(fround(logit - best)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/**
 * @param {Float32Array} values
 * @returns {number}
 */
function largest(values) {
  let best = -Infinity;
  for (let j = 0; j < values.length; j++) if (values[j] > best) best = values[j];
  return best;
}

/**
 * @param {number} temperature above 0
 * @returns {number} the divisor of the logits, a float32 that is not 0 and not infinite
 */
function clampTemperature(temperature) {
  return fround(Math.min(Math.max(temperature, SMALLEST_NORMAL), LARGEST));
}
