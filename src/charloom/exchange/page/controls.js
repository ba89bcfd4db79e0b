/**
 * The controls of sampling: number fields with a slider each, the prompt, the label.
 *
 * A field is the truth, its slider a way to set it: a slider cannot show every number. An empty
 * field is an option that is not given.
 */

import { CharloomError } from "../javascript/errors.js";
import { readSeed } from "../javascript/seeds.js";
import { byId, make, visible } from "./dom.js";

/** @typedef {import("../javascript/options.js").GivenOptions} GivenOptions */

/**
 * Values of the controls.
 * @typedef {object} Values
 * @property {string} prompt
 * @property {GivenOptions} options
 */

/** Numbers by the id of their field, which is their key in a link, and their option. */
export const NUMBERS = /** @type {const} */ ({
  temperature: "temperature",
  length: "length",
  top_k: "topK",
  top_p: "topP",
  min_p: "minP",
  repetition_penalty: "repetitionPenalty",
});
/** Fields that have no effect at temperature 0. */
const TRUNCATION = /** @type {const} */ (["top_k", "top_p", "min_p"]);

export class Controls {
  /**
   * @param {readonly string[]} labels of the model
   * @param {() => void} onOptions is called when an option but the prompt changes
   */
  constructor(labels, onOptions) {
    this.prompt = byId("prompt", HTMLTextAreaElement);
    this.seed = byId("seed", HTMLInputElement);
    this.label = byId("label", HTMLSelectElement);
    this.label.append(...labels.map((label) => make("option", { value: label }, visible(label))));
    byId("label-field", HTMLElement).hidden = labels.length === 0;
    for (const id of Object.keys(NUMBERS)) this.#connect(id, onOptions);
    this.seed.addEventListener("input", onOptions);
    this.label.addEventListener("change", onOptions);
    byId("new-seed", HTMLButtonElement).addEventListener("click", () => {
      this.seed.value = String(Math.floor(Math.random() * 1e6));
      onOptions();
    });
    this.#showTruncation();
  }

  /**
   * Return the values; raises CharloomError for a field that holds no number.
   * @returns {Values}
   */
  read() {
    /** @type {GivenOptions} */
    const options = { seed: readSeed(this.seed.value.trim() || 0) };
    for (const [id, name] of Object.entries(NUMBERS)) {
      const field = byId(id, HTMLInputElement);
      if (field.validity.badInput) {
        throw new CharloomError(`${id.replace("_", "-")} must be a number.`);
      }
      if (field.value !== "" && !field.disabled) options[name] = Number(field.value);
    }
    if (this.label.value) options.label = this.label.value;
    return { prompt: this.prompt.value, options };
  }

  /**
   * Set controls by the keys of a link; others get their defaults.
   * @param {ReadonlyMap<string, string>} given
   */
  write(given) {
    this.prompt.value = given.get("prompt") ?? "";
    this.seed.value = given.get("seed") ?? this.seed.defaultValue;
    this.label.value = given.get("label") ?? "";
    if (this.label.selectedIndex < 0) {
      this.label.value = "";
      throw new CharloomError("the label of this link is not known to this model.");
    }
    for (const id of Object.keys(NUMBERS)) {
      const field = byId(id, HTMLInputElement);
      const value = given.get(id);
      field.value = value ?? field.defaultValue;
      this.#showSlider(field);
      if (value !== undefined && field.value === "") {
        field.value = field.defaultValue;
        throw new CharloomError(`the ${id.replace("_", "-")} of this link is no number.`);
      }
    }
    this.#showTruncation();
  }

  /**
   * @param {string} id
   * @param {() => void} onOptions
   */
  #connect(id, onOptions) {
    const field = byId(id, HTMLInputElement);
    const slider = document.getElementById(`${id}-slider`);
    field.addEventListener("input", () => {
      this.#showSlider(field);
      this.#showTruncation();
      onOptions();
    });
    if (!(slider instanceof HTMLInputElement)) return;
    slider.addEventListener("input", () => {
      // At its neutral end a slider leaves the option out.
      field.value = slider.value === slider.dataset.off ? "" : slider.value;
      this.#showTruncation();
      onOptions();
    });
  }

  /** @param {HTMLInputElement} field */
  #showSlider(field) {
    const slider = document.getElementById(`${field.id}-slider`);
    if (slider instanceof HTMLInputElement) {
      slider.value = field.value || (slider.dataset.off ?? "");
    }
  }

  #showTruncation() {
    const isGreedy = Number(byId("temperature", HTMLInputElement).value || NaN) === 0;
    for (const id of TRUNCATION) {
      byId(id, HTMLInputElement).disabled = isGreedy;
      byId(`${id}-slider`, HTMLInputElement).disabled = isGreedy;
    }
  }
}
