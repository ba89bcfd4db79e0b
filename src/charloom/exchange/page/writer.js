/**
 * The text on the page: a prompt and the symbols written after it.
 *
 * A text is a function of its prompt, its options and the number of its symbols, so one more
 * symbol, or the whole text after one, is the same text again, longer. A symbol that a person picks
 * joins the prompt.
 */

import { Detokenizer } from "../javascript/detokenizer.js";
import { EOS } from "../javascript/vocabulary.js";

/** @typedef {import("../javascript/engine.js").Engine} Engine */
/** @typedef {import("../javascript/draft.js").Step} Step */
/** @typedef {import("../javascript/options.js").GivenOptions} GivenOptions */
/** @typedef {import("../javascript/generator.js").ReadPrompt} ReadPrompt */
/** @typedef {import("./controls.js").Values} Values */

/** A symbol of the text on the page.
 * @typedef {object} Piece
 * @property {string} piece the text that it adds; empty for a byte within a character
 * @property {string} symbol
 */

/**
 * @typedef {object} Text
 * @property {string} typed the prompt as it was typed
 * @property {ReadPrompt} prompt
 * @property {boolean} isSplit whether the text of the prompt is split into these symbols again
 * @property {GivenOptions} options
 * @property {Piece[]} given the symbols of the prompt
 * @property {Step[]} steps
 * @property {"eos" | "length" | "stop" | null} stopped null while the text can grow
 */

export class Writer {
  /** @type {Text | null} */
  text = null;
  /** @type {Text[]} */
  #earlier = [];
  /** @type {AbortController | null} */
  #running = null;

  /**
   * @param {Engine} engine
   * @param {(text: Text, steps: Step[] | null) => void} onChange gets new symbols, or null if the
   *   whole text has changed
   */
  constructor(engine, onChange) {
    this.engine = engine;
    this.onChange = onChange;
  }

  get isRunning() {
    return this.#running !== null;
  }

  get canUndo() {
    return this.#earlier.length > 0;
  }

  /**
   * Write a text to its end, or its first `count` symbols.
   * @param {Values} values
   * @param {number | null} [count]
   * @returns {Promise<void>}
   */
  async write(values, count = null) {
    const controller = this.#start();
    const text = await this.#begin(values);
    if (controller.signal.aborted) return;
    const length = count === null ? {} : { length: count };
    this.#show(text);
    try {
      const done = await this.engine.generate(
        text.isSplit ? text.typed : { ids: text.prompt.ids },
        { ...values.options, ...length },
        {
          signal: controller.signal,
          onSteps: (steps) => {
            if (this.#running !== controller) return;
            text.steps.push(...steps);
            this.onChange(text, steps);
          },
        },
      );
      const cut = count !== null && count < (values.options.length ?? 500);
      text.stopped = done.stopped === "length" && cut ? null : done.stopped;
    } catch (error) {
      if (!controller.signal.aborted) throw error;
    } finally {
      if (this.#running === controller) this.#running = null;
      this.onChange(text, []);
    }
  }

  /**
   * Write one symbol more.
   * @param {Values} values
   * @returns {Promise<void>}
   */
  async writeOne(values) {
    const grows = this.text !== null && isSame(this.text, values);
    if (grows && this.text?.stopped) return;
    await this.write(values, grows ? (this.text?.steps.length ?? 0) + 1 : 1);
  }

  /**
   * Put a symbol that a person has picked at a place; what is before it becomes the prompt.
   * @param {number} id
   * @param {number} place the number of symbols before it
   * @param {Values} values
   * @returns {Promise<string>} the new prompt
   */
  async pick(id, place, values) {
    this.stop();
    const before = this.text ?? (await this.#begin(values));
    const ids = allIds(before).slice(0, place);
    if (id !== EOS) ids.push(id);
    const prompt = await this.engine.readPrompt({ ids });
    const again = await this.engine.readPrompt(prompt.text);
    const isSplit = again.ids.join() === prompt.ids.join();
    const given = pieces(prompt, this.engine.model.level);
    const { options } = values;
    const typed = prompt.text;
    const stopped = id === EOS ? "eos" : null;
    this.#show({ typed, prompt, isSplit, options, given, steps: [], stopped });
    return typed;
  }

  /** End the text that is being written; what there is stays. */
  stop() {
    this.#running?.abort();
    this.#running = null;
  }

  /** Return to the text before the last action. */
  undo() {
    const earlier = this.#earlier.pop();
    if (earlier === undefined) return;
    this.stop();
    this.text = earlier;
    this.onChange(earlier, null);
  }

  /**
   * @param {Values} values
   * @returns {Promise<Text>}
   */
  async #begin({ prompt, options }) {
    const before = this.text;
    // A prompt that was picked symbol by symbol keeps its symbols.
    const isKept = before !== null && !before.isSplit && before.typed === prompt;
    const read = isKept ? before.prompt : await this.engine.readPrompt(prompt);
    const given = pieces(read, this.engine.model.level);
    const isSplit = !isKept;
    return { typed: prompt, prompt: read, isSplit, options, given, steps: [], stopped: null };
  }

  /** @returns {AbortController} */
  #start() {
    this.stop();
    this.#running = new AbortController();
    return this.#running;
  }

  /** @param {Text} text */
  #show(text) {
    if (this.text !== null) this.#earlier.push(this.text);
    this.text = text;
    this.onChange(text, null);
  }
}

/**
 * Return the ids of all symbols of a text, without the boundary that ends it.
 * @param {Text} text
 * @returns {number[]}
 */
export function allIds({ prompt, steps }) {
  return [...prompt.ids, ...steps.map((step) => step.id)].filter((id) => id !== EOS);
}

/**
 * Return the text that the symbols of a prompt add, one by one.
 * @param {ReadPrompt} prompt
 * @param {import("../javascript/vocabulary.js").Level} level
 * @returns {Piece[]}
 */
function pieces({ symbols }, level) {
  if (level !== "byte") return symbols.map((symbol) => ({ symbol, piece: symbol }));
  const detokenizer = new Detokenizer(level, []);
  return symbols.map((symbol) => ({ symbol, piece: detokenizer.push(symbol) }));
}

/**
 * Return whether the controls still have the values that a text was written with.
 * @param {Text} text
 * @param {Values} values
 * @returns {boolean}
 */
function isSame(text, { prompt, options }) {
  const keys = new Set([...Object.keys(text.options), ...Object.keys(options)]);
  /** @type {Record<string, unknown>} */
  const before = { ...text.options };
  /** @type {Record<string, unknown>} */
  const now = { ...options };
  return text.typed === prompt && [...keys].every((key) => before[key] === now[key]);
}
