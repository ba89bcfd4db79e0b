/** Elements of the page: found by id, made with text nodes only, and filled. */

/**
 * Return the element with an id.
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new Error(`the page has no ${type.name} #${id}.`);
}

/**
 * Return a new element. Texts become text nodes, so nothing in them is markup.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const SIGNS = new Map([
  [" ", "␣"],
  ["\n", "↵"],
  ["\t", "⇥"],
  ["<eos>", "end of text"],
]);

/**
 * Return a symbol as it is shown by itself, with signs for white space and codes for controls.
 * @param {string} symbol
 * @returns {string}
 */
export function visible(symbol) {
  const sign = SIGNS.get(symbol);
  if (sign !== undefined) return sign;
  const marked = symbol.replace(/^ | $/g, "␣").replace(/\n/g, "↵").replace(/\t/g, "⇥");
  return escapeControls(marked);
}

/**
 * Return a text with codes for control characters and for those that change its direction.
 * @param {string} text
 * @returns {string}
 */
export function escapeControls(text) {
  return text.replace(
    /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
