/**
 * Texts without blocking a page: in a worker where one runs, else here, in slices.
 *
 * Both engines have the same methods. The worker (worker.js) runs the engine of this module, so a
 * text is the same in either.
 */

import { CandidateReader } from "./candidates.js";
import { CharloomError } from "./errors.js";
import { TextGenerator } from "./generator.js";
import { measureSurprisals, nextSymbols, traceStates } from "./inspection.js";
import { readModel } from "./model.js";
import { runInSlices } from "./slices.js";

/** @typedef {import("./draft.js").Step} Step */
/** @typedef {import("./generator.js").GeneratedText} GeneratedText */
/** @typedef {import("./generator.js").Prompt} Prompt */
/** @typedef {import("./labels.js").Label} Label */
/** @typedef {import("./options.js").GivenOptions} GivenOptions */

/**
 * @typedef {object} Listener
 * @property {(steps: Step[]) => void} [onSteps] gets the symbols of each slice
 * @property {AbortSignal} [signal] ends the text; the promise is then rejected
 * @property {number} [k] text `k` of several has the seed `seed + k`
 */

/**
 * What a page shows of a model.
 * @typedef {object} Description
 * @property {import("./model.js").NetworkSettings} network
 * @property {import("./vocabulary.js").Level} level
 * @property {readonly string[]} symbols in the order of their ids
 * @property {readonly string[]} labels
 * @property {boolean} endless whether texts have their full length, since training had no ends
 */

/**
 * @typedef {object} Engine
 * @property {"worker" | "page"} place
 * @property {Description} model
 * @property {(prompt: Prompt) => Promise<import("./generator.js").ReadPrompt>} readPrompt
 * @property {(prompt: Prompt, options?: GivenOptions, listener?: Listener) =>
 *   Promise<GeneratedText>} generate
 * @property {(text: Prompt, options?: GivenOptions, count?: number) =>
 *   Promise<import("./candidates.js").Candidates>} candidates
 * @property {(text: Prompt, label?: Label) => Promise<import("./inspection.js").Surprisals>}
 *   surprisals
 * @property {(text: Prompt, label?: Label) => Promise<[string, number][]>} next
 * @property {(text: Prompt, label?: Label) => Promise<import("./inspection.js").TextStates>} states
 * @property {() => void} close
 */

/**
 * Return an engine that computes here, in slices of 8 ms.
 * @param {unknown} source the JSON object of a model, or its text
 * @param {import("./network.js").KernelChoice} [kernel]
 * @returns {Engine}
 */
export function openInPage(source, kernel = "auto") {
  const generator = new TextGenerator(readModel(source), kernel);
  const reader = new CandidateReader(generator);
  const { network, vocabulary, labels, endless } = generator.model;
  const { level, symbols } = vocabulary;
  return {
    place: "page",
    model: { network, level, symbols, labels, endless },
    readPrompt: async (prompt) => generator.readPrompt(prompt),
    candidates: async (text, options, count) => reader.candidates(text, options, count),
    generate: async (prompt, options, { onSteps = () => {}, signal, k = 0 } = {}) =>
      runInSlices(generator.stream(prompt, options, k), onSteps, { signal }),
    surprisals: async (text, label) => measureSurprisals(generator, text, label),
    next: async (text, label) => nextSymbols(generator, text, label),
    states: async (text, label) => traceStates(generator, text, label),
    close: () => {},
  };
}

/**
 * Return an engine in a worker; the engine of `openInPage` where no worker starts.
 * @param {unknown} source the JSON object of a model, or its text
 * @param {() => Worker} makeWorker starts worker.js
 * @returns {Promise<Engine>}
 */
export async function openEngine(source, makeWorker) {
  try {
    const worker = makeWorker();
    return await connect(worker, source);
  } catch {
    // If the model was the reason, this is its error.
    return openInPage(source);
  }
}

/**
 * @param {Worker} worker
 * @param {unknown} source
 * @returns {Promise<Engine>}
 */
async function connect(worker, source) {
  /** @typedef {{resolve: (value: any) => void, reject: (error: Error) => void,
   *   onSteps?: (steps: Step[]) => void}} Call */
  /** @type {Map<number, Call>} */
  const calls = new Map();
  let count = 0;
  worker.onmessage = ({ data }) => {
    const call = calls.get(data.call);
    if (call === undefined) return;
    if (data.steps) {
      call.onSteps?.(data.steps);
      return;
    }
    calls.delete(data.call);
    if (data.error) call.reject(new CharloomError(data.error));
    else call.resolve(data.result);
  };
  worker.onerror = () => {
    for (const { reject } of calls.values()) reject(new CharloomError("the worker has failed."));
    calls.clear();
  };
  /**
   * @param {string} method
   * @param {unknown[]} given
   * @param {Listener} [listener]
   * @returns {Promise<any>}
   */
  const request = (method, given, { onSteps, signal } = {}) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const call = count++;
      calls.set(call, { resolve, reject, onSteps });
      signal?.addEventListener("abort", () => {
        if (calls.delete(call)) worker.postMessage({ call, method: "cancel" });
        reject(signal.reason);
      });
      worker.postMessage({ call, method, given });
    });
  return {
    place: "worker",
    model: await request("load", [source]),
    readPrompt: (prompt) => request("readPrompt", [prompt]),
    candidates: (text, options, count) => request("candidates", [text, options, count]),
    generate: (prompt, options, listener = {}) =>
      request("generate", [prompt, options, listener.k ?? 0], listener),
    surprisals: (text, label) => request("surprisals", [text, label]),
    next: (text, label) => request("next", [text, label]),
    states: (text, label) => request("states", [text, label]),
    close: () => worker.terminate(),
  };
}
