/** The link of a text: prompt, seed and options after the # of the page's address. */

import { NUMBERS } from "./controls.js";

/** @typedef {import("./controls.js").Values} Values */

const ALWAYS = ["temperature", "length"];

/**
 * Return the fragment that restores a text, without the #.
 * @param {Values} values
 * @returns {string}
 */
export function toFragment({ prompt, options }) {
  const fragment = new URLSearchParams({ prompt, seed: String(options.seed ?? 0) });
  for (const [key, name] of Object.entries(NUMBERS)) {
    const value = options[name];
    if (value !== undefined && value !== null) fragment.set(key, String(value));
  }
  if (typeof options.label === "string") fragment.set("label", options.label);
  return fragment.toString();
}

/**
 * Return the values of a fragment by key; null if it names none of them.
 * @param {string} hash with or without the #
 * @returns {Map<string, string> | null}
 */
export function fromFragment(hash) {
  const known = new Set(["prompt", "seed", "label", ...Object.keys(NUMBERS)]);
  const fragment = new URLSearchParams(hash.replace(/^#/, ""));
  const given = new Map([...fragment].filter(([key]) => known.has(key)));
  return given.size ? given : null;
}

/**
 * Return the view that a fragment asks for: "small" shows the text alone, for a frame in another
 * page.
 * @param {string} hash
 * @returns {"small" | "whole"}
 */
export function viewOf(hash) {
  const view = new URLSearchParams(hash.replace(/^#/, "")).get("view");
  return view === "small" ? view : "whole";
}

/**
 * Return the command that writes the same text.
 * @param {string} run the name of the model folder
 * @param {Values} values
 * @returns {string}
 */
export function toCommand(run, { prompt, options }) {
  const words = ["charloom", "generate", quoteWord(run)];
  if (prompt.startsWith("-")) words.push("--");
  if (prompt) words.push(quoteWord(prompt));
  const flags = [`--seed ${options.seed ?? 0}`];
  for (const [key, name] of Object.entries(NUMBERS)) {
    const value = options[name] ?? null;
    if (value !== null || ALWAYS.includes(key)) flags.push(`--${key.replace("_", "-")} ${value}`);
  }
  if (typeof options.label === "string") flags.push(`--label ${quoteWord(options.label)}`);
  // Options come first, since after -- all is prompt.
  return [...words.slice(0, 2), ...(words.includes("--") ? flags : []), ...words.slice(2)]
    .concat(words.includes("--") ? [] : flags)
    .join(" ");
}

/**
 * Return a word as a POSIX shell reads it.
 * @param {string} word
 * @returns {string}
 */
function quoteWord(word) {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
