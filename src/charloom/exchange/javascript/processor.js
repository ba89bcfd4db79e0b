/**
 * Changes to logits before sampling: repetition penalty, bias, masks, in this order
 * (generation/logits_processor.py).
 */

import { fround } from "./arithmetic.js";
import { CharloomError, quote } from "./errors.js";
import { EOS, UNK } from "./vocabulary.js";

/** @typedef {import("./options.js").Options} Options */
/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./automaton.js").SymbolAutomaton} SymbolAutomaton */

/** Recent symbols in which the repetition penalty looks for passages. */
const WINDOW = 256;
const WORD_SPAN = 1;
const SPAN = 8;
/** Bias and penalty are clamped to this, so that logits stay finite. */
const MAX_MAGNITUDE = 1e30;

/**
 * The state of a text for the processor.
 * @typedef {{automaton: number, recent: number[]}} ProcessorState
 */

export class LogitsProcessor {
  /**
   * @param {Model} model
   * @param {Options} options
   * @param {SymbolAutomaton | null} automaton allows only symbols with which a match can continue
   */
  constructor(model, options, automaton) {
    const { vocabulary } = model;
    const hasWords = vocabulary.level === "word" || vocabulary.level === "closed-word";
    const penalty = options.repetitionPenalty ?? 1;
    this.penalizes = options.repetitionPenalty !== null;
    this.penalty = fround(Math.min(Math.max(penalty, 1 / MAX_MAGNITUDE), MAX_MAGNITUDE));
    this.span = options.repetitionSpan ?? (hasWords ? WORD_SPAN : SPAN);
    this.bias = buildBias(vocabulary, options.bias);
    this.automaton = automaton;
    this.minLength = minLength(model, options);
    this.maxLength = options.length;
    if (this.minLength && this.bias.every((value, id) => id === EOS || value === -Infinity)) {
      throw new CharloomError(
        `every symbol but <eos> is forbidden by a bias, and minLength ${this.minLength} needs ` +
          "others; allow at least one.",
      );
    }
  }

  /**
   * Return the state after a prompt, of which `ids` are the symbols.
   * @param {readonly number[]} ids
   * @returns {ProcessorState}
   */
  start(ids) {
    return { automaton: 0, recent: this.penalizes ? ids.slice(-WINDOW) : [] };
  }

  /**
   * Write the logits to sample from; those of forbidden symbols are minus infinity.
   * @param {Float32Array} logits
   * @param {Float32Array} processed
   * @param {number} position symbols after the prompt so far
   * @param {ProcessorState} state
   */
  process(logits, processed, position, state) {
    const { bias } = this;
    processed.set(logits);
    if (this.penalizes) this.#penalize(logits, processed, state.recent);
    for (let j = 0; j < bias.length; j++) processed[j] = processed[j] + bias[j];
    if (this.automaton !== null) {
      const missing = this.minLength - position;
      this.automaton.mask(processed, state.automaton, missing, this.maxLength - position - 1);
    } else if (position < this.minLength) {
      processed[EOS] = -Infinity;
    }
  }

  /**
   * Change the state to the one after a symbol.
   * @param {number} id
   * @param {ProcessorState} state
   */
  advance(id, state) {
    if (this.automaton !== null) state.automaton = this.automaton.next(state.automaton, id);
    if (this.penalizes) {
      state.recent.push(id);
      if (state.recent.length > WINDOW) state.recent.shift();
    }
  }

  /**
   * Penalize the symbols that would repeat a passage of `span` recent symbols.
   * @param {Float32Array} logits
   * @param {Float32Array} processed
   * @param {number[]} recent
   */
  #penalize(logits, processed, recent) {
    const { span, penalty } = this;
    const newest = recent.length - span + 1;
    for (let first = 0; first + span <= recent.length; first++) {
      let same = true;
      for (let k = 0; k < span - 1 && same; k++) same = recent[first + k] === recent[newest + k];
      if (!same) continue;
      const id = recent[first + span - 1];
      processed[id] = logits[id] > 0 ? logits[id] / penalty : logits[id] * penalty;
    }
  }
}

/**
 * @param {Model} model
 * @param {Options} options
 * @returns {number} symbols before which the boundary is not allowed
 */
function minLength(model, options) {
  const endless = model.endless && options.match === null && !options.bias.has("<eos>");
  // A text that cannot end has the largest length: forbidden strings must leave a way to it.
  const neverEnds = options.forbid !== null && options.bias.get("<eos>") === -Infinity;
  return endless || neverEnds ? options.length : options.minLength;
}

/**
 * Return the bias of each logit, (V), with <unk> forbidden.
 * @param {import("./vocabulary.js").Vocabulary} vocabulary
 * @param {ReadonlyMap<string, number>} bias
 * @returns {Float32Array}
 */
function buildBias(vocabulary, bias) {
  const result = new Float32Array(vocabulary.symbols.length);
  result[UNK] = -Infinity;
  for (const [symbol, value] of bias) {
    const id = vocabulary.ids.get(symbol) ?? (symbol === "<eos>" ? EOS : UNK);
    if (id === UNK) {
      throw new CharloomError(`bias names ${quote(symbol)}, which is no symbol of this model.`);
    }
    result[id] =
      value === -Infinity ? value : Math.min(Math.max(value, -MAX_MAGNITUDE), MAX_MAGNITUDE);
  }
  if (result.every((value) => value === -Infinity)) {
    throw new CharloomError("every symbol is forbidden by a bias; allow at least one.");
  }
  return result;
}
