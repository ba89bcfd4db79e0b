/** The error of everything that a caller or a damaged model can get wrong: one line of text. */
export class CharloomError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = "CharloomError";
  }
}

/**
 * Return any value as a short text for a message.
 * @param {unknown} value
 * @returns {string}
 */
export function quote(value) {
  let text;
  try {
    text = typeof value === "string" ? JSON.stringify(value) : String(value);
  } catch {
    text = `a value of type ${typeof value}`;
  }
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`;
}
