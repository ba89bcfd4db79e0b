/**
 * The network: it reads one symbol after another and predicts the next.
 *
 * The equations and their sources are in network/reference.py; the order of all operations is that
 * of network/engine.py. A state is a plain record that belongs to the caller, so that many texts
 * can be written with one network, and a text can be undone.
 *
 * Axes of the tensors: V vocabulary, E embedding, H hidden units, G gates times H, L layers.
 */

import { sigmoid, tanh } from "./arithmetic.js";
import { PANEL, plainKernel } from "./plain_kernel.js";
import { Sampler } from "./sampling.js";
import { simdKernel } from "./simd_kernel.js";

/** @typedef {import("./plain_kernel.js").Kernel} Kernel */
/** @typedef {import("./model.js").Model} Model */
/** @typedef {"auto" | "plain" | "simd"} KernelChoice */

/**
 * Hidden and cell states between two symbols, (L, H) each; `cell` is empty except for lstm.
 * @typedef {{hidden: Float32Array, cell: Float32Array}} State
 */

/**
 * Gates of one layer by name, (H) each; see GATE_NAMES.
 * @typedef {Record<string, Float32Array>} Gates
 */

/** Gates times H are the columns of a layer's weights. */
export const GATE_COUNTS = { lstm: 4, gru: 3, rnn: 1 };

/** @type {Record<"lstm" | "gru" | "rnn", readonly string[]>} */
export const GATE_NAMES = {
  lstm: ["input", "forget", "candidate", "output"],
  gru: ["reset", "update", "candidate"],
  rnn: [],
};

/**
 * @typedef {object} Layer
 * @property {Float32Array} input packed (H, G), of a higher layer; of the first one (E, G) or empty
 * @property {Float32Array} recurrent packed (H, G)
 * @property {Float32Array} bias (G)
 * @property {Float32Array} recurrentBias (H) for gru, else empty
 */

/**
 * @param {number} length
 * @returns {number} the length of whole panels
 */
const padded = (length) => Math.ceil(length / PANEL) * PANEL;

export class Network {
  /**
   * @param {Model} model
   * @param {KernelChoice} [choice] "auto" is WebAssembly with SIMD where it runs
   */
  constructor(model, choice = "auto") {
    const { cell, hidden, layers, input } = model.network;
    const gates = GATE_COUNTS[cell] * hidden;
    const vocabulary = model.vocabulary.symbols.length;
    this.settings = model.network;
    /** @type {Record<string, Float32Array>} */
    this.tensors = model.tensors;
    this.vocabularySize = vocabulary;
    this.units = hidden;
    this.gates = gates;
    /** The width of an embedding, 0 for one-hot input. */
    this.embedded = input === "one-hot" ? 0 : input;
    const inputs = Array.from({ length: layers - 1 }, () => padded(gates) * hidden);
    const own = [padded(gates) * hidden, hidden, hidden];
    const lengths = [
      ...[padded(vocabulary) * hidden, padded(gates) * this.embedded, this.embedded],
      ...[padded(gates), padded(gates), padded(vocabulary), vocabulary, vocabulary],
      ...inputs,
      ...Array.from({ length: layers }, () => own).flat(),
    ];
    /** @type {Kernel} */
    this.kernel = (choice !== "plain" && simdKernel(lengths)) || plainKernel();
    /** @type {Layer[]} */
    this.layers = Array.from({ length: layers }, (_, k) => this.#packLayer(k));
    this.output = this.#pack("output.weight", vocabulary, hidden);
    /** The sums of the gates, of the recurrent part of a GRU, and of the logits. */
    this.sums = this.kernel.allocate(padded(gates));
    this.recurrentSums = this.kernel.allocate(padded(gates));
    this.logitSums = this.kernel.allocate(padded(vocabulary));
    this.embedding = this.kernel.allocate(this.embedded);
    this.sampler = new Sampler(this.kernel, vocabulary);
    this.hidden = Array.from({ length: layers }, () => this.kernel.allocate(hidden));
    this.cells = Array.from({ length: layers }, () => this.kernel.allocate(hidden));
    /**
     * What each symbol adds to the gates of the first layer, computed when it is first read.
     * @type {(Float32Array | undefined)[]}
     */
    this.rows = [];
  }

  /**
   * Return the state before the first symbol, of a label's id; zeros for -1.
   * @param {number} label
   * @returns {State}
   */
  initialState(label) {
    const size = this.layers.length * this.units;
    const hidden = new Float32Array(size);
    const cell = new Float32Array(this.settings.cell === "lstm" ? size : 0);
    if (label >= 0) {
      hidden.set(this.tensors["labels.hidden"].subarray(label * size, (label + 1) * size));
      if (cell.length) {
        cell.set(this.tensors["labels.cell"].subarray(label * size, (label + 1) * size));
      }
    }
    return { hidden, cell };
  }

  /**
   * Read one symbol: change `state` to the one after it.
   * @param {number} id
   * @param {State} state
   * @param {Gates[]} [gates] gets the gates of each layer
   */
  read(id, state, gates) {
    const { kernel, units, sums } = this;
    sums.set(this.#row(id));
    for (let k = 0; k < this.layers.length; k++) {
      const layer = this.layers[k];
      const hidden = this.hidden[k];
      const cell = this.cells[k];
      if (k > 0) {
        sums.set(layer.bias);
        kernel.accumulate(sums, this.hidden[k - 1], layer.input, units);
      }
      hidden.set(state.hidden.subarray(k * units, (k + 1) * units));
      if (this.settings.cell === "lstm") {
        cell.set(state.cell.subarray(k * units, (k + 1) * units));
        kernel.accumulate(sums, hidden, layer.recurrent, units);
        gates?.push(this.#lstmGates());
        kernel.lstm(sums, cell, hidden, units);
        state.cell.set(cell, k * units);
      } else if (this.settings.cell === "gru") {
        this.recurrentSums.set(sums);
        this.recurrentSums.set(layer.recurrentBias, 2 * units);
        kernel.accumulate(this.recurrentSums, hidden, layer.recurrent, units);
        gates?.push(this.#gruGates());
        kernel.gru(sums, this.recurrentSums, hidden, units);
      } else {
        kernel.accumulate(sums, hidden, layer.recurrent, units);
        gates?.push({});
        kernel.rnn(sums, hidden, units);
      }
      state.hidden.set(hidden, k * units);
    }
  }

  /**
   * Write the logits of the next symbol.
   * @param {State} state
   * @param {Float32Array} logits (V)
   */
  predict(state, logits) {
    const top = this.hidden[this.layers.length - 1];
    top.set(state.hidden.subarray(state.hidden.length - this.units));
    this.logitSums.set(this.tensors["output.bias"]);
    this.kernel.accumulate(this.logitSums, top, this.output, this.units);
    logits.set(this.logitSums.subarray(0, this.vocabularySize));
  }

  /**
   * @param {number} id
   * @returns {Float32Array} (G)
   */
  #row(id) {
    const known = this.rows[id];
    if (known !== undefined) return known;
    const { gates } = this;
    const bias = this.layers[0].bias;
    const row = new Float32Array(gates);
    if (this.embedded) {
      const start = id * this.embedded;
      const { embedding } = this;
      embedding.set(this.tensors["embedding.weight"].subarray(start, start + this.embedded));
      this.recurrentSums.set(bias);
      this.kernel.accumulate(this.recurrentSums, embedding, this.layers[0].input, this.embedded);
      row.set(this.recurrentSums.subarray(0, gates));
    } else {
      const table = this.tensors["cells.0.input_table"];
      for (let j = 0; j < gates; j++) row[j] = table[id * gates + j] + bias[j];
    }
    this.rows[id] = row;
    return row;
  }

  /** @returns {Gates} */
  #lstmGates() {
    const { units, sums } = this;
    /** @param {number} k @param {(x: number) => number} f */
    const gate = (k, f) => sums.slice(k * units, (k + 1) * units).map(f);
    return {
      input: gate(0, sigmoid),
      forget: gate(1, sigmoid),
      candidate: gate(2, tanh),
      output: gate(3, sigmoid),
    };
  }

  /** @returns {Gates} */
  #gruGates() {
    const { units, sums, recurrentSums } = this;
    const reset = recurrentSums.slice(0, units).map(sigmoid);
    const update = recurrentSums.slice(units, 2 * units).map(sigmoid);
    const candidate = sums.slice(2 * units, 3 * units).map((x, j) =>
      tanh(Math.fround(x + Math.fround(reset[j] * recurrentSums[2 * units + j]))),
    );
    return { reset, update, candidate };
  }

  /**
   * @param {number} k
   * @returns {Layer}
   */
  #packLayer(k) {
    const name = `cells.${k}.`;
    const width = k > 0 ? this.units : this.embedded;
    return {
      input: width
        ? this.#pack(`${name}input_weight`, this.gates, width)
        : new Float32Array(0),
      recurrent: this.#pack(`${name}recurrent_weight`, this.gates, this.units),
      bias: this.tensors[`${name}bias`],
      recurrentBias: this.tensors[`${name}recurrent_bias`] ?? new Float32Array(0),
    };
  }

  /**
   * Return a tensor (columns, rows) in panels: (columns / 32, rows, 32), zeros beyond the columns.
   * @param {string} name
   * @param {number} columns
   * @param {number} rows
   * @returns {Float32Array}
   */
  #pack(name, columns, rows) {
    const tensor = this.tensors[name];
    const packed = this.kernel.allocate(padded(columns) * rows);
    for (let column = 0; column < columns; column++) {
      const first = (column - (column % PANEL)) * rows + (column % PANEL);
      for (let k = 0; k < rows; k++) packed[first + k * PANEL] = tensor[column * rows + k];
    }
    return packed;
  }
}
