/**
 * The symbols that may come next under options of sampling, such as a temperature.
 *
 * A slider changes the options and not the text, so the last text is not read again.
 */

import { Draft } from "./draft.js";
import { readOptions } from "./options.js";
import { UNK } from "./vocabulary.js";

/**
 * A symbol that may come next.
 * @typedef {object} Candidate
 * @property {number} id
 * @property {string} symbol
 * @property {number} probability of the model itself: temperature 1, nothing changed
 * @property {number} sampled the probability with which it is sampled
 */

/**
 * @typedef {object} Candidates
 * @property {Candidate[]} list the most probable to be sampled first, at most `count`
 * @property {number} perplexity 2 to the entropy of what is sampled, in bits: the number of equally
 *   probable symbols that would leave the choice as open
 */

export class CandidateReader {
  /** @type {{key: string, reading: import("./generator.js").Reading} | null} */
  #last = null;

  /** @param {import("./generator.js").TextGenerator} generator */
  constructor(generator) {
    this.generator = generator;
  }

  /**
   * Return the candidates after a text; <unk>, which is never sampled, is left out.
   *
   * Ties go to the symbol that is more probable for the model, then to the lower id.
   * @param {import("./generator.js").Prompt} text
   * @param {import("./options.js").GivenOptions} [given]
   * @param {number} [count]
   * @returns {Candidates}
   */
  candidates(text, given = {}, count = 10) {
    const { generator } = this;
    const options = readOptions(given);
    const start = generator.beginAfter(this.#read(text, options.label), options);
    const { model, sampled } = new Draft(start, 0n).candidates();
    const { symbols } = start.vocabulary;
    const list = Array.from(symbols.keys())
      .filter((id) => id !== UNK)
      .sort((a, b) => sampled[b] - sampled[a] || model[b] - model[a] || a - b)
      .slice(0, count)
      .map((id) => ({
        id,
        symbol: symbols[id],
        probability: model[id],
        sampled: sampled[id],
      }));
    const nats = sampled.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0);
    return { list, perplexity: Math.exp(nats) };
  }

  /**
   * @param {import("./generator.js").Prompt} text
   * @param {import("./labels.js").Label} label
   * @returns {import("./generator.js").Reading}
   */
  #read(text, label) {
    const weights = label instanceof Map ? [...label] : label;
    const key = JSON.stringify([text, weights]);
    if (this.#last?.key !== key) this.#last = { key, reading: this.generator.read(text, label) };
    return this.#last.reading;
  }
}
