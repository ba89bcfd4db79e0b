/**
 * From symbols to text, which ends before the first stop string (generation/detokenizer.py).
 *
 * Text is held back while it may be the beginning of a stop string or of a character of several
 * bytes.
 */

import { UNK, byteOf } from "./vocabulary.js";

export class Detokenizer {
  /**
   * @param {import("./vocabulary.js").Level} level
   * @param {readonly string[]} stop
   */
  constructor(level, stop) {
    /** Whether a stop string was found. */
    this.stopped = false;
    this.level = level;
    this.stop = stop;
    this.held = "";
    this.longest = stop.reduce((length, text) => Math.max(length, text.length), 1);
    // A byte order mark is a character like others.
    this.decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  }

  /**
   * Add a symbol; return the text that it releases.
   * @param {string} symbol
   * @returns {string}
   */
  push(symbol) {
    this.held +=
      this.level === "byte"
        ? this.decoder.decode(Uint8Array.of(byteOf(symbol)), { stream: true })
        : symbol;
    if (this.stop.length === 0) return this.#release(this.held.length);
    let first = -1;
    let end = Infinity;
    for (const text of this.stop) {
      const start = this.held.indexOf(text);
      if (start < 0) continue;
      // The first end counts; of several matches with the same end, the first start.
      if (start + text.length < end || (start + text.length === end && start < first)) {
        first = start;
        end = start + text.length;
      }
    }
    if (first < 0) return this.#release(this.held.length - this.#possibleStop());
    this.stopped = true;
    return this.#release(first);
  }

  /**
   * Return the text that is still held back once no symbol follows; none after a stop string.
   * @returns {string}
   */
  finish() {
    if (this.stopped) return "";
    this.held += this.decoder.decode();
    return this.#release(this.held.length);
  }

  /** @returns {number} the length of the longest end of the held text that begins a stop string */
  #possibleStop() {
    for (let length = Math.min(this.held.length, this.longest - 1); length > 0; length--) {
      const end = this.held.slice(-length);
      if (this.stop.some((text) => text.startsWith(end))) return length;
    }
    return 0;
  }

  /**
   * @param {number} length
   * @returns {string}
   */
  #release(length) {
    const piece = this.held.slice(0, length);
    this.held = this.held.slice(length);
    return piece;
  }
}

/**
 * Return the text of ids, with U+FFFD for unknown symbols.
 * @param {readonly number[]} ids
 * @param {import("./vocabulary.js").Vocabulary} vocabulary
 * @returns {string}
 */
export function join(ids, { level, symbols }) {
  const detokenizer = new Detokenizer(level, []);
  const pieces = ids.map((id) =>
    id === UNK ? `${detokenizer.finish()}\ufffd` : detokenizer.push(symbols[id]),
  );
  return pieces.join("") + detokenizer.finish();
}
