/**
 * The symbols of a model: from a text to ids, and back.
 *
 * At levels char and byte a text is split as charloom splits it. At other levels charloom uses
 * Unicode's rules for words or an expression in Python; here the longest symbol of the vocabulary
 * that begins the rest of the text is read, and `Split.exact` is false.
 */

import { CharloomError, quote } from "./errors.js";

/** The id of the boundary before and after every text. */
export const EOS = 0;
/** The id of every symbol that the vocabulary lacks. */
export const UNK = 1;

/** @typedef {"char" | "byte" | "grapheme" | "word" | "closed-word"} Level */

/**
 * @typedef {object} Vocabulary
 * @property {Level} level
 * @property {boolean} hasCodes whether every symbol is a code point or a byte
 * @property {readonly string[]} symbols in the order of their ids
 * @property {ReadonlyMap<string, number>} ids of all symbols but the boundary and <unk>
 * @property {number} longest the length of the longest symbol, in UTF-16 units
 */

/**
 * @typedef {object} Split
 * @property {number[]} ids
 * @property {string[]} symbols as they are spelled, unknown ones too
 * @property {boolean} exact whether charloom splits the text in the same way
 */

const LEVELS = ["char", "byte", "grapheme", "word", "closed-word"];

/** The symbols of level byte, by the byte. */
export const BYTES = Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x20 && byte <= 0x7e
    ? String.fromCharCode(byte)
    : `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
);
const BYTE_OF = new Map(BYTES.map((symbol, byte) => [symbol, byte]));

/**
 * Return the byte of a symbol of level byte.
 * @param {string} symbol
 * @returns {number}
 */
export const byteOf = (symbol) => /** @type {number} */ (BYTE_OF.get(symbol));

/**
 * Return the vocabulary of a JSON object.
 * @param {Record<string, unknown>} record
 * @returns {Vocabulary}
 */
export function readVocabulary(record) {
  const level = /** @type {Level} */ (record.level);
  if (!LEVELS.includes(level)) {
    throw new CharloomError(
      `vocabulary.level is ${quote(level)}; it must be one of ${LEVELS.join(", ")}.`,
    );
  }
  const hasPattern = record.has_token_pattern;
  if (typeof hasPattern !== "boolean") {
    throw new CharloomError("vocabulary.has_token_pattern must be true or false.");
  }
  const hasCodes = (level === "char" || level === "byte") && !hasPattern;
  const { symbols } = record;
  if (!Array.isArray(symbols) || symbols[EOS] !== "<eos>" || symbols[UNK] !== "<unk>") {
    throw new CharloomError("vocabulary.symbols must be a list that begins with <eos> and <unk>.");
  }
  /** @type {Map<string, number>} */
  const ids = new Map();
  let longest = 1;
  for (let id = UNK + 1; id < symbols.length; id++) {
    const symbol = symbols[id];
    if (typeof symbol !== "string" || !isSymbol(symbol, level, hasCodes)) {
      throw new CharloomError(`vocabulary.symbols has ${quote(symbol)}, no symbol of ${level}.`);
    }
    ids.set(symbol, id);
    longest = Math.max(longest, symbol.length);
  }
  if (ids.size !== symbols.length - 2) {
    throw new CharloomError("vocabulary.symbols has a symbol twice.");
  }
  return { level, hasCodes, symbols, ids, longest };
}

/**
 * @param {string} symbol
 * @param {Level} level
 * @param {boolean} hasCodes
 * @returns {boolean}
 */
function isSymbol(symbol, level, hasCodes) {
  if (level === "byte") return BYTE_OF.has(symbol);
  return hasCodes ? Array.from(symbol).length === 1 : symbol !== "";
}

/**
 * Split a text without lone surrogates into the symbols of a vocabulary.
 * @param {string} text
 * @param {Vocabulary} vocabulary
 * @returns {Split}
 */
export function split(text, vocabulary) {
  /** @type {string[]} */
  const symbols = [];
  if (vocabulary.level === "byte") {
    for (const byte of new TextEncoder().encode(text)) symbols.push(BYTES[byte]);
  } else if (vocabulary.hasCodes) {
    for (const character of text) symbols.push(character);
  } else {
    for (let at = 0; at < text.length; ) {
      const symbol = longestMatch(text, at, vocabulary);
      symbols.push(symbol);
      at += symbol.length;
    }
  }
  const ids = symbols.map((symbol) => vocabulary.ids.get(symbol) ?? UNK);
  const exact = vocabulary.hasCodes || text === "";
  return { ids, symbols, exact };
}

/**
 * Return the longest symbol that begins at a place of a text, else the code point there.
 * @param {string} text
 * @param {number} at
 * @param {Vocabulary} vocabulary
 * @returns {string}
 */
function longestMatch(text, at, vocabulary) {
  for (let length = Math.min(vocabulary.longest, text.length - at); length > 0; length--) {
    const candidate = text.substr(at, length);
    if (vocabulary.ids.has(candidate)) return candidate;
  }
  return String.fromCodePoint(/** @type {number} */ (text.codePointAt(at)));
}
