/**
 * Cleaning of prompts, as text/cleaning.py does it, but for HTML.
 *
 * HTML entities and tags are left as they are; a prompt that may hold some is reported as not
 * exact.
 */

const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff]/g;
const MAYBE_HTML = /&#?\w+;|<[a-z!/]|(^|[ \t\n])(#\d+|[a-z]+);/i;
const MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec";
const WORD_START = "(?<![\\p{L}\\p{N}_])";
const MONTH = new RegExp(
  `(?<=0[ /.-])(?:${MONTHS})(?=[ /.-]0)|${WORD_START}(?:${MONTHS})(?=[ /.-] ?0)`,
  "gu",
);
const WEEKDAY = new RegExp(`${WORD_START}(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?=,? (?:0|Jan ))`, "gu");

/**
 * Return a prompt as the model reads it, and whether charloom reads it in the same way.
 * @param {string} text
 * @param {{clean: boolean, maskDigits: boolean}} model
 * @returns {{text: string, exact: boolean}}
 */
export function cleanPrompt(text, model) {
  let result = replaceSurrogates(text);
  let exact = true;
  if (model.clean) {
    result = result.replace(/\r\n?/g, "\n").replace(CONTROLS, "").normalize("NFC");
    exact = !MAYBE_HTML.test(result);
  }
  return { text: model.maskDigits ? maskDigits(result) : result, exact };
}

/**
 * @param {string} text
 * @returns {string} with U+FFFD for each lone surrogate
 */
function replaceSurrogates(text) {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}

/**
 * @param {string} text
 * @returns {string} with 0 for each digit, and the names of months and days beside one masked
 */
function maskDigits(text) {
  return text.replace(/[1-9]/g, "0").replace(MONTH, "Jan").replace(WEEKDAY, "Mon");
}
