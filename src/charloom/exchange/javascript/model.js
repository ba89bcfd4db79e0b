/**
 * A model from the JSON object that charloom/exchange/model_json.py writes and documents.
 *
 * Nothing in the object is trusted: types, shapes and lengths are checked before memory is used,
 * and each fault is one CharloomError.
 */

import { decodeFloats, decodeHalves, decodeScaledRows } from "./base64.js";
import { CharloomError, quote } from "./errors.js";
import { GATE_COUNTS } from "./network.js";
import { readVocabulary } from "./vocabulary.js";

/** @typedef {"lstm" | "gru" | "rnn"} Cell */
/**
 * @typedef {object} NetworkSettings
 * @property {Cell} cell
 * @property {number} hidden
 * @property {number} layers
 * @property {number | "one-hot"} input
 */

/**
 * @typedef {object} Model
 * @property {NetworkSettings} network
 * @property {import("./vocabulary.js").Vocabulary} vocabulary
 * @property {readonly string[]} labels
 * @property {boolean} endless whether texts have their full length, since training had no ends
 * @property {boolean} clean whether prompts are cleaned
 * @property {boolean} maskDigits whether digits of prompts become 0
 * @property {Record<string, Float32Array>} tensors by the names of the model folder
 */

const MODEL_FORMAT = "charloom-model";
const VERSION = 1;
/** Bounds that keep products of sizes exact. */
const MAX_SIZE = 2 ** 24;
const MAX_LAYERS = 1000;

/**
 * Return the model of a JSON object, or of its text.
 * @param {unknown} source
 * @returns {Model}
 */
export function readModel(source) {
  const record = asObject(typeof source === "string" ? parse(source) : source, "the model");
  if (record.format !== MODEL_FORMAT) {
    throw new CharloomError(
      `the model has format ${quote(record.format)}; it must be ${quote(MODEL_FORMAT)}.`,
    );
  }
  if (record.version !== VERSION) {
    throw new CharloomError(
      `the model has version ${quote(record.version)}; this engine reads version ${VERSION}.`,
    );
  }
  const network = readNetwork(asObject(record.network, "network"));
  const vocabulary = readVocabulary(asObject(record.vocabulary, "vocabulary"));
  const labels = readLabels(record.labels);
  return {
    network,
    vocabulary,
    labels,
    endless: readFlag(record, "endless"),
    clean: readFlag(record, "clean"),
    maskDigits: readFlag(record, "mask_digits"),
    tensors: readTensors(
      asObject(record.tensors, "tensors"),
      tensorShapes(network, vocabulary.symbols.length, labels.length),
    ),
  };
}

/**
 * Return the shape of each tensor by its name, as network/parameters.py does.
 * @param {NetworkSettings} network
 * @param {number} vocabulary number of symbols
 * @param {number} labels number of labels
 * @returns {Map<string, number[]>}
 */
function tensorShapes({ cell, hidden, layers, input }, vocabulary, labels) {
  const gates = GATE_COUNTS[cell] * hidden;
  /** @type {Map<string, number[]>} */
  const shapes = new Map();
  if (input !== "one-hot") shapes.set("embedding.weight", [vocabulary, input]);
  for (let k = 0; k < layers; k++) {
    const width = k > 0 ? hidden : input;
    if (width === "one-hot") shapes.set("cells.0.input_table", [vocabulary, gates]);
    else shapes.set(`cells.${k}.input_weight`, [gates, width]);
    shapes.set(`cells.${k}.recurrent_weight`, [gates, hidden]);
    shapes.set(`cells.${k}.bias`, [gates]);
    if (cell === "gru") shapes.set(`cells.${k}.recurrent_bias`, [hidden]);
  }
  if (labels) {
    shapes.set("labels.hidden", [labels, layers, hidden]);
    if (cell === "lstm") shapes.set("labels.cell", [labels, layers, hidden]);
  }
  return shapes.set("output.weight", [vocabulary, hidden]).set("output.bias", [vocabulary]);
}

/**
 * @param {Record<string, unknown>} tensors
 * @param {Map<string, number[]>} shapes
 * @returns {Record<string, Float32Array>}
 */
function readTensors(tensors, shapes) {
  for (const name of Object.keys(tensors)) {
    if (!shapes.has(name)) {
      throw new CharloomError(`the model has a tensor ${quote(name)}, which its network lacks.`);
    }
  }
  /** @type {Record<string, Float32Array>} */
  const result = {};
  for (const [name, shape] of shapes) {
    const tensor = asObject(Object.hasOwn(tensors, name) ? tensors[name] : undefined, name);
    if (!Array.isArray(tensor.shape) || tensor.shape.join() !== shape.join()) {
      throw new CharloomError(
        `${name} has shape ${quote(tensor.shape)}; this network needs ${shape.join()}.`,
      );
    }
    result[name] = readValues(tensor, shape, name);
  }
  return result;
}

/**
 * Return the values of a tensor in float32.
 * @param {Record<string, unknown>} tensor
 * @param {number[]} shape
 * @param {string} name
 * @returns {Float32Array}
 */
function readValues({ type, data, scales }, shape, name) {
  const count = shape.reduce((product, size) => product * size, 1);
  const width = shape[shape.length - 1];
  switch (type) {
    case "float32":
      return decodeFloats(data, count, name);
    case "float16":
      return decodeHalves(data, count, name);
    case "int8":
      return decodeScaledRows(data, scales, count / width, width, name);
    default:
      throw new CharloomError(
        `${name} has type ${quote(type)}; it must be float32, float16 or int8.`,
      );
  }
}

/**
 * @param {Record<string, unknown>} record
 * @returns {NetworkSettings}
 */
function readNetwork(record) {
  const { cell, input } = record;
  if (cell !== "lstm" && cell !== "gru" && cell !== "rnn") {
    throw new CharloomError(`network.cell is ${quote(cell)}; it must be lstm, gru or rnn.`);
  }
  return {
    cell,
    hidden: readSize(record.hidden, "network.hidden", MAX_SIZE),
    layers: readSize(record.layers, "network.layers", MAX_LAYERS),
    input: input === "one-hot" ? input : readSize(input, "network.input", MAX_SIZE),
  };
}

/**
 * @param {unknown} value
 * @param {string} name
 * @param {number} largest
 * @returns {number}
 */
function readSize(value, name, largest) {
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= largest) {
    return value;
  }
  throw new CharloomError(
    `${name} is ${quote(value)}; it must be a whole number from 1 to ${largest}.`,
  );
}

/**
 * @param {Record<string, unknown>} record
 * @param {string} name
 * @returns {boolean}
 */
function readFlag(record, name) {
  const value = record[name];
  if (typeof value === "boolean") return value;
  throw new CharloomError(`${name} is ${quote(value)}; it must be true or false.`);
}

/**
 * @param {unknown} labels
 * @returns {readonly string[]}
 */
function readLabels(labels) {
  const valid = Array.isArray(labels) && labels.every((label) => typeof label === "string");
  if (!valid || new Set(labels).size !== labels.length) {
    throw new CharloomError("labels must be a list of different texts.");
  }
  return labels;
}

/**
 * @param {unknown} value
 * @param {string} name
 * @returns {Record<string, unknown>}
 */
function asObject(value, name) {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return /** @type {Record<string, unknown>} */ (value);
  }
  const fault = value === undefined ? "missing" : `${quote(value)}; it must be an object`;
  throw new CharloomError(`${name} is ${fault}.`);
}

/**
 * @param {string} text
 * @returns {unknown}
 */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new CharloomError("the model is no valid JSON; it is truncated or damaged.");
  }
}
