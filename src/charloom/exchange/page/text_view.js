/**
 * The text on the page, a span for each symbol, colored by bits or by a unit of the network.
 *
 * Colors are classes, since a strict policy allows no style attributes. The arrow keys move through
 * the symbols, and one line describes the chosen one, so no color is needed to read a value.
 */

import { byId, make, visible } from "./dom.js";

/** @typedef {import("./writer.js").Text} Text */
/** @typedef {import("./writer.js").Piece} Piece */

/**
 * A number for each symbol.
 * @typedef {object} Coloring
 * @property {(index: number) => number | undefined} value
 * @property {(value: number) => string} shade a class, or "" for none
 * @property {(value: number) => string} describe
 */

const SHADES = 9;

/**
 * Return the coloring by bits: one shade a bit, as in the report.
 * @param {readonly number[]} bits
 * @returns {Coloring}
 */
export function bitsColoring(bits) {
  return {
    value: (index) => bits[index],
    shade: (value) => shadeName("h", value),
    describe: (value) => `${value.toFixed(2)} bits`,
  };
}

/**
 * Return the coloring by the values of a unit: one color below 0, another above.
 * @param {readonly number[]} values
 * @param {string} name
 * @returns {Coloring}
 */
export function unitColoring(values, name) {
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  return {
    value: (index) => values[index],
    shade: (value) => shadeName(value < 0 ? "n" : "p", (Math.abs(value) / largest) * SHADES),
    describe: (value) => `${name} ${value.toFixed(3)}`,
  };
}

/**
 * @param {string} kind
 * @param {number} amount
 * @returns {string}
 */
function shadeName(kind, amount) {
  const shade = Math.min(Math.floor(amount), SHADES);
  return shade > 0 ? `${kind}${shade}` : "";
}

export class TextView {
  /** @type {Text | null} */
  #text = null;
  /** @type {HTMLElement[]} */
  #spans = [];
  /** @type {Coloring | null} */
  #coloring = null;
  #chosen = -1;

  /** @param {() => void} onChoose is called when another symbol is chosen, or none */
  constructor(onChoose) {
    this.onChoose = onChoose;
    this.output = byId("text", HTMLOutputElement);
    this.description = byId("symbol", HTMLElement);
    this.output.addEventListener("click", ({ target }) => {
      const index = target instanceof HTMLElement ? this.#spans.indexOf(target) : -1;
      // A second press chooses none.
      this.#choose(index === this.#chosen ? -1 : index);
    });
    this.output.addEventListener("keydown", (event) => this.#onKey(event));
  }

  /**
   * Show a text, or the symbols that were added to it.
   * @param {Text} text
   * @param {readonly Piece[] | null} added null shows the whole text anew
   */
  show(text, added) {
    if (added === null) {
      this.#text = text;
      this.#coloring = null;
      this.#spans = [];
      this.#choose(-1);
      this.output.replaceChildren();
      this.#append(text.given, "given");
      this.#append(text.steps, "");
    } else {
      this.#append(added, "");
    }
    this.output.classList.toggle("ended", text.stopped === "eos");
  }

  /** The index of the chosen symbol; null if none is. */
  get chosen() {
    return this.#chosen < 0 ? null : this.#chosen;
  }

  /** @param {Coloring | null} coloring */
  color(coloring) {
    this.#coloring = coloring;
    this.#spans.forEach((span, index) => this.#shade(span, index));
    this.#spans[this.#chosen]?.classList.add("chosen");
    this.description.textContent = this.#describe(this.#chosen);
  }

  /**
   * @param {readonly Piece[]} pieces
   * @param {string} kind
   */
  #append(pieces, kind) {
    const spans = pieces.map(({ piece }) => make("span", {}, piece));
    for (const span of spans) if (kind) span.classList.add(kind);
    this.#spans.push(...spans);
    this.output.append(...spans);
  }

  /**
   * @param {HTMLElement} span
   * @param {number} index
   */
  #shade(span, index) {
    const value = this.#coloring?.value(index);
    const shade = value === undefined ? "" : this.#coloring?.shade(value);
    span.className = [span.classList.contains("given") ? "given" : "", shade].join(" ").trim();
  }

  /** @param {number} index */
  #choose(index) {
    if (index === this.#chosen) return;
    this.#spans[this.#chosen]?.classList.remove("chosen");
    this.#chosen = index;
    this.#spans[index]?.classList.add("chosen");
    this.description.textContent = this.#describe(index);
    this.onChoose();
  }

  /**
   * @param {number} index
   * @returns {string}
   */
  #describe(index) {
    const text = this.#text;
    if (text === null || index < 0 || index >= this.#spans.length) return "";
    const { symbol } = text.given[index] ?? text.steps[index - text.given.length];
    const value = this.#coloring?.value(index);
    const figure = value === undefined ? "" : `: ${this.#coloring?.describe(value)}`;
    return `Symbol ${index + 1} of ${this.#spans.length}, ${visible(symbol)}${figure}`;
  }

  /** @param {KeyboardEvent} event */
  #onKey(event) {
    const last = this.#spans.length - 1;
    /** @type {Record<string, number>} */
    const places = {
      ArrowRight: Math.min(this.#chosen + 1, last),
      ArrowLeft: Math.max(this.#chosen - 1, 0),
      Home: 0,
      End: last,
    };
    if (!(event.key in places) || last < 0) return;
    event.preventDefault();
    this.#choose(places[event.key]);
    this.#spans[this.#chosen]?.scrollIntoView({ block: "nearest" });
  }
}
