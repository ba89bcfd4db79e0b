/**
 * From prompts to texts: the JavaScript counterpart of generation/generator.py.
 *
 * The same text as `charloom generate`, bit for bit, for the same seed and options.
 */

import { SymbolAutomaton } from "./automaton.js";
import { readAutomaton } from "./byte_automaton.js";
import { join } from "./detokenizer.js";
import { Draft } from "./draft.js";
import { CharloomError, quote } from "./errors.js";
import { readForbidden } from "./forbidden.js";
import { startState } from "./labels.js";
import { Network } from "./network.js";
import { readOptions } from "./options.js";
import { LogitsProcessor } from "./processor.js";
import { cleanPrompt } from "./prompt.js";
import { seedOf } from "./seeds.js";
import { EOS, UNK, split } from "./vocabulary.js";

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./options.js").GivenOptions} GivenOptions */
/** @typedef {import("./draft.js").Start} Start */

/**
 * A prompt: a text, or the ids of its symbols, which leave nothing to split.
 * @typedef {string | {ids: readonly number[]}} Prompt
 */

/**
 * A prompt as the network reads it.
 * @typedef {object} ReadPrompt
 * @property {string} text
 * @property {number[]} ids
 * @property {string[]} symbols
 * @property {boolean} exact whether charloom reads the same symbols (vocabulary.js, prompt.js)
 */

/**
 * A prompt that the network has read.
 * @typedef {object} Reading
 * @property {ReadPrompt} prompt
 * @property {import("./network.js").State} state after the prompt
 * @property {Float32Array} logits of the symbol after it
 */

/**
 * A generated text.
 * @typedef {object} GeneratedText
 * @property {string} text the prompt and the text added to it
 * @property {string} prompt
 * @property {bigint} seed
 * @property {number} bits of the generated symbols under the model itself
 * @property {number[]} ids of the generated symbols
 * @property {"eos" | "length" | "stop"} stopped
 * @property {boolean} exact whether charloom reads the prompt as the same symbols
 */

export class TextGenerator {
  /**
   * @param {Model} model
   * @param {import("./network.js").KernelChoice} [kernel]
   */
  constructor(model, kernel = "auto") {
    this.model = model;
    this.network = new Network(model, kernel);
  }

  /**
   * Return the text of a prompt; text `k` of several has the seed `seed + k`.
   * @param {Prompt} [prompt]
   * @param {GivenOptions} [options]
   * @param {number} [k]
   * @returns {GeneratedText}
   */
  generate(prompt = "", options = {}, k = 0) {
    return finish(this.stream(prompt, options, k));
  }

  /**
   * Yield each symbol of the text that `generate` returns.
   * @param {Prompt} [prompt]
   * @param {GivenOptions} [options]
   * @param {number} [k]
   * @returns {Generator<import("./draft.js").Step, GeneratedText>}
   */
  stream(prompt = "", options = {}, k = 0) {
    return this.write(this.begin(prompt, options), k);
  }

  /**
   * Yield each symbol of text `k` of a prompt that the network has read.
   * @param {Start} start
   * @param {number} [k]
   * @returns {Generator<import("./draft.js").Step, GeneratedText>}
   */
  *write(start, k = 0) {
    const { prompt } = start;
    const draft = new Draft(start, seedOf(start.options.seed, k));
    let text = prompt.text;
    for (let step = draft.step(); step !== null; step = draft.step()) {
      text += step.piece;
      yield step;
    }
    const { seed, bits, ids } = draft;
    const stopped = draft.stopped ?? "length";
    return { text, prompt: prompt.text, seed, bits, ids, stopped, exact: prompt.exact };
  }

  /**
   * Let the network read a prompt, once for all texts that begin with it.
   * @param {Prompt} prompt
   * @param {GivenOptions} [given]
   * @returns {Start}
   */
  begin(prompt, given = {}) {
    const options = readOptions(given);
    return this.beginAfter(this.read(prompt, options.label), options);
  }

  /**
   * Let the network read a prompt.
   * @param {Prompt} prompt
   * @param {import("./labels.js").Label} label
   * @returns {Reading}
   */
  read(prompt, label) {
    const read = this.readPrompt(prompt);
    const { model, network } = this;
    const state = startState(network, model.labels, label);
    const logits = new Float32Array(model.vocabulary.symbols.length);
    for (const id of [EOS, ...read.ids]) network.read(id, state);
    network.predict(state, logits);
    return { prompt: read, state, logits };
  }

  /**
   * Return the start of the texts that continue a prompt under options, its label aside.
   * @param {Reading} reading is not changed
   * @param {import("./options.js").Options} options
   * @returns {Start}
   */
  beginAfter(reading, options) {
    const { model, network } = this;
    const { prompt } = reading;
    const processor = new LogitsProcessor(model, options, null);
    const { vocabulary } = model;
    const match = options.match === null ? null : readAutomaton(options.match);
    const forbidden =
      options.forbid === null ? null : readForbidden(options.forbid, vocabulary.symbols.length);
    if (match !== null || forbidden !== null) {
      const constraints = { match, forbidden };
      const { bias } = processor;
      processor.automaton = new SymbolAutomaton(constraints, vocabulary, prompt, bias, processor);
    }
    const processorState = processor.start(prompt.ids);
    return { network, vocabulary, options, processor, ...reading, processorState };
  }

  /**
   * Return a prompt as the network reads it.
   * @param {Prompt} prompt
   * @returns {ReadPrompt}
   */
  readPrompt(prompt) {
    if (typeof prompt === "string") {
      const cleaned = cleanPrompt(prompt, this.model);
      const { ids, symbols, exact } = split(cleaned.text, this.model.vocabulary);
      return { text: cleaned.text, ids, symbols, exact: exact && cleaned.exact };
    }
    const { symbols } = this.model.vocabulary;
    const ids = prompt?.ids;
    if (!Array.isArray(ids)) {
      throw new CharloomError(
        `the prompt is ${quote(prompt)}; it must be a text, or {ids: [...]}.`,
      );
    }
    for (const id of ids) {
      if (!Number.isInteger(id) || id < UNK || id >= symbols.length) {
        throw new CharloomError(
          `the prompt has the id ${quote(id)}; this model has ids from ${UNK} to ` +
            `${symbols.length - 1}.`,
        );
      }
    }
    const spelled = ids.map((id) => symbols[id]);
    return { text: join(ids, this.model.vocabulary), ids, symbols: spelled, exact: true };
  }
}

/**
 * Run a text to its end.
 * @param {Generator<unknown, GeneratedText>} steps
 * @returns {GeneratedText}
 */
export function finish(steps) {
  for (;;) {
    const result = steps.next();
    if (result.done) return result.value;
  }
}
