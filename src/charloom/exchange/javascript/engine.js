/**
 * Texts without blocking a page: in a worker where one runs, else here, in slices.
 *
 * Both engines have the same methods. The worker (worker.js) runs the engine of this module, so a
 * text is the same in either.
 */

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
 * @typedef {object} Engine
 * @property {"worker" | "page"} place
 * @property {(prompt: Prompt, options?: GivenOptions, listener?: Listener) =>
 *   Promise<GeneratedText>} generate
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
  return {
    place: "page",
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
    const engine = connect(worker);
    await engine.load(source);
    return engine;
  } catch {
    // If the model was the reason, this is its error.
    return openInPage(source);
  }
}

/**
 * @param {Worker} worker
 * @returns {Engine & {load: (source: unknown) => Promise<void>}}
 */
function connect(worker) {
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
    load: (source) => request("load", [source]),
    generate: (prompt, options, listener = {}) =>
      request("generate", [prompt, options, listener.k ?? 0], listener),
    surprisals: (text, label) => request("surprisals", [text, label]),
    next: (text, label) => request("next", [text, label]),
    states: (text, label) => request("states", [text, label]),
    close: () => worker.terminate(),
  };
}
