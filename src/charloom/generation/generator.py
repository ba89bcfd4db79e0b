"""From a prompt to a text, one symbol at a time. Axes: B streams, V symbols.

The state is carried, so what a symbol costs does not grow with the length of the text.

The symbol at position t of a text, counted from 0 after the prompt, is drawn with the uniform that
belongs to (seed of the text, t), so a text depends on its own seed only, not on its neighbours.
"""

import functools
import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import numpy as np

from charloom.errors import LabelError, SettingsError
from charloom.generation.decode_loop import DecoderState, PromptState, compiled, decode, prefill
from charloom.generation.detokenizer import GeneratedText, PartialText
from charloom.generation.logits_processor import build_logits_processor
from charloom.generation.novelty import MAX_BATCH, NoveltyFilter
from charloom.generation.regex_constraint import RegexConstraint
from charloom.generation.sampling import softmax
from charloom.generation.session import Session
from charloom.network.engine import Engine
from charloom.network.exact import Floats
from charloom.network.reference import State
from charloom.settings import SamplingSettings
from charloom.text.vocabulary import EOS, UNK, Vocabulary

NUMPY_BATCH = 256
"""The largest number of texts that NumPy draws side by side, which bounds memory."""
COMPILED_BATCH = 16
"""The same for compiled code, one thread each: their sums stay in the processor's cache."""
BLOCK_SYMBOLS = 64
"""Symbols that are drawn before texts are looked at, for their end and for stop strings."""
MAX_SHOWN_LABELS = 20
"""How many known labels an error lists."""


class Generator:
    """Draws texts from a trained network: any number of them, from several threads at once."""

    def __init__(
        self, engine: Engine, vocabulary: Vocabulary, labels: tuple[str, ...] = ()
    ) -> None:
        self._engine = engine
        self._vocabulary = vocabulary
        self._labels = labels
        self._expression = functools.lru_cache(maxsize=8)(
            lambda pattern: RegexConstraint(pattern, vocabulary)
        )

    def generate(
        self,
        prompt: str,
        settings: SamplingSettings,
        n: int = 1,
        novelty_filter: NoveltyFilter | None = None,
    ) -> list[GeneratedText]:
        """Return ``n`` texts; text ``k`` is the one that ``settings.seed + k`` alone gives.

        With ``novel`` or ``unique`` seeds are left out whose texts the sieve holds back; with
        ``beam`` they are the ``n`` best of the search, the best first. Symbols of the prompt that
        the vocabulary lacks are read as ``<unk>``. Raises LabelError for a label that the model
        does not know, SettingsError for settings that do not suit the model, ``n`` below 1 and a
        prompt that no match begins with, SamplingError if too many texts are held back.
        """
        return list(self.texts(prompt, settings, n, novelty_filter))

    def texts(
        self,
        prompt: str,
        settings: SamplingSettings,
        n: int = 1,
        novelty_filter: NoveltyFilter | None = None,
    ) -> Iterator[GeneratedText]:
        """Yield what ``generate`` returns; the first ones are there before the last are begun."""
        seeds = settings.seeds(n)
        start = self._start(prompt, settings)
        if settings.beam is not None:
            from charloom.generation.beam import beam_search

            yield from beam_search(
                self._engine, self._vocabulary, start, settings, n, novelty_filter
            )
            return
        # Side by side, NumPy draws a few texts in about the time of one.
        kernels = compiled(self._engine, math.ceil(n / COMPILED_BATCH) * settings.length)
        draw = functools.partial(self._draw, start, settings, kernels)
        if novelty_filter is None:
            for first in range(0, n, MAX_BATCH):
                yield from draw(seeds[first : first + MAX_BATCH])
        else:
            yield from novelty_filter.filter(draw, settings, n)

    def stream(self, prompt: str, settings: SamplingSettings, block: int = 1) -> Iterator[str]:
        """Return the pieces of the text that ``generate`` gives, prompt left out, as they come.

        A piece comes after every ``block`` symbols, and memory does not grow with their number.
        What may be the beginning of a stop string, or of a character of several bytes, is held back
        until that is known. Raises as ``generate`` does, at once.
        """
        if settings.beam is not None or settings.novel or settings.unique:
            raise SettingsError(
                "beam, novel and unique decide on whole texts, which a stream has shown before; "
                "leave them out, or do not stream."
            )
        start = self._start(prompt, settings)
        text = PartialText(settings.seed, self._vocabulary, settings)
        kernels = compiled(self._engine, settings.length)
        steps = self._grow([text], start, settings, block, kernels)
        return (piece for _, piece in steps if piece)

    def session(self, prompt: str, settings: SamplingSettings) -> Session:
        """Return a text that a person writes with the network; raises as ``generate`` does."""
        if settings.beam is not None or settings.novel or settings.unique:
            raise SettingsError(
                "beam, novel and unique decide on whole texts, which a person does in a session; "
                "leave them out."
            )
        return Session(self._engine, self._vocabulary, self._start(prompt, settings), settings)

    def next(self, text: str, label: str | None = None) -> list[tuple[str, float]]:
        """Return what may follow ``text``: symbols and probabilities, most probable first.

        ``<eos>`` is among them. ``<unk>`` is left out since it is never drawn, and the others are
        not scaled up for it: they sum to 1 minus its probability.
        """
        logits_BV, _ = self._read(text, label)
        chances_V = softmax(logits_BV, 1.0)[0]
        order = np.argsort(-chances_V, kind="stable").tolist()
        symbols = self._vocabulary.symbols
        return [(symbols[index], float(chances_V[index])) for index in order if index != UNK]

    def _start(self, prompt: str, settings: SamplingSettings) -> PromptState:
        """Read a prompt, and prepare how to go on from it."""
        steering = build_logits_processor(settings, self._vocabulary, prompt, self._expression)
        logits_1V, state = self._read(prompt, settings.label)
        return PromptState(prompt=prompt, logits_1V=logits_1V, state=state, processor=steering)

    def _read(self, text: str, label: str | None) -> tuple[Floats, State]:
        """Return logits (1, V) and state after the boundary and ``text``."""
        state = self._engine.initial_state(np.array([label_id(label, self._labels)]))
        return prefill(self._engine, np.concatenate([[EOS], self._vocabulary.encode(text)]), state)

    def _draw(
        self,
        start: PromptState,
        settings: SamplingSettings,
        kernels: Any | None,
        seeds: Sequence[int],
    ) -> list[GeneratedText]:
        """Return the texts of some seeds, drawn side by side."""
        size = NUMPY_BATCH if kernels is None else COMPILED_BATCH

        def draw(batch: Sequence[int]) -> list[GeneratedText]:
            texts = [PartialText(seed, self._vocabulary, settings) for seed in batch]
            pieces: dict[int, list[str]] = {seed: [] for seed in batch}
            for text, piece in self._grow(texts, start, settings, BLOCK_SYMBOLS, kernels):
                pieces[text.seed].append(piece)
            return [
                text.finish(start.prompt, "".join(pieces[text.seed]), settings.label)
                for text in texts
            ]

        batches = [seeds[first : first + size] for first in range(0, len(seeds), size)]
        if kernels is None or len(batches) == 1:
            return list(chain.from_iterable(map(draw, batches)))
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            return list(chain.from_iterable(pool.map(draw, batches)))

    def _grow(
        self,
        texts: Sequence[PartialText],
        start: PromptState,
        settings: SamplingSettings,
        block: int,
        kernels: Any | None,
    ) -> Iterator[tuple[PartialText, str]]:
        """Add ``block`` symbols to each text at a time until all have ended; yield the pieces."""
        streams = DecoderState.from_prompt(start, [text.seed for text in texts])
        while texts:
            steps = min(block, settings.length - streams.position)
            drawn = decode(self._engine, streams, steps, start.processor, kernels)
            for row, text in enumerate(texts):
                length = drawn.lengths_B[row]
                yield (
                    text,
                    text.append(drawn.ids_BT[row, :length].tolist(), drawn.nats_BT[row, :length]),
                )
            rows = drawn.rows.tolist()
            going = [place for place, row in enumerate(rows) if texts[row].stopped is None]
            texts = [texts[rows[place]] for place in going]
            if len(going) < len(rows):
                streams.select(np.array(going, np.int64))


def label_id(label: str | None, labels: Sequence[str]) -> int:
    """Return the id of a label among those that a model knows; -1 for None.

    Raises LabelError for a label that is not among them.
    """
    if label is None:
        return -1
    if label in labels:
        return labels.index(label)
    if not labels:
        raise LabelError(
            f"label {label!r} was asked for, but this model has no labels; "
            "leave the label out, or train a model with --label-column."
        )
    known = ", ".join(labels[:MAX_SHOWN_LABELS])
    rest = f" and {len(labels) - MAX_SHOWN_LABELS} more" if len(labels) > MAX_SHOWN_LABELS else ""
    raise LabelError(f"label {label!r} is not known to this model; known labels: {known}{rest}.")
