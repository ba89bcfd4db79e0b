/** The page: it opens the model and connects the controls to the views. */

import { openEngine } from "../javascript/engine.js";
import { Bars } from "./bars.js";
import { Controls } from "./controls.js";
import { copyText } from "./copying.js";
import { byId, visible } from "./dom.js";
import { Inside } from "./inside.js";
import { fromFragment, toCommand, toFragment, viewOf } from "./link.js";
import { ManyTexts } from "./many.js";
import { TextView } from "./text_view.js";
import { Writer, allIds } from "./writer.js";

/** @typedef {import("./writer.js").Text} Text */

/** Open the model of the page, and write a first text. */
export async function startPage() {
  document.body.dataset.view = viewOf(location.hash);
  try {
    const source = byId("model", HTMLScriptElement).textContent;
    const page = new Page(await openEngine(source, startWorker));
    document.body.dataset.state = "ready";
    performance.mark("ready");
    page.open(location.hash);
    window.addEventListener("hashchange", () => page.open(location.hash));
  } catch (error) {
    document.body.dataset.state = "failed";
    showProblem(error);
  }
}

/**
 * Start a worker with the program of this page, since a page from disk cannot load another file.
 * @returns {Worker}
 */
function startWorker() {
  const program = byId("program", HTMLScriptElement).textContent ?? "";
  return new Worker(URL.createObjectURL(new Blob([program], { type: "text/javascript" })));
}

/** @param {unknown} error */
function showProblem(error) {
  byId("problem", HTMLElement).textContent = error instanceof Error ? error.message : String(error);
}

class Page {
  #started = 0;
  #request = 0;

  /** @param {import("../javascript/engine.js").Engine} engine */
  constructor(engine) {
    this.engine = engine;
    this.view = new TextView(() => this.#run(() => this.#showNext()));
    this.controls = new Controls(engine.model.labels, () => this.#onOptions());
    this.bars = new Bars((id) => this.#run(() => this.#pick(id)));
    this.writer = new Writer(engine, (text, steps) => this.#onText(text, steps));
    this.inside = new Inside(engine, this.view, (action) => this.#run(action));
    this.many = new ManyTexts(engine, (seed) => this.#openSeed(seed));
    /** @type {Record<string, () => Promise<void>>} */
    const actions = {
      write: () => this.#write(),
      one: () => this.writer.writeOne(this.controls.read()),
      stop: async () => this.#stop(),
      undo: async () => this.#undo(),
      "copy-text": () => this.#copy("copy-text", this.view.output.textContent ?? ""),
      "copy-link": () => this.#copy("copy-link", this.#link()),
      "copy-command": () =>
        this.#copy("copy-command", byId("command", HTMLElement).textContent ?? ""),
      "write-many": () => this.many.write(this.controls.read()),
    };
    for (const [id, action] of Object.entries(actions)) {
      byId(id, HTMLButtonElement).addEventListener("click", () => this.#run(action));
    }
    this.controls.prompt.addEventListener("input", () => {
      this.#run(async () => this.#showCommand());
    });
    this.controls.prompt.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.#run(actions.write);
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.#stop();
    });
    this.#onOptions();
  }

  /**
   * Restore the text of a link, or write one with the values of the controls.
   * @param {string} hash
   */
  open(hash) {
    this.#run(async () => {
      const given = fromFragment(hash);
      if (given !== null) this.controls.write(given);
      this.#showCommand();
      await this.#write();
    });
  }

  /**
   * Run an action; an error of the user becomes one line.
   * @param {() => Promise<void>} action
   */
  async #run(action) {
    byId("problem", HTMLElement).textContent = "";
    try {
      await action();
    } catch (error) {
      showProblem(error);
    }
  }

  async #write() {
    const values = this.controls.read();
    this.#started = performance.now();
    await this.writer.write(values);
    const fragment = toFragment(values);
    byId("whole", HTMLAnchorElement).href = `#${fragment}`;
    const view = document.body.dataset.view === "small" ? "&view=small" : "";
    history.replaceState(null, "", `#${fragment}${view}`);
  }

  /** @param {number} id */
  async #pick(id) {
    const { text } = this.writer;
    const place = text === null ? 0 : this.#place(text);
    this.controls.prompt.value = await this.writer.pick(id, place, this.controls.read());
    this.#onOptions();
  }

  #stop() {
    this.writer.stop();
    this.many.stop();
  }

  #undo() {
    this.writer.undo();
    const { text } = this.writer;
    if (text === null) return;
    const { typed: prompt, options } = text;
    this.controls.write(fromFragment(toFragment({ prompt, options })) ?? new Map());
    this.#onOptions();
  }

  /** @param {bigint} seed */
  #openSeed(seed) {
    this.controls.seed.value = String(seed);
    this.#onOptions();
    this.#run(() => this.#write());
    byId("text", HTMLElement).scrollIntoView({ block: "nearest" });
  }

  #link() {
    return `${location.href.replace(/#.*$/s, "")}#${toFragment(this.controls.read())}`;
  }

  /**
   * @param {string} id the button, which says for a moment that it is done
   * @param {string} text
   */
  async #copy(id, text) {
    await copyText(text);
    const button = byId(id, HTMLButtonElement);
    const name = button.dataset.name ?? button.textContent ?? "";
    button.dataset.name = name;
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = name), 1500);
  }

  #onOptions() {
    this.#run(async () => {
      this.#showCommand();
      await this.#showNext();
    });
  }

  #showCommand() {
    const command = toCommand(document.body.dataset.run ?? "", this.controls.read());
    byId("command", HTMLElement).textContent = command;
  }

  /**
   * @param {Text} text
   * @param {import("../javascript/draft.js").Step[] | null} steps
   */
  #onText(text, steps) {
    this.view.show(text, steps);
    byId("stop", HTMLButtonElement).disabled = !this.writer.isRunning;
    byId("undo", HTMLButtonElement).disabled = !this.writer.canUndo;
    if (this.writer.isRunning) return;
    byId("status", HTMLElement).textContent = this.#describe(text);
    this.#run(async () => {
      await this.#showNext();
      await this.inside.show(text);
    });
  }

  /**
   * Show what may stand at the chosen place, else after the text; an answer that a later request
   * has overtaken is dropped.
   */
  async #showNext() {
    const { text } = this.writer;
    const request = ++this.#request;
    if (this.writer.isRunning || text === null) return;
    const place = this.#place(text);
    const ids = allIds(text).slice(0, place);
    const { options } = this.controls.read();
    const candidates = await this.engine.candidates({ ids }, options);
    if (request !== this.#request) return;
    const isInside = this.view.chosen !== null;
    this.bars.show(candidates, isInside ? `At symbol ${place + 1}` : "After the text");
  }

  /**
   * Return the number of symbols before the place of the next one.
   * @param {Text} text
   */
  #place(text) {
    return Math.min(this.view.chosen ?? Infinity, allIds(text).length);
  }

  /**
   * @param {Text} text
   * @returns {string}
   */
  #describe({ prompt, steps, stopped }) {
    const ends = { eos: "ended by the model", length: "cut at its length", stop: "stopped" };
    const count = `${steps.length} ${steps.length === 1 ? "symbol" : "symbols"}`;
    const notes = [stopped === null ? count : `${count}, ${ends[stopped]}`];
    const seconds = (performance.now() - this.#started) / 1000;
    if (steps.length >= 100) {
      notes.push(`${Math.round(steps.length / seconds).toLocaleString("en")} symbols per second`);
    }
    const known = new Set(this.engine.model.symbols);
    const unknown = [...new Set(prompt.symbols.filter((symbol) => !known.has(symbol)))];
    if (unknown.length) {
      notes.push(`not in the vocabulary: ${unknown.slice(0, 10).map(visible).join(" ")}`);
    }
    if (!prompt.exact) notes.push("charloom itself may split this prompt in another way");
    return `${notes.join("; ")}.`;
  }
}
