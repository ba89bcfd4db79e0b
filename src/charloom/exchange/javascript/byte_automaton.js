/**
 * The automaton of a regular expression over the bytes of UTF-8.
 *
 * It comes with the page (charloom/exchange/automaton_json.py): JavaScript has no equal of the
 * library that builds it.
 */

import { MAX_ENTRIES, decodeBase64, decodeInts } from "./base64.js";
import { CharloomError, quote } from "./errors.js";

const AUTOMATON_FORMAT = "charloom-automaton";

/**
 * @typedef {object} ByteAutomaton
 * @property {string} pattern
 * @property {Uint8Array} classes the class of each byte, (256)
 * @property {number} classCount
 * @property {Int32Array} next the state after a byte of each class, (states, classes), or -1
 * @property {Uint8Array} matches whether the bytes that lead to a state are a whole match
 */

/**
 * Return the automaton of a JSON object.
 * @param {unknown} source
 * @returns {ByteAutomaton}
 */
export function readAutomaton(source) {
  const record = /** @type {Record<string, unknown>} */ (source ?? {});
  const { pattern, states, classes: count } = record;
  if (record.format !== AUTOMATON_FORMAT || typeof pattern !== "string") {
    throw new CharloomError(
      `match must be an automaton with format ${quote(AUTOMATON_FORMAT)}; export it with ` +
        "the model.",
    );
  }
  if (!isSize(states, MAX_ENTRIES) || !isSize(count, 256) || states * count > MAX_ENTRIES) {
    throw new CharloomError("the automaton of match is too large or has no states.");
  }
  const classes = decodeBase64(record.class_of_byte, 256, "class_of_byte");
  const next = decodeInts(record.next, states * count, "next");
  const matches = decodeBase64(record.matches, states, "matches");
  const isValid =
    classes.every((value) => value < count) && next.every((q) => q >= -1 && q < states);
  if (!isValid) throw new CharloomError("the automaton of match is damaged: export it again.");
  return { pattern, classes, classCount: count, next, matches };
}

/**
 * @param {unknown} value
 * @param {number} largest
 * @returns {value is number}
 */
function isSize(value, largest) {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value <= largest;
}

/**
 * Return the state after some bytes, or -1.
 * @param {ByteAutomaton} automaton
 * @param {number} state
 * @param {Uint8Array} bytes
 * @returns {number}
 */
export function walk(automaton, state, bytes) {
  const { classes, classCount, next } = automaton;
  for (let k = 0; k < bytes.length && state >= 0; k++) {
    state = next[state * classCount + classes[bytes[k]]];
  }
  return state;
}
