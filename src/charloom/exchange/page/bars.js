/** The most probable next symbols as buttons with bars; a pressed one is picked. */

import { byId, make, visible } from "./dom.js";

/** @typedef {import("../javascript/candidates.js").Candidates} Candidates */

export class Bars {
  /** @param {(id: number) => void} onPick */
  constructor(onPick) {
    this.list = byId("next", HTMLElement);
    this.summary = byId("perplexity", HTMLElement);
    this.onPick = onPick;
  }

  /**
   * @param {Candidates} candidates
   * @param {string} place where the symbol would be
   */
  show({ list, perplexity }, place) {
    const buttons = list.map((candidate) => this.#button(candidate));
    // The focus stays at its place in the list.
    const focused = [...this.list.children].findIndex((item) =>
      item.contains(document.activeElement),
    );
    this.list.replaceChildren(...buttons.map((button) => make("li", {}, button)));
    buttons[focused]?.focus();
    const choices = `as open as ${perplexity.toFixed(1)} equally probable symbols`;
    this.summary.textContent = `${place}: ${choices}.`;
  }

  /**
   * @param {import("../javascript/candidates.js").Candidate} candidate
   * @returns {HTMLButtonElement}
   */
  #button({ id, symbol, probability, sampled }) {
    const bar = make("span", { class: "bar", "aria-hidden": "true" });
    bar.style.setProperty("--sampled", `${(100 * sampled).toFixed(2)}%`);
    bar.style.setProperty("--model", `${(100 * probability).toFixed(2)}%`);
    const button = make(
      "button",
      { type: "button", title: `${percent(probability)} at temperature 1` },
      make("span", { class: "sign" }, visible(symbol)),
      bar,
      make("span", { class: "number" }, percent(sampled)),
    );
    if (sampled === 0) button.classList.add("cut");
    button.addEventListener("click", () => this.onPick(id));
    return button;
  }
}

/**
 * @param {number} probability
 * @returns {string}
 */
function percent(probability) {
  return `${(100 * probability).toFixed(probability < 0.0995 ? 1 : 0)} %`;
}
