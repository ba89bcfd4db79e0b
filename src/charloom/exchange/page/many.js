/** Several texts of one prompt, each with the seed that writes it. */

import { byId, escapeControls, make } from "./dom.js";

/** @typedef {import("../javascript/engine.js").Engine} Engine */
/** @typedef {import("./controls.js").Values} Values */

export class ManyTexts {
  /** @type {AbortController | null} */
  #running = null;

  /**
   * @param {Engine} engine
   * @param {(seed: bigint) => void} onOpen is called with the seed of a text that is chosen
   */
  constructor(engine, onOpen) {
    this.engine = engine;
    this.onOpen = onOpen;
    this.list = byId("texts", HTMLElement);
    this.count = byId("count", HTMLInputElement);
  }

  /**
   * Write as many texts as the field says, one after the other.
   * @param {Values} values
   * @returns {Promise<void>}
   */
  async write({ prompt, options }) {
    this.stop();
    this.list.replaceChildren();
    const controller = new AbortController();
    this.#running = controller;
    const count = Math.min(Math.max(Math.round(Number(this.count.value) || 1), 1), 1000);
    this.count.value = String(count);
    try {
      for (let k = 0; k < count; k++) {
        const { signal } = controller;
        const { text, seed, bits } = await this.engine.generate(prompt, options, { k, signal });
        this.list.append(this.#item(text, seed, bits));
      }
    } catch (error) {
      if (!controller.signal.aborted) throw error;
    }
  }

  stop() {
    this.#running?.abort();
  }

  /**
   * @param {string} text
   * @param {bigint} seed
   * @param {number} bits
   * @returns {HTMLLIElement}
   */
  #item(text, seed, bits) {
    const button = make("button", { type: "button", class: "small" }, `seed ${seed}`);
    button.addEventListener("click", () => this.onOpen(seed));
    const figure = make("span", { class: "quiet" }, `${bits.toFixed(1)} bits`);
    const body = make("p", { class: "text", dir: "auto" }, escapeControls(text));
    return make("li", {}, make("div", { class: "row" }, button, figure), body);
  }
}
