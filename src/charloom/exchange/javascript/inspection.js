/**
 * What a network computes while it reads a text: bits of symbols, predictions, states and gates.
 *
 * The logits, states and gates have the bits of charloom's engine. Bits and probabilities end with
 * a logarithm or an exponential of the browser, whose last bit may differ; `charloom score`
 * computes with fused operations and differs in the sixth digit.
 */

import { startState } from "./labels.js";
import { GATE_NAMES } from "./network.js";
import { softmax } from "./sampling.js";
import { EOS, UNK } from "./vocabulary.js";

/** @typedef {import("./generator.js").TextGenerator} TextGenerator */
/** @typedef {import("./generator.js").Prompt} Prompt */
/** @typedef {import("./labels.js").Label} Label */

/**
 * @typedef {object} Surprisals
 * @property {string[]} symbols of the text, and the boundary that ends it
 * @property {number[]} bits the surprisal of each symbol
 * @property {number} characters code points of the text, plus one for the boundary
 * @property {number} bitsPerCharacter
 */

/**
 * Return the bits of each symbol of a text, as Model.surprisals does.
 * @param {TextGenerator} generator
 * @param {Prompt} text
 * @param {Label} [label]
 * @returns {Surprisals}
 */
export function measureSurprisals(generator, text, label = null) {
  const { network, model } = generator;
  const read = generator.readPrompt(text);
  const state = startState(network, model.labels, label);
  const logits = new Float32Array(network.vocabularySize);
  const bits = [EOS, ...read.ids].map((id, t) => {
    network.read(id, state);
    network.predict(state, logits);
    return network.sampler.surprisal(logits, read.ids[t] ?? EOS) / Math.LN2;
  });
  const characters = Array.from(read.text).length + 1;
  const total = bits.reduce((sum, value) => sum + value, 0);
  const symbols = [...read.symbols, model.vocabulary.symbols[EOS]];
  return { symbols, bits, characters, bitsPerCharacter: total / characters };
}

/**
 * Return the symbols that may follow a text with their probabilities, the most probable first.
 *
 * Ties go to the lower id. <unk> is left out, as in Model.next.
 * @param {TextGenerator} generator
 * @param {Prompt} text
 * @param {Label} [label]
 * @returns {[string, number][]}
 */
export function nextSymbols(generator, text, label = null) {
  const probabilities = softmax(readLogits(generator, text, label));
  const { symbols } = generator.model.vocabulary;
  return Array.from(probabilities.keys())
    .filter((id) => id !== UNK)
    .sort((a, b) => probabilities[b] - probabilities[a] || a - b)
    .map((id) => [symbols[id], probabilities[id]]);
}

/**
 * Return the logits of the symbol that follows a text, (V).
 * @param {TextGenerator} generator
 * @param {Prompt} text
 * @param {Label} [label]
 * @returns {Float32Array}
 */
export function readLogits(generator, text, label = null) {
  const { network, model } = generator;
  const state = startState(network, model.labels, label);
  for (const id of [EOS, ...generator.readPrompt(text).ids]) network.read(id, state);
  const logits = new Float32Array(network.vocabularySize);
  network.predict(state, logits);
  return logits;
}

/**
 * States and gates after the boundary and after each symbol: arrays with axes (T, L, H).
 * @typedef {object} TextStates
 * @property {string[]} symbols the symbol read at each position, the boundary first
 * @property {[number, number, number]} shape T, L, H
 * @property {Float32Array} hidden
 * @property {Float32Array} cell empty except for lstm
 * @property {Record<string, Float32Array>} gates by name; none for rnn
 */

/**
 * Return the states and gates of a text, as Model.states does.
 * @param {TextGenerator} generator
 * @param {Prompt} text
 * @param {Label} [label]
 * @returns {TextStates}
 */
export function traceStates(generator, text, label = null) {
  const { network, model } = generator;
  const { layers, hidden: units, cell } = model.network;
  const read = generator.readPrompt(text);
  const ids = [EOS, ...read.ids];
  const size = layers * units;
  const state = startState(network, model.labels, label);
  const hidden = new Float32Array(ids.length * size);
  const cells = new Float32Array(state.cell.length ? ids.length * size : 0);
  /** @type {Record<string, Float32Array>} */
  const gates = {};
  for (const name of GATE_NAMES[cell]) gates[name] = new Float32Array(ids.length * size);
  ids.forEach((id, t) => {
    /** @type {import("./network.js").Gates[]} */
    const opened = [];
    network.read(id, state, opened);
    hidden.set(state.hidden, t * size);
    if (cells.length) cells.set(state.cell, t * size);
    opened.forEach((layer, k) => {
      for (const [name, values] of Object.entries(layer)) {
        gates[name].set(values, t * size + k * units);
      }
    });
  });
  const symbols = [model.vocabulary.symbols[EOS], ...read.symbols];
  return { symbols, shape: [ids.length, layers, units], hidden, cell: cells, gates };
}
