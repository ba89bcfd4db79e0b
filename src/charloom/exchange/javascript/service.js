/**
 * The part of a worker: it answers the messages of engine.js.
 *
 * A request is {call, method, given}, an answer {call, result}, {call, error} or, for the symbols
 * of a slice, {call, steps}. Texts are written in slices here too, so that several can be written
 * at once and each can be cancelled.
 */

import { openInPage } from "./engine.js";

/** @typedef {{call: number, method: string, given: any[]}} Request */

/** @type {import("./engine.js").Engine | null} */
let engine = null;
/** @type {Map<number, AbortController>} */
const running = new Map();

/**
 * @param {Request} request
 * @returns {Promise<unknown>}
 */
async function answer({ call, method, given }) {
  if (method === "load") {
    engine = openInPage(given[0]);
    return engine.model;
  }
  if (engine === null) throw new Error("no model is loaded.");
  if (method === "readPrompt") return engine.readPrompt(given[0]);
  if (method === "candidates") return engine.candidates(given[0], given[1], given[2]);
  if (method === "surprisals") return engine.surprisals(given[0], given[1]);
  if (method === "next") return engine.next(given[0], given[1]);
  if (method === "states") return engine.states(given[0], given[1]);
  const controller = new AbortController();
  running.set(call, controller);
  try {
    const [prompt, options, k] = given;
    const { signal } = controller;
    /** @param {unknown[]} steps */
    const onSteps = (steps) => globalThis.postMessage({ call, steps });
    return await engine.generate(prompt, options, { k, signal, onSteps });
  } finally {
    running.delete(call);
  }
}

/** Answer the messages to this worker. */
export function serve() {
  globalThis.onmessage = onMessage;
}

/**
 * @param {MessageEvent<Request>} message
 * @returns {Promise<void>}
 */
async function onMessage({ data }) {
  if (data.method === "cancel") {
    running.get(data.call)?.abort();
    return;
  }
  try {
    globalThis.postMessage({ call: data.call, result: await answer(data) });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    globalThis.postMessage({ call: data.call, error: text });
  }
}
