/**
 * Work in slices of 8 ms, so that a page stays responsive and a worker hears that it should stop.
 *
 * A frame of a display with 60 Hz lasts 16 ms. The pause between slices is a message, since a timer
 * waits 4 ms or more, and in a hidden tab a second.
 */

/** Length of a slice. */
export const SLICE_MILLISECONDS = 8;

/**
 * @typedef {object} SliceOptions
 * @property {AbortSignal} [signal] ends the work between two slices
 * @property {number} [milliseconds]
 * @property {() => number} [now] a clock in milliseconds
 * @property {() => Promise<void>} [pause] lets the page handle events
 */

/**
 * Run an iterator to its end; return the value that it returns.
 * @template T, R
 * @param {Iterator<T, R>} iterator
 * @param {(values: T[]) => void} onValues gets the values of each slice
 * @param {SliceOptions} [options]
 * @returns {Promise<R>}
 */
export async function runInSlices(iterator, onValues, options = {}) {
  const { signal, milliseconds = SLICE_MILLISECONDS } = options;
  const { now = () => performance.now(), pause = pauseByMessage } = options;
  for (;;) {
    signal?.throwIfAborted();
    const end = now() + milliseconds;
    /** @type {T[]} */
    const values = [];
    /** @type {IteratorResult<T, R>} */
    let result;
    do {
      result = iterator.next();
      if (!result.done) values.push(result.value);
    } while (!result.done && now() < end);
    if (values.length) onValues(values);
    if (result.done) return result.value;
    await pause();
  }
}

/**
 * Wait until the events that are waiting now have been handled.
 * @returns {Promise<void>}
 */
function pauseByMessage() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
