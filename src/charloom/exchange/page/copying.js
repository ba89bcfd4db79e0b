/** Copying a text to the clipboard, also where a page from disk may not use it. */

import { make } from "./dom.js";

/**
 * @param {string} text
 * @returns {Promise<void>}
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyBySelection(text);
  }
}

/** @param {string} text */
function copyBySelection(text) {
  const field = make("textarea", { readonly: "", "aria-hidden": "true" });
  const focused = document.activeElement;
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (focused instanceof HTMLElement) focused.focus();
  if (!done) throw new Error("this browser does not allow copying; select the text by hand.");
}
