/**
 * Masks: only symbols after which a match, or a text without forbidden strings, can be completed.
 *
 * The automaton of a match is read along the bytes of each symbol, as
 * generation/regex_constraint.py does, from the state after the prompt. So one shipped automaton
 * serves every prompt, length and bias. With forbidden strings, a state is a pair; all pairs within
 * reach are numbered.
 *
 * Axes: V symbols, Q states, J symbols that the minimum length still requires.
 */

import { MAX_ENTRIES } from "./base64.js";
import { walk } from "./byte_automaton.js";
import { CharloomError, quote } from "./errors.js";
import { EOS, UNK, byteOf } from "./vocabulary.js";

/** @typedef {import("./byte_automaton.js").ByteAutomaton} ByteAutomaton */
/** @typedef {import("./forbidden.js").Forbidden} Forbidden */
/** @typedef {import("./vocabulary.js").Vocabulary} Vocabulary */

/** Entries that a short row counts as: each takes some memory of its own. */
const MIN_ROW = 64;
/** Distance to a match where there is none. */
const UNREACHABLE = 2 ** 31 - 1;

/**
 * The automata that a text must follow; at least one of them is not null.
 * @typedef {{match: ByteAutomaton | null, forbidden: Forbidden | null}} Constraints
 */

/** An automaton over symbols, whose state 0 is the one after a prompt. */
export class SymbolAutomaton {
  /**
   * @param {Constraints} constraints
   * @param {Vocabulary} vocabulary
   * @param {import("./generator.js").ReadPrompt} prompt
   * @param {Float32Array} bias minus infinity where a symbol is forbidden
   * @param {{minLength: number, maxLength: number}} lengths of the text after the prompt
   */
  constructor(constraints, vocabulary, prompt, bias, { minLength, maxLength }) {
    const { match, forbidden } = constraints;
    const start = match === null ? 0 : walk(match, 0, new TextEncoder().encode(prompt.text));
    if (match !== null && start < 0) {
      throw new CharloomError(
        `no match of ${quote(match.pattern)} begins with the prompt ${quote(prompt.text)}.`,
      );
    }
    /** Successors, (V) for each of Q states. @type {Int32Array[]} */
    this.rows = [];
    /** Whether a text may end in a state, (Q). @type {boolean[]} */
    this.ends = [];
    const spelled = spellings(vocabulary, bias);
    this.#explore(constraints, spelled, [start, forbidden?.walk(prompt.ids) ?? 0]);
    /** The fewest symbols, but at least J, to an end, (Q) for each J. @type {Int32Array[]} */
    this.distances = this.#measure(minLength);
    if (!this.#canEnd(0, minLength, maxLength)) {
      const wanted =
        match === null
          ? "text without the forbidden strings"
          : `match of ${quote(match.pattern)}${forbidden ? " without the forbidden strings" : ""}`;
      throw new CharloomError(
        `no ${wanted} has ${minLength} to ${maxLength} symbols of this model after the prompt.`,
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
   * @param {Constraints} constraints
   * @param {readonly (Uint8Array | null)[]} spelled the bytes of each symbol that may be generated
   * @param {[number, number]} start
   */
  #explore({ match, forbidden }, spelled, [matchStart, forbiddenStart]) {
    const count = forbidden?.states ?? 1;
    const numbers = new Map([[matchStart * count + forbiddenStart, 0]]);
    // A Map yields the keys that are added while it is read.
    for (const pair of numbers.keys()) {
      if (numbers.size * spelled.length > MAX_ENTRIES) {
        throw new CharloomError(
          "match and the forbidden strings have too many states together; simplify one of them.",
        );
      }
      const [state, without] = [Math.floor(pair / count), pair % count];
      const allowed = forbidden?.row(without);
      const row = new Int32Array(spelled.length).fill(-1);
      spelled.forEach((bytes, id) => {
        if (bytes === null) return;
        const after = match === null ? 0 : walk(match, state, bytes);
        const target = allowed === undefined ? 0 : allowed[id];
        if (after < 0 || target < 0) return;
        const key = after * count + target;
        const number = numbers.get(key) ?? numbers.size;
        numbers.set(key, number);
        row[id] = number;
      });
      this.rows.push(row);
      const matches = match === null || match.matches[state] === 1;
      this.ends.push(matches && (forbidden === null || forbidden.mayEnd(without)));
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
      if (result.length * Math.max(last.length, MIN_ROW) > MAX_ENTRIES) {
        throw new CharloomError(`minLength ${minLength} is too large for match or forbid.`);
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
 * @returns {(Uint8Array | null)[]}
 */
function spellings({ level, symbols }, bias) {
  const encoder = new TextEncoder();
  return symbols.map((symbol, id) => {
    if (id === EOS || id === UNK || bias[id] === -Infinity) return null;
    return level === "byte" ? Uint8Array.of(byteOf(symbol)) : encoder.encode(symbol);
  });
}
