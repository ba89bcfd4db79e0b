/**
 * Forbidden strings: an automaton over the symbols of a vocabulary, stored as rows and exceptions
 * (generation/sparse_automaton.py). It comes with the page (charloom/exchange/forbidden_json.py).
 */

import { MAX_ENTRIES, decodeBase64, decodeInts } from "./base64.js";
import { CharloomError, quote } from "./errors.js";
import { UNK } from "./vocabulary.js";

const FORBIDDEN_FORMAT = "charloom-forbidden";

/**
 * Tables of the automaton; forbidden_json.py describes them.
 * @typedef {object} Tables
 * @property {number} start
 * @property {Int32Array} defaults (rows, V)
 * @property {Int32Array} base (states)
 * @property {Int32Array} offsets (states + 1)
 * @property {Int32Array} symbols (exceptions)
 * @property {Int32Array} targets (exceptions)
 * @property {Uint8Array} mayEnd (states)
 */

export class Forbidden {
  /**
   * @param {Tables} tables
   * @param {number} vocabulary number of symbols
   */
  constructor(tables, vocabulary) {
    this.tables = tables;
    this.vocabulary = vocabulary;
    this.states = tables.base.length;
  }

  /**
   * Return the state after each symbol, (V); -1 after one that completes a forbidden string.
   * @param {number} state
   * @returns {Int32Array}
   */
  row(state) {
    const { defaults, base, offsets, symbols, targets } = this.tables;
    const first = base[state] * this.vocabulary;
    const row = defaults.slice(first, first + this.vocabulary);
    for (let e = offsets[state]; e < offsets[state + 1]; e++) row[symbols[e]] = targets[e];
    return row;
  }

  /**
   * @param {number} state
   * @returns {boolean} whether a text may end there
   */
  mayEnd(state) {
    return this.tables.mayEnd[state] === 1;
  }

  /**
   * Return the state after the symbols of a prompt.
   * @param {readonly number[]} ids
   * @returns {number}
   */
  walk(ids) {
    let state = this.tables.start;
    for (const id of ids) {
      if (id === UNK) {
        throw new CharloomError(
          "the prompt has a symbol that this model lacks, and forbidden strings cannot be " +
            "followed past it; change the prompt, or leave forbid out.",
        );
      }
      state = this.row(state)[id];
      if (state < 0) {
        throw new CharloomError("the prompt holds a forbidden string; change one of them.");
      }
    }
    return state;
  }
}

/**
 * Return the forbidden strings of a JSON object.
 * @param {unknown} source
 * @param {number} vocabulary number of symbols
 * @returns {Forbidden}
 */
export function readForbidden(source, vocabulary) {
  const record = /** @type {Record<string, unknown>} */ (source ?? {});
  if (record.format !== FORBIDDEN_FORMAT) {
    throw new CharloomError(
      `forbid must be an automaton with format ${quote(FORBIDDEN_FORMAT)}; export it with ` +
        "the model.",
    );
  }
  const states = readCount(record, "states", 1);
  const rows = readCount(record, "rows", 1);
  const exceptions = readCount(record, "exceptions", 0);
  const start = readCount(record, "start", 0);
  if (rows * vocabulary > MAX_ENTRIES) throw new CharloomError("forbid has too many rows.");
  const tables = {
    start,
    defaults: decodeInts(record.default, rows * vocabulary, "forbid.default"),
    base: decodeInts(record.base, states, "forbid.base"),
    offsets: decodeInts(record.offsets, states + 1, "forbid.offsets"),
    symbols: decodeInts(record.symbols, exceptions, "forbid.symbols"),
    targets: decodeInts(record.targets, exceptions, "forbid.targets"),
    mayEnd: decodeBase64(record.may_end, states, "forbid.may_end"),
  };
  const { defaults, base, offsets, symbols, targets } = tables;
  /** @param {Int32Array} values @param {number} least @param {number} end */
  const within = (values, least, end) => values.every((value) => value >= least && value < end);
  const isValid =
    start < states &&
    within(defaults, -1, states) &&
    within(base, 0, rows) &&
    within(offsets, 0, exceptions + 1) &&
    within(symbols, 0, vocabulary) &&
    within(targets, -1, states);
  if (!isValid) throw new CharloomError("the automaton of forbid is damaged: export it again.");
  return new Forbidden(tables, vocabulary);
}

/**
 * @param {Record<string, unknown>} record
 * @param {string} name
 * @param {number} least
 * @returns {number}
 */
function readCount(record, name, least) {
  const value = record[name];
  if (typeof value === "number" && Number.isInteger(value)) {
    if (value >= least && value <= MAX_ENTRIES) return value;
  }
  throw new CharloomError(
    `forbid.${name} is ${quote(value)}; it must be a whole number from ${least} to ${MAX_ENTRIES}.`,
  );
}
