/**
 * Labels: the state before the first symbol, of one label or of a mixture.
 *
 * A mixture starts from the weighted mean of the labels' states (settings/label_mixture.py,
 * network/reference.py). Its weights are divided by their exact sum, as Python's math.fsum rounds
 * it. An object orders keys such as "10" before others; a Map keeps the order that breaks ties.
 */

import { CharloomError, quote } from "./errors.js";

/** @typedef {string | ReadonlyMap<string, number> | Record<string, number> | null} Label */
/** @typedef {import("./network.js").State} State */

/**
 * Return the state before the boundary.
 * @param {import("./network.js").Network} network
 * @param {readonly string[]} labels the labels of the model
 * @param {Label} label
 * @returns {State}
 */
export function startState(network, labels, label) {
  if (label === null || label === undefined) return network.initialState(-1);
  if (typeof label === "string") return network.initialState(labelId(label, labels));
  if (typeof label !== "object" || Array.isArray(label)) {
    throw new CharloomError(`label is ${quote(label)}; give a label, or weights by label.`);
  }
  const weights = [...normalizeWeights(label)]
    .map(([name, weight]) => ({ id: labelId(name, labels), weight }))
    .sort((a, b) => a.id - b.id);
  const states = weights.map(({ id }) => network.initialState(id));
  /** @param {keyof State} name */
  const mean = (name) =>
    states[0][name].map((_, j) => {
      let total = weights[0].weight * states[0][name][j];
      for (let k = 1; k < states.length; k++) total += weights[k].weight * states[k][name][j];
      return total;
    });
  return { hidden: mean("hidden"), cell: mean("cell") };
}

/**
 * @param {string} label
 * @param {readonly string[]} labels
 * @returns {number}
 */
function labelId(label, labels) {
  const id = labels.indexOf(label);
  if (id >= 0) return id;
  if (labels.length === 0) {
    throw new CharloomError(
      `label is ${quote(label)}, but this model has no labels; leave it out.`,
    );
  }
  throw new CharloomError(
    `label ${quote(label)} is not known to this model; known labels: ` +
      `${labels.slice(0, 20).join(", ")}.`,
  );
}

/**
 * Return weights by label, divided by their sum.
 * @param {ReadonlyMap<string, number> | Record<string, number>} given
 * @returns {Map<string, number>}
 */
export function normalizeWeights(given) {
  const weights = given instanceof Map ? new Map(given) : new Map(Object.entries(given));
  if (weights.size === 0) {
    throw new CharloomError("label has no weights; give a label, or weights by label.");
  }
  let largest = "";
  let most = 0;
  for (const [label, weight] of weights) {
    if (typeof weight !== "number" || !(weight > 0 && weight < Infinity)) {
      throw new CharloomError(
        `the weight of label ${quote(label)} is ${quote(weight)}; it must be a finite number ` +
          "above 0.",
      );
    }
    if (weight > most) [largest, most] = [label, weight];
  }
  const scaled = new Map([...weights].map(([label, weight]) => [label, weight / most]));
  for (const [label, weight] of scaled) {
    if (weight === 0) {
      throw new CharloomError(
        `the weight of label ${quote(label)} is nothing beside that of ${quote(largest)}; leave ` +
          "the label out.",
      );
    }
  }
  if (most <= 1 && exactSum([...weights.values()]) === 1) return weights;
  const total = exactSum([...scaled.values()]);
  const result = new Map([...scaled].map(([label, weight]) => [label, weight / total]));
  const others = [...result].filter(([label]) => label !== largest).map(([, weight]) => -weight);
  return result.set(largest, exactSum([1, ...others]));
}

/**
 * Return the sum of finite numbers, rounded once, ties to even.
 *
 * Partial sums that do not overlap hold the sum exactly (Shewchuk, "Adaptive precision
 * floating-point arithmetic", 1997).
 * @param {readonly number[]} values
 * @returns {number}
 */
export function exactSum(values) {
  /** @type {number[]} */
  const partials = [];
  for (let x of values) {
    let kept = 0;
    for (let y of partials) {
      if (Math.abs(x) < Math.abs(y)) [x, y] = [y, x];
      const high = x + y;
      const low = y - (high - x);
      if (low !== 0) partials[kept++] = low;
      x = high;
    }
    partials.length = kept;
    partials.push(x);
  }
  let k = partials.length;
  if (k === 0) return 0;
  let high = partials[--k];
  let low = 0;
  while (k > 0) {
    const x = high;
    const y = partials[--k];
    high = x + y;
    low = y - (high - x);
    if (low !== 0) break;
  }
  // Half of a last place was rounded to even; the partials below may put it above or below half.
  if (k > 0 && ((low < 0 && partials[k - 1] < 0) || (low > 0 && partials[k - 1] > 0))) {
    const y = low * 2;
    const x = high + y;
    if (y === x - high) high = x;
  }
  return high;
}
