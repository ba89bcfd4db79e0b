/**
 * The options of sampling: the fields of settings/sampling.py that this engine has, and their
 * checks.
 *
 * An option that is not given, or null, has its default. Options that contradict each other, or
 * have no effect together, are refused as charloom refuses them.
 */

import { CharloomError, quote } from "./errors.js";
import { readSeed } from "./seeds.js";

/**
 * Options as a caller gives them.
 * @typedef {object} GivenOptions
 * @property {number | null} [temperature] divisor of the logits, 0 is greedy; 0.8 by default
 * @property {number | null} [length] largest number of symbols; 500 by default
 * @property {number | null} [minLength] smallest number of symbols
 * @property {string | readonly string[] | null} [stop] ends a text before one of these
 * @property {number | bigint | string | null} [seed] 0 to 2**63 - 1; a text for numbers above 2**53
 * @property {import("./labels.js").Label} [label] a label, or weights by label
 * @property {number | null} [topK]
 * @property {number | null} [topP]
 * @property {number | null} [minP]
 * @property {number | null} [repetitionPenalty]
 * @property {number | null} [repetitionSpan]
 * @property {ReadonlyMap<string, number> | Record<string, number> | null} [bias]
 * @property {unknown} [match] the automaton of an expression; see byte_automaton.js
 * @property {unknown} [forbid] the automaton of forbidden strings; see forbidden.js
 */

/**
 * Checked options.
 * @typedef {object} Options
 * @property {number} temperature
 * @property {number} length
 * @property {number} minLength
 * @property {readonly string[]} stop
 * @property {bigint} seed
 * @property {import("./labels.js").Label} label
 * @property {number | null} topK
 * @property {number} topP
 * @property {number} minP
 * @property {number | null} repetitionPenalty
 * @property {number | null} repetitionSpan
 * @property {ReadonlyMap<string, number>} bias
 * @property {unknown} match
 * @property {unknown} forbid
 */

const NAMES = new Set([
  "temperature",
  "length",
  "minLength",
  "stop",
  "seed",
  "label",
  "topK",
  "topP",
  "minP",
  "repetitionPenalty",
  "repetitionSpan",
  "bias",
  "match",
  "forbid",
]);
const MAX_LENGTH = 2 ** 31 - 2;
const MAX_SPAN = 256;

/**
 * Return the options with defaults.
 * @param {GivenOptions} [given]
 * @returns {Options}
 */
export function readOptions(given = {}) {
  if (typeof given !== "object" || given === null) {
    throw new CharloomError(`the options are ${quote(given)}; they must be an object.`);
  }
  for (const name of Object.keys(given)) {
    if (!NAMES.has(name)) {
      throw new CharloomError(
        `${quote(name)} is no option; there are ${[...NAMES].join(", ")}.`,
      );
    }
  }
  const number = numberReader(given);
  const options = {
    temperature: number("temperature", { min: 0 }) ?? 0.8,
    length: number("length", { min: 1, max: MAX_LENGTH, whole: true }) ?? 500,
    minLength: number("minLength", { min: 0, max: MAX_LENGTH, whole: true }) ?? 0,
    stop: readStop(given.stop),
    seed: readSeed(given.seed),
    label: given.label ?? null,
    topK: number("topK", { min: 1, whole: true }),
    topP: number("topP", { above: 0, max: 1 }) ?? 1,
    minP: number("minP", { min: 0, max: 1 }) ?? 0,
    repetitionPenalty: number("repetitionPenalty", { above: 0 }),
    repetitionSpan: number("repetitionSpan", { min: 1, max: MAX_SPAN, whole: true }),
    bias: readBias(given.bias),
    match: given.match ?? null,
    forbid: given.forbid ?? null,
  };
  checkCombinations(options, given);
  return options;
}

/**
 * @param {Options} options
 * @param {GivenOptions} given
 */
function checkCombinations(options, given) {
  if (options.minLength > options.length) {
    throw new CharloomError(
      `minLength ${options.minLength} is more than length ${options.length}; lower one or raise ` +
        "the other.",
    );
  }
  if (options.match !== null && options.stop.length) {
    throw new CharloomError(
      "match and stop contradict each other: a text that is cut matches no more; give one of them.",
    );
  }
  if (options.match !== null && options.bias.get("<eos>") === -Infinity) {
    throw new CharloomError(
      "match and a bias of -Infinity for <eos> contradict each other: a match could not end.",
    );
  }
  for (const name of /** @type {const} */ (["topK", "topP", "minP"])) {
    if (options.temperature === 0 && (given[name] ?? null) !== null) {
      throw new CharloomError(
        `${name} was given at temperature 0, which always takes the best symbol; leave it out.`,
      );
    }
  }
  if (options.repetitionPenalty === null && options.repetitionSpan !== null) {
    throw new CharloomError(
      "repetitionSpan was given without repetitionPenalty; there it has no effect: leave it out.",
    );
  }
}

/** @typedef {{min?: number, above?: number, max?: number, whole?: boolean}} Range */

/**
 * Return a function that reads a number by its name; null if it is not given.
 * @param {GivenOptions} given
 * @returns {(name: keyof GivenOptions, range: Range) => number | null}
 */
function numberReader(given) {
  return (name, { min = -Infinity, above = -Infinity, max = Infinity, whole = false }) => {
    const value = given[name] ?? null;
    if (value === null) return null;
    const isValid =
      typeof value === "number" &&
      Number.isFinite(value) &&
      value >= min &&
      value > above &&
      value <= max &&
      (!whole || Number.isInteger(value));
    if (isValid) return value;
    const limits = [
      ...(above > -Infinity ? [`above ${above}`] : []),
      ...(min > -Infinity ? [`of at least ${min}`] : []),
      ...(max < Infinity ? [`of at most ${max}`] : []),
    ];
    const kind = whole ? "whole number" : "number";
    throw new CharloomError(
      `${name} is ${quote(value)}; it must be a ${kind} ${limits.join(" and ")}.`,
    );
  };
}

/**
 * @param {GivenOptions["stop"]} given
 * @returns {readonly string[]}
 */
function readStop(given) {
  const stop = given === undefined || given === null ? [] : [given].flat();
  for (const text of stop) {
    if (typeof text !== "string" || text === "") {
      throw new CharloomError(`stop has ${quote(text)}; give texts of at least one character.`);
    }
  }
  return /** @type {readonly string[]} */ (stop);
}

/**
 * @param {GivenOptions["bias"]} given
 * @returns {ReadonlyMap<string, number>}
 */
function readBias(given) {
  if (given === undefined || given === null) return new Map();
  if (typeof given !== "object" || Array.isArray(given)) {
    throw new CharloomError(`bias is ${quote(given)}; it must be numbers by symbol.`);
  }
  const bias = given instanceof Map ? given : new Map(Object.entries(given));
  for (const [symbol, value] of bias) {
    if (typeof value !== "number" || !(value < Infinity)) {
      throw new CharloomError(
        `the bias of ${quote(symbol)} is ${quote(value)}; it must be a number, or -Infinity to ` +
          "forbid the symbol.",
      );
    }
  }
  return bias;
}
