/**
 * The module for other pages: `load` opens a model, in a worker where one starts.
 *
 * The worker has the program of this file, which sees by its address that it is one.
 */

import { openEngine } from "../javascript/engine.js";
import { CharloomError, quote } from "../javascript/errors.js";
import { serve } from "../javascript/service.js";

const WORKER = "#charloom-worker";

if (typeof document === "undefined" && globalThis.location?.hash === WORKER) serve();

/**
 * Return the model at an address, or in an object that was read already.
 * @param {string | URL | object} source the address of model.json, or its content
 * @returns {Promise<import("../javascript/engine.js").Engine>}
 */
export async function load(source) {
  const isAddress = typeof source === "string" || source instanceof URL;
  const model = isAddress ? await fetchText(source) : source;
  const address = new URL(import.meta.url);
  address.hash = WORKER;
  return openEngine(model, () => new Worker(address, { type: "module" }));
}

/**
 * @param {string | URL} address
 * @returns {Promise<string>}
 */
async function fetchText(address) {
  const response = await fetch(address);
  if (!response.ok) {
    throw new CharloomError(`${quote(String(address))} cannot be loaded: ${response.status}.`);
  }
  return response.text();
}
