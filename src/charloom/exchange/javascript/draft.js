/**
 * One text in progress: each step samples a symbol, whose number is that of (seed, position).
 *
 * A draft owns all its state, so drafts of one network can be written in turn, and a copy of a
 * draft is a place to return to.
 */

import { Detokenizer } from "./detokenizer.js";
import { CharloomError, quote } from "./errors.js";
import { uniform } from "./randomness.js";
import { softmax } from "./sampling.js";
import { EOS } from "./vocabulary.js";

/** @typedef {import("./network.js").State} State */
/** @typedef {import("./processor.js").ProcessorState} ProcessorState */

/**
 * The parts that all texts of a prompt share.
 * @typedef {object} Start
 * @property {import("./network.js").Network} network
 * @property {import("./vocabulary.js").Vocabulary} vocabulary
 * @property {import("./options.js").Options} options
 * @property {import("./processor.js").LogitsProcessor} processor
 * @property {import("./generator.js").ReadPrompt} prompt
 * @property {State} state after the prompt
 * @property {Float32Array} logits of the first symbol
 * @property {ProcessorState} processorState
 */

/**
 * A sampled symbol.
 * @typedef {object} Step
 * @property {number} id
 * @property {string} symbol
 * @property {number} bits its surprisal under the model itself: temperature 1, nothing changed
 * @property {string} piece the text that it releases; see detokenizer.js
 */

export class Draft {
  /**
   * @param {Start} start
   * @param {bigint} seed
   */
  constructor(start, seed) {
    this.start = start;
    this.seed = seed;
    /** @type {"eos" | "length" | "stop" | null} */
    this.stopped = null;
    /** @type {number[]} */
    this.ids = [];
    this.nats = 0;
    this.state = copyState(start.state);
    this.logits = start.logits.slice();
    this.processed = new Float32Array(start.logits.length);
    this.processorState = copyProcessorState(start.processorState);
    this.detokenizer = new Detokenizer(start.vocabulary.level, start.options.stop);
    /** The last symbol, if the network has not read it: the last one of a text is never read. */
    this.unread = -1;
    this.seedLow = Number(seed & 0xffffffffn);
    this.seedHigh = Number(seed >> 32n);
  }

  /** The bits of all symbols under the model itself. */
  get bits() {
    return this.nats / Math.LN2;
  }

  /**
   * Sample the next symbol; null once the text has ended.
   * @returns {Step | null}
   */
  step() {
    if (this.stopped !== null) return null;
    const { network, options } = this.start;
    this.#process();
    const position = this.ids.length;
    const number =
      options.temperature === 0 ? 0 : uniform(this.seedLow, this.seedHigh, position);
    return this.#add(network.sampler.sample(this.processed, options, number));
  }

  /**
   * Add a chosen symbol instead of a sampled one; null once the text has ended.
   * @param {number} id a symbol that the options allow
   * @returns {Step | null}
   */
  append(id) {
    if (this.stopped !== null) return null;
    this.#process();
    // An id outside of the vocabulary has no logit.
    if (!(this.processed[id] > -Infinity)) {
      const symbol = this.start.vocabulary.symbols[id] ?? id;
      throw new CharloomError(`the symbol ${quote(symbol)} may not follow under these options.`);
    }
    return this.#add(id);
  }

  /**
   * @param {number} id
   * @returns {Step}
   */
  #add(id) {
    const { options, vocabulary, processor, network } = this.start;
    const nats = network.sampler.surprisal(this.logits, id);
    this.nats += nats;
    this.ids.push(id);
    let piece = "";
    if (id === EOS) {
      this.stopped = "eos";
    } else {
      piece = this.detokenizer.push(vocabulary.symbols[id]);
      processor.advance(id, this.processorState);
      this.unread = id;
    }
    if (this.detokenizer.stopped) this.stopped = "stop";
    else if (this.stopped === null && this.ids.length === options.length) this.stopped = "length";
    if (this.stopped !== null) piece += this.detokenizer.finish();
    return { id, symbol: vocabulary.symbols[id], bits: nats / Math.LN2, piece };
  }

  /**
   * Return the probability of each symbol to come next, (V), and the one it is sampled with.
   * @returns {{model: Float64Array, sampled: Float64Array}}
   */
  candidates() {
    const { options } = this.start;
    const { sampler } = this.start.network;
    this.#process();
    const sampled = new Float64Array(this.processed.length);
    if (options.temperature === 0) {
      sampled[sampler.sample(this.processed, options, 0)] = 1;
    } else {
      const weights = sampler.weigh(this.processed, options);
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      weights.forEach((weight, id) => (sampled[id] = weight / total));
    }
    return { model: softmax(this.logits), sampled };
  }

  /**
   * Return a draft in the same state, which goes its own way.
   * @returns {Draft}
   */
  copy() {
    const copied = new Draft(this.start, this.seed);
    copied.stopped = this.stopped;
    for (const id of this.ids) {
      if (id !== EOS) copied.detokenizer.push(this.start.vocabulary.symbols[id]);
    }
    copied.ids = this.ids.slice();
    copied.nats = this.nats;
    copied.state = copyState(this.state);
    copied.logits = this.logits.slice();
    copied.processorState = copyProcessorState(this.processorState);
    copied.unread = this.unread;
    return copied;
  }

  /** Read the last symbol, so that the logits are those of the next one. */
  #predict() {
    if (this.unread < 0) return;
    const { network } = this.start;
    network.read(this.unread, this.state);
    network.predict(this.state, this.logits);
    this.unread = -1;
  }

  #process() {
    this.#predict();
    const { processor } = this.start;
    processor.process(this.logits, this.processed, this.ids.length, this.processorState);
  }
}

/**
 * @param {State} state
 * @returns {State}
 */
export function copyState({ hidden, cell }) {
  return { hidden: hidden.slice(), cell: cell.slice() };
}

/**
 * @param {ProcessorState} state
 * @returns {ProcessorState}
 */
function copyProcessorState({ automaton, recent }) {
  return { automaton, recent: recent.slice() };
}
