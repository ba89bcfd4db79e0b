// The tasks of the tests of the JavaScript engine, for node and for a browser.

// JSON has no numbers such as NaN: texts that begin with "@" stand for them.
const SPECIAL = { "@NaN": NaN, "@Infinity": Infinity, "@-Infinity": -Infinity };

/** Return a payload with its special numbers. */
export function revive(text) {
  return JSON.parse(text, (_, value) => (value in SPECIAL ? SPECIAL[value] : value));
}

/** Run all tasks; a task that fails gives {error}. */
export async function runTasks(charloom, { models, tasks }) {
  const generators = new Map();
  const generatorOf = (index, kernel = "auto") => {
    const key = `${index} ${kernel}`;
    if (!generators.has(key)) {
      const model = charloom.readModel(models[index]);
      generators.set(key, new charloom.TextGenerator(model, kernel));
    }
    return generators.get(key);
  };
  const results = [];
  for (const task of tasks) {
    try {
      const generator = "model" in task ? generatorOf(task.model, task.kernel) : null;
      results.push(await TASKS[task.task](charloom, generator, task));
    } catch (error) {
      if (!(error instanceof charloom.CharloomError)) throw error;
      results.push({ error: error.message });
    }
  }
  return results;
}

const TASKS = {
  texts: (charloom, generator, { prompt, options, count = 1, first = 0 }) => {
    const start = generator.begin(prompt, options);
    return Array.from({ length: count }, (_, k) =>
      plain(charloom.finish(generator.write(start, first + k))),
    );
  },
  // A clock that moves by 3 ms whenever it is read.
  slices: async (charloom, _, { count, milliseconds, abortAfter }) => {
    const [slices, controller] = [[], new AbortController()];
    let [time, pauses] = [0, 0];
    const pause = async () => {
      if (++pauses === abortAfter) controller.abort(new charloom.CharloomError("ended"));
    };
    function* numbers() {
      for (let k = 0; k < count; k++) yield k;
      return "done";
    }
    const options = { milliseconds, now: () => (time += 3), pause, signal: controller.signal };
    const onValues = (values) => slices.push(values);
    return [await charloom.runInSlices(numbers(), onValues, options), slices, pauses];
  },
  // The real clock and pause: a timer of the page runs between two slices.
  responsive: async (charloom, _, { milliseconds }) => {
    const end = performance.now() + milliseconds;
    function* busy() {
      while (performance.now() < end) yield 0;
    }
    let [ticks, slices] = [0, 0];
    const timer = setInterval(() => ticks++, 1);
    await charloom.runInSlices(busy(), () => slices++);
    clearInterval(timer);
    return { ticks, slices };
  },
  // A copy of a draft returns to its place; the symbols of a copy may be chosen by hand.
  draft: (charloom, generator, { prompt, options, before, chosen }) => {
    const draft = new charloom.Draft(generator.begin(prompt, options), 5n);
    for (let k = 0; k < before; k++) draft.step();
    const copy = draft.copy();
    const steps = [draft, copy].map((one) => {
      const list = [];
      for (let step = one.step(); step !== null; step = one.step()) list.push(step.id);
      return list;
    });
    const other = new charloom.Draft(generator.begin(prompt, options), 5n);
    const appended = chosen.map((id) => other.append(id)?.piece ?? null);
    const { model, sampled } = other.candidates();
    return { steps, bits: [draft.bits, copy.bits], appended, model: [...model], sampled: [...sampled] };
  },
  exp: async ({ arithmetic }, _, { bits }) => {
    const values = new Float32Array(Int32Array.from(bits).buffer);
    return ["exp", "sigmoid", "tanh"].map((name) => [
      ...new Int32Array(values.map(arithmetic[name]).buffer),
    ]);
  },
  uniform: async ({ randomness }, _, { places }) =>
    places.map(([low, high, position]) => randomness.uniform(low, high, position)),
  weights: async ({ labels }, _, { given }) => [...labels.normalizeWeights(new Map(given))],
  kernel: (_, generator) => generator.network.kernel.name,
  read: (charloom, _, { source }) => {
    charloom.readModel(source);
    return null;
  },
  tensor: (charloom, _, { source, name }) => [...charloom.readModel(source).tensors[name]],
  options: (charloom, _, { options }) => {
    charloom.readOptions(options);
    return null;
  },
  prompt: (_, generator, { prompt }) => generator.readPrompt(prompt),
  logits: (charloom, generator, { text, label }) => [
    ...charloom.readLogits(generator, text, label),
  ],
  next: (charloom, generator, { text, label }) => charloom.nextSymbols(generator, text, label),
  surprisals: (charloom, generator, { text, label }) =>
    charloom.measureSurprisals(generator, text, label),
  states: (charloom, generator, { text, label }) => {
    const { symbols, shape, hidden, cell, gates } = charloom.traceStates(generator, text, label);
    const listed = Object.entries(gates).map(([name, values]) => [name, [...values]]);
    return { symbols, shape, hidden: [...hidden], cell: [...cell], gates: listed };
  },
};

function plain({ text, bits, ids, stopped, exact, seed }) {
  return { text, bits, ids, stopped, exact, seed: String(seed) };
}
