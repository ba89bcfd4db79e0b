/** A model of charloom in a page: `const model = await load("model.json")`. */

/** A mistake of a caller, or a fault of a model; its message is one line. */
export class CharloomError extends Error {}

/** A text, or the ids of its symbols. */
export type Prompt = string | { ids: readonly number[] };

/** A label, or weights by label. */
export type Label = string | ReadonlyMap<string, number> | Record<string, number> | null;

/** Options of sampling; those left out have their defaults. */
export interface Options {
  /** Divisor of the logits, 0 is greedy; 0.8 by default. */
  temperature?: number | null;
  /** Symbols at most; 500 by default. */
  length?: number | null;
  /** Symbols at least. */
  minLength?: number | null;
  /** Texts before which the result ends. */
  stop?: string | readonly string[] | null;
  /** 0 to 2**63 - 1, 0 by default; write numbers above 2**53 as a text or a bigint. */
  seed?: number | bigint | string | null;
  label?: Label;
  /** Sample from the k most probable symbols. */
  topK?: number | null;
  /** Sample from the most probable symbols whose probabilities reach this sum. */
  topP?: number | null;
  /** Leave out symbols less probable than this part of the most probable one. */
  minP?: number | null;
  repetitionPenalty?: number | null;
  repetitionSpan?: number | null;
  /** Added to the logits of symbols; -Infinity forbids one. */
  bias?: ReadonlyMap<string, number> | Record<string, number> | null;
}

/** A sampled symbol. */
export interface Step {
  id: number;
  symbol: string;
  /** Its surprisal under the model itself. */
  bits: number;
  /** The text that it adds. */
  piece: string;
}

export interface Listener {
  /** Gets the symbols of each slice of 8 ms. */
  onSteps?: (steps: Step[]) => void;
  /** Ends the text; the promise is then rejected. */
  signal?: AbortSignal;
  /** Text `k` of several has the seed `seed + k`. */
  k?: number;
}

export interface GeneratedText {
  /** The prompt and the text added to it. */
  text: string;
  prompt: string;
  seed: bigint;
  /** Bits of the generated symbols under the model itself. */
  bits: number;
  /** Ids of the generated symbols. */
  ids: number[];
  stopped: "eos" | "length" | "stop";
  /** Whether charloom reads the prompt as the same symbols. */
  exact: boolean;
}

export interface Candidate {
  id: number;
  symbol: string;
  /** Probability of the model itself: temperature 1, nothing changed. */
  probability: number;
  /** The probability with which it is sampled. */
  sampled: number;
}

export interface Model {
  /** Where it computes. */
  place: "worker" | "page";
  model: {
    network: { cell: "lstm" | "gru" | "rnn"; hidden: number; layers: number; input: number | "one-hot" };
    level: "char" | "byte" | "grapheme" | "word" | "closed-word";
    /** In the order of their ids. */
    symbols: readonly string[];
    labels: readonly string[];
    /** Whether texts have their full length, since the training text had no ends. */
    endless: boolean;
  };
  /** Write the text of `charloom generate` for the same seed and options. */
  generate(prompt?: Prompt, options?: Options, listener?: Listener): Promise<GeneratedText>;
  /** Return the most probable next symbols under options. */
  candidates(
    text: Prompt,
    options?: Options,
    count?: number,
  ): Promise<{ list: Candidate[]; perplexity: number }>;
  /** Return all symbols that may follow a text, with their probabilities. */
  next(text: Prompt, label?: Label): Promise<[string, number][]>;
  /** Return the bits of each symbol of a text, and of the boundary that ends it. */
  surprisals(
    text: Prompt,
    label?: Label,
  ): Promise<{ symbols: string[]; bits: number[]; characters: number; bitsPerCharacter: number }>;
  /** Return states and gates, with axes (T, L, H). */
  states(
    text: Prompt,
    label?: Label,
  ): Promise<{
    symbols: string[];
    shape: [number, number, number];
    hidden: Float32Array;
    cell: Float32Array;
    gates: Record<string, Float32Array>;
  }>;
  /** Return a prompt as the network reads it. */
  readPrompt(
    prompt: Prompt,
  ): Promise<{ text: string; ids: number[]; symbols: string[]; exact: boolean }>;
  /** Free the worker. */
  close(): void;
}

/** Open a model: the address of model.json, or its content. */
export function load(source: string | URL | object): Promise<Model>;
