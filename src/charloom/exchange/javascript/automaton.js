/**
 * Masks for a regular expression: only symbols after which a match can still be completed.
 *
 * An automaton over bytes comes with the page (charloom/exchange/automaton_json.py): JavaScript has
 * no equal of the library that builds it. It is read along the bytes of each symbol, as
 * generation/regex_constraint.py does, from the state after the prompt. So one shipped automaton
 * serves every prompt, length and bias.
 *
 * Axes: V symbols, Q states, J symbols that the minimum length still requires.
 */

import { decodeBase64, decodeInts } from "./base64.js";
import { CharloomError, quote } from "./errors.js";
import { EOS, UNK, byteOf } from "./vocabulary.js";

/** @typedef {import("./vocabulary.js").Vocabulary} Vocabulary */

const FORMAT = "charloom-automaton";
const MAX_ENTRIES = 2 ** 24;
/** Distance to a match where there is none. */
const UNREACHABLE = 2 ** 31 - 1;

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
  if (record.format !== FORMAT || typeof pattern !== "string") {
    throw new CharloomError(
      `match must be an automaton with format ${quote(FORMAT)}; export it with the model.`,
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
function walk(automaton, state, bytes) {
  const { classes, classCount, next } = automaton;
  for (let k = 0; k < bytes.length && state >= 0; k++) {
    state = next[state * classCount + classes[bytes[k]]];
  }
  return state;
}

/** An automaton over symbols, whose state 0 is the one after a prompt. */
export class SymbolAutomaton {
  /**
   * @param {ByteAutomaton} automaton
   * @param {Vocabulary} vocabulary
   * @param {string} prompt
   * @param {Float32Array} bias minus infinity where a symbol is forbidden
   * @param {{minLength: number, maxLength: number}} lengths of the text after the prompt
   */
  constructor(automaton, vocabulary, prompt, bias, { minLength, maxLength }) {
    const start = walk(automaton, 0, new TextEncoder().encode(prompt));
    if (start < 0) {
      throw new CharloomError(
        `no match of ${quote(automaton.pattern)} begins with the prompt ${quote(prompt)}.`,
      );
    }
    /** Successors, (V) for each of Q states. @type {Int32Array[]} */
    this.rows = [];
    /** Whether a state is a match, (Q). @type {boolean[]} */
    this.ends = [];
    this.#explore(automaton, spellings(vocabulary, bias), start);
    /** The fewest symbols, but at least J, to a match, (Q) for each J. @type {Int32Array[]} */
    this.distances = this.#measure(minLength);
    if (!this.#canEnd(0, minLength, maxLength)) {
      throw new CharloomError(
        `no match of ${quote(automaton.pattern)} has ${minLength} to ${maxLength} symbols of ` +
          "this model after the prompt.",
      );
    }
  }

  /**
   * Set the logits of symbols to minus infinity after which no match can follow.
   * @param {Float32Array} logits
   * @param {number} state
   * @param {number} missing symbols that the minimum length still requires
   * @param {number} left symbols that may follow the next one
   */
  mask(logits, state, missing, left) {
    const row = this.rows[state];
    for (let j = 0; j < logits.length; j++) {
      if (row[j] < 0 || !this.#canEnd(row[j], missing - 1, left)) {
        if (j !== EOS) logits[j] = -Infinity;
      }
    }
    if (missing > 0 || !this.ends[state]) logits[EOS] = -Infinity;
  }

  /**
   * Return the state after a symbol that the mask allows.
   * @param {number} state
   * @param {number} id
   * @returns {number}
   */
  next(state, id) {
    return this.rows[state][id];
  }

  /**
   * @param {number} state
   * @param {number} missing
   * @param {number} left
   * @returns {boolean} whether a text can end by `missing` to `left` more symbols
   */
  #canEnd(state, missing, left) {
    const required = Math.max(missing, 0);
    const row = Math.min(required, this.distances.length - 1);
    return this.distances[row][state] <= Math.min(left, UNREACHABLE - 1) - (required - row);
  }

  /**
   * Find all states, breadth-first.
   * @param {ByteAutomaton} automaton
   * @param {readonly Uint8Array[]} spelled the bytes of each symbol; none of a forbidden one
   * @param {number} start
   */
  #explore(automaton, spelled, start) {
    const numbers = new Map([[start, 0]]);
    for (const state of numbers.keys()) {
      if (numbers.size * spelled.length > MAX_ENTRIES) {
        throw new CharloomError(`the expression ${quote(automaton.pattern)} is too large.`);
      }
      const row = new Int32Array(spelled.length).fill(-1);
      for (let j = 0; j < spelled.length; j++) {
        const after = spelled[j].length ? walk(automaton, state, spelled[j]) : -1;
        if (after < 0) continue;
        // A Map yields the keys that are added while it is read.
        if (!numbers.has(after)) numbers.set(after, numbers.size);
        row[j] = /** @type {number} */ (numbers.get(after));
      }
      this.rows.push(row);
      this.ends.push(automaton.matches[state] === 1);
    }
  }

  /**
   * Return the distances for each J up to `minLength`.
   *
   * It ends sooner once each row is 1 more than the one before; the last row and the difference
   * then stand for all others.
   * @param {number} minLength
   * @returns {Int32Array[]}
   */
  #measure(minLength) {
    const successors = this.rows.map((row) => [...new Set(row)].filter((state) => state >= 0));
    /** @param {Int32Array} distance */
    const oneBefore = (distance) =>
      Int32Array.from(successors, (states) => {
        let best = UNREACHABLE;
        for (const state of states) best = Math.min(best, distance[state]);
        return Math.min(best, UNREACHABLE - 1) + 1;
      });
    let shortest = Int32Array.from(this.ends, (ends) => (ends ? 0 : UNREACHABLE));
    for (let changed = true; changed; ) {
      const before = oneBefore(shortest).map((distance, q) => (this.ends[q] ? 0 : distance));
      changed = before.some((distance, q) => distance !== shortest[q]);
      shortest = before;
    }
    const result = [shortest];
    while (result.length <= minLength) {
      const last = result[result.length - 1];
      const previous = result[result.length - 2];
      if (previous !== undefined && isRegular(previous, last)) break;
      if (result.length * last.length > MAX_ENTRIES) {
        throw new CharloomError(`minLength ${minLength} is too large for the expression to match.`);
      }
      result.push(oneBefore(last));
    }
    return result;
  }
}

/**
 * @param {Int32Array} before
 * @param {Int32Array} after
 * @returns {boolean} whether each distance is 1 more, or none both times
 */
function isRegular(before, after) {
  return after.every((distance, q) =>
    before[q] === UNREACHABLE ? distance === UNREACHABLE : distance === before[q] + 1,
  );
}

/**
 * @param {Vocabulary} vocabulary
 * @param {Float32Array} bias
 * @returns {Uint8Array[]}
 */
function spellings({ level, symbols }, bias) {
  const encoder = new TextEncoder();
  return symbols.map((symbol, id) => {
    if (id <= UNK || id === EOS || bias[id] === -Infinity) return new Uint8Array(0);
    return level === "byte" ? Uint8Array.of(byteOf(symbol)) : encoder.encode(symbol);
  });
}
