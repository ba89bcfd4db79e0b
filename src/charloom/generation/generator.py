"""From a prompt to a text, one symbol at a time. Axes: B streams, V symbols.

The state is carried, so what a symbol costs does not grow with the length of the text.

The symbol at position t of a text, counted from 0 after the prompt, is drawn with the uniform that
belongs to (seed of the text, t), so a text depends on its own seed only, not on its neighbours.
"""

import dataclasses
import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from charloom import units
from charloom.errors import LabelError
from charloom.generation.arithmetic import Floats
from charloom.generation.engine import Engine
from charloom.generation.growth import Streams, compiled, grow, read
from charloom.generation.pieces import Pieces
from charloom.generation.reference import State
from charloom.generation.sampling import probabilities
from charloom.settings import SamplingSettings
from charloom.text.vocabulary import EOS, UNK, Vocabulary

StopKind = Literal["eos", "length", "stop"]

BATCH = 256
"""The largest number of texts that NumPy draws side by side, which bounds memory."""
COMPILED_BATCH = 16
"""The same for compiled code, one thread each: their sums stay in the processor's cache."""
BLOCK = 64
"""Symbols that are drawn before texts are looked at, for their end and for stop strings."""
SHOWN_LABELS = 20
"""How many known labels an error lists."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Generated:
    """A text that was drawn, and how."""

    text: str
    """The prompt and what was added to it; it ends before a stop string."""
    prompt: str
    seed: int
    bits: float
    """Information of the generated symbols under the model itself (temperature 1, nothing masked),
    including the boundary, or the symbols of the stop string, that ended the text."""
    symbols: int
    """How many symbols were generated: those that ``bits`` is the sum over."""
    stopped: StopKind
    """What ended the text: the boundary symbol, the largest length, or a stop string."""
    label: str | None


class Generator:
    """Draws texts from a trained network. One generator may draw any number of texts."""

    def __init__(
        self, engine: Engine, vocabulary: Vocabulary, labels: tuple[str, ...] = ()
    ) -> None:
        self._engine = engine
        self._vocabulary = vocabulary
        self._labels = labels

    def generate(self, prompt: str, settings: SamplingSettings, n: int = 1) -> list[Generated]:
        """Return ``n`` texts; text ``k`` is the one that ``settings.seed + k`` alone gives.

        Symbols of the prompt that the vocabulary lacks are read as ``<unk>``. Raises LabelError for
        a label that the model does not know, SettingsError if ``n`` is below 1.
        """
        texts = [_Text(seed, self._vocabulary, settings) for seed in settings.seeds(n)]
        logits_BV, state = self._read(prompt, settings.label)
        # Side by side, NumPy draws a few texts in about the time of one.
        kernels = compiled(self._engine, math.ceil(n / COMPILED_BATCH) * settings.length)
        size = BATCH if kernels is None else COMPILED_BATCH
        batches = [texts[first : first + size] for first in range(0, n, size)]

        def draw(batch: list[_Text]) -> None:
            for _ in self._grow(batch, logits_BV, state, settings, BLOCK, kernels):
                pass

        if kernels is None or len(batches) == 1:
            for batch in batches:
                draw(batch)
        else:
            with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
                list(pool.map(draw, batches))
        return [text.generated(prompt, settings.label) for text in texts]

    def stream(self, prompt: str, settings: SamplingSettings) -> Iterator[str]:
        """Return the pieces of the text that ``generate`` gives, prompt left out, as they come.

        What may be the beginning of a stop string, or of a character of several bytes, is held back
        until that is known. Raises as ``generate`` does, at once.
        """
        logits_BV, state = self._read(prompt, settings.label)
        text = _Text(settings.seed, self._vocabulary, settings)
        kernels = compiled(self._engine, settings.length)
        steps = self._grow([text], logits_BV, state, settings, 1, kernels)
        return (text.pieces[-1] for _ in steps if text.pieces[-1])

    def next(self, text: str, label: str | None = None) -> list[tuple[str, float]]:
        """Return what may follow ``text``: symbols and probabilities, most probable first.

        ``<eos>`` is among them. ``<unk>`` is left out since it is never drawn, and the others are
        not scaled up for it: they sum to 1 minus its probability.
        """
        logits_BV, _ = self._read(text, label)
        chances_V = probabilities(logits_BV, 1.0)[0]
        order = np.argsort(-chances_V, kind="stable").tolist()
        symbols = self._vocabulary.symbols
        return [(symbols[index], float(chances_V[index])) for index in order if index != UNK]

    def _read(self, text: str, label: str | None) -> tuple[Floats, State]:
        """Return logits (1, V) and state after the boundary and ``text``."""
        state = self._engine.start(np.array([label_id(label, self._labels)]))
        return read(self._engine, np.concatenate([[EOS], self._vocabulary.encode(text)]), state)

    def _grow(
        self,
        texts: Sequence["_Text"],
        logits_1V: Floats,
        state: State,
        settings: SamplingSettings,
        block: int,
        kernels: Any | None,
    ) -> Iterator[None]:
        """Add ``block`` symbols to each text at a time until all have ended; those leave."""
        every = np.zeros(len(texts), np.int64)  # each begins as a copy of the prompt's one row
        streams = Streams(
            state=state.take(every),
            logits_SV=logits_1V[every],
            seeds_S=np.array([text.seed for text in texts], np.uint64),
        )
        while texts:
            steps = min(block, settings.length - streams.position)
            drawn = grow(self._engine, streams, steps, settings.temperature, kernels)
            for row, text in enumerate(texts):
                length = drawn.lengths_S[row]
                text.add(drawn.ids_ST[row, :length].tolist(), drawn.nats_ST[row, :length])
            yield
            rows = drawn.rows.tolist()
            going = [place for place, row in enumerate(rows) if texts[row].stopped is None]
            texts = [texts[rows[place]] for place in going]
            if len(going) < len(rows):
                streams.keep(np.array(going, np.int64))


class _Text:
    """A text while it grows."""

    def __init__(self, seed: int, vocabulary: Vocabulary, settings: SamplingSettings) -> None:
        self.seed = seed
        self.stopped: StopKind | None = None
        self.pieces: list[str] = []
        self.symbols = 0
        self._nats = 0.0
        self._symbols = vocabulary.symbols
        self._joiner = Pieces(vocabulary.level, settings.stop)
        self._length = settings.length

    def add(self, ids: list[int], nats: NDArray[np.float64]) -> None:
        """Add symbols by their ids, and to ``pieces`` the text that they release."""
        if ids[-1] == EOS:
            self.stopped = "eos"
        symbols = [self._symbols[index] for index in ids if index != EOS]
        released, taken = self._joiner.push(symbols)
        if self._joiner.stopped:
            self.stopped, ids, nats = "stop", ids[:taken], nats[:taken]
        self.symbols += len(ids)
        self._nats += math.fsum(nats)
        if self.stopped is None and self.symbols == self._length:
            self.stopped = "length"
        self.pieces.append(released + self._joiner.finish() if self.stopped else released)

    def generated(self, prompt: str, label: str | None) -> Generated:
        """Return the text, which has ended."""
        assert self.stopped is not None
        return Generated(
            text=prompt + "".join(self.pieces),
            prompt=prompt,
            seed=self.seed,
            bits=units.bits(self._nats),
            symbols=self.symbols,
            stopped=self.stopped,
            label=label,
        )


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
    known = ", ".join(labels[:SHOWN_LABELS])
    rest = f" and {len(labels) - SHOWN_LABELS} more" if len(labels) > SHOWN_LABELS else ""
    raise LabelError(f"label {label!r} is not known to this model; known labels: {known}{rest}.")
