/** The public names of the engine; README.md describes the modules. */

export { Draft } from "./draft.js";
export { openEngine, openInPage } from "./engine.js";
export { CharloomError } from "./errors.js";
export { TextGenerator, finish } from "./generator.js";
export { measureSurprisals, nextSymbols, readLogits, traceStates } from "./inspection.js";
export { readModel } from "./model.js";
export { readOptions } from "./options.js";
export { runInSlices } from "./slices.js";
