/** Colors of the text: by the bits of each symbol, or by one unit of the network. */

import { GATE_NAMES } from "../javascript/network.js";
import { byId, make } from "./dom.js";
import { bitsColoring, unitColoring } from "./text_view.js";
import { allIds } from "./writer.js";

/** @typedef {import("../javascript/engine.js").Engine} Engine */
/** @typedef {import("../javascript/inspection.js").TextStates} TextStates */
/** @typedef {import("./writer.js").Text} Text */

export class Inside {
  /** @type {Text | null} */
  #text = null;
  /** @type {TextStates | null} */
  #states = null;
  #request = 0;

  /**
   * @param {Engine} engine
   * @param {import("./text_view.js").TextView} view
   * @param {(action: () => Promise<void>) => void} run reports the errors of an action
   */
  constructor(engine, view, run) {
    this.engine = engine;
    this.view = view;
    this.color = byId("color", HTMLSelectElement);
    this.layer = byId("layer", HTMLInputElement);
    this.unit = byId("unit", HTMLInputElement);
    this.quantity = byId("quantity", HTMLSelectElement);
    this.summary = byId("mean", HTMLElement);
    const { cell, layers, hidden } = engine.model.network;
    const cells = cell === "lstm" ? ["cell state"] : [];
    const quantities = ["hidden state", ...cells, ...GATE_NAMES[cell]];
    this.quantity.append(...quantities.map((name) => make("option", {}, name)));
    this.layer.max = String(layers);
    this.unit.max = String(hidden);
    byId("layer-field", HTMLElement).hidden = layers === 1;
    for (const control of [this.color, this.layer, this.unit, this.quantity]) {
      control.addEventListener("input", () => run(() => this.#refresh()));
    }
  }

  /**
   * Color a text that is complete.
   * @param {Text} text
   * @returns {Promise<void>}
   */
  async show(text) {
    this.#text = text;
    this.#states = null;
    await this.#refresh();
  }

  /** @returns {Promise<void>} */
  async #refresh() {
    const request = ++this.#request;
    const kind = this.color.value;
    byId("unit-controls", HTMLElement).hidden = kind !== "unit";
    this.summary.textContent = "";
    const text = this.#text;
    if (text === null || kind === "none") {
      this.view.color(null);
      return;
    }
    const ids = allIds(text);
    const label = text.options.label ?? null;
    if (kind === "bits") {
      const { bits, characters } = await this.engine.surprisals({ ids }, label);
      if (request !== this.#request) return;
      const hasEnd = text.stopped === "eos";
      const counted = hasEnd ? bits : bits.slice(0, -1);
      const total = counted.reduce((sum, value) => sum + value, 0);
      const mean = total / Math.max(hasEnd ? characters : characters - 1, 1);
      this.view.color(bitsColoring(counted));
      this.summary.textContent = `${mean.toFixed(3)} bits per character`;
      return;
    }
    this.#states ??= await this.engine.states({ ids }, label);
    if (request === this.#request) this.#colorByUnit(this.#states);
  }

  /** @param {TextStates} states */
  #colorByUnit({ shape: [steps, layers, units], hidden, cell, gates }) {
    const layer = clamp(this.layer, layers);
    const unit = clamp(this.unit, units);
    const name = this.quantity.value;
    const known = { "hidden state": hidden, "cell state": cell, ...gates };
    const values = known[/** @type {keyof typeof known} */ (name)];
    // The state after the boundary comes first; each symbol has the one after it.
    const series = Array.from({ length: steps - 1 }, (_, t) =>
      values[((t + 1) * layers + layer) * units + unit],
    );
    this.view.color(unitColoring(series, `${name} of unit ${unit + 1}`));
    this.summary.textContent = "Orange is below 0, blue above; the strongest shade is the largest.";
  }
}

/**
 * Return the index that a field holds, counted from 0, within its range.
 * @param {HTMLInputElement} field
 * @param {number} count
 * @returns {number}
 */
function clamp(field, count) {
  return Math.min(Math.max(Math.round(Number(field.value) || 1), 1), count) - 1;
}
