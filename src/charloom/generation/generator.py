"""From a prompt to a text, one symbol at a time. Axes: B streams, V symbols.

The state is carried, so what a symbol costs does not grow with the length of the text.

The symbol at position t of a text, counted from 0 after the prompt, is drawn with the uniform that
belongs to (seed of the text, t), so a text depends on its own seed only, not on its neighbours.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from charloom import units
from charloom.errors import LabelError, SettingsError
from charloom.generation.philox import uniform
from charloom.generation.pieces import Pieces
from charloom.generation.reference import Network, State
from charloom.generation.sampling import choose, probabilities, surprisal
from charloom.settings import SamplingSettings
from charloom.text.vocabulary import EOS, UNK, Vocabulary

StopKind = Literal["eos", "length", "stop"]

BATCH = 256
"""The largest number of texts that are drawn side by side, which bounds memory."""
BLOCK = 64
"""Uniforms are made for so many positions at once, which is cheaper than one by one."""
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
        self, network: Network, vocabulary: Vocabulary, labels: tuple[str, ...] = ()
    ) -> None:
        self._network = network
        self._vocabulary = vocabulary
        self._labels = labels
        self._allowed_V = np.arange(len(vocabulary)) != UNK

    def generate(self, prompt: str, settings: SamplingSettings, n: int = 1) -> list[Generated]:
        """Return ``n`` texts; text ``k`` is the one that ``settings.seed + k`` alone gives.

        Symbols of the prompt that the vocabulary lacks are read as ``<unk>``. Raises LabelError for
        a label that the model does not know, SettingsError if ``n`` is below 1.
        """
        if n < 1:
            raise SettingsError(f"n is {n}; it must be at least 1.")
        logits_BV, state = self._read(prompt, settings.label)
        result = []
        for first in range(0, n, BATCH):
            seeds = range(settings.seed + first, settings.seed + min(n, first + BATCH))
            texts = [_Text(seed, self._vocabulary, settings) for seed in seeds]
            for _ in self._grow(texts, logits_BV, state, settings.temperature):
                pass
            result += [text.generated(prompt, settings.label) for text in texts]
        return result

    def stream(self, prompt: str, settings: SamplingSettings) -> Iterator[str]:
        """Return the pieces of the text that ``generate`` gives, prompt left out, as they come.

        What may be the beginning of a stop string, or of a character of several bytes, is held back
        until that is known. Raises as ``generate`` does, at once.
        """
        logits_BV, state = self._read(prompt, settings.label)
        text = _Text(settings.seed, self._vocabulary, settings)
        steps = self._grow([text], logits_BV, state, settings.temperature)
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

    def _read(self, text: str, label: str | None) -> tuple[NDArray[np.floating[Any]], State]:
        """Return logits (1, V) and state after the boundary and ``text``."""
        state = self._network.start(np.array([label_id(label, self._labels)]))
        ids = np.concatenate([[EOS], self._vocabulary.encode(text)])
        for ids_B in ids[:, None]:
            state = self._network.advance(ids_B, state)
        return self._network.logits(state), state

    def _grow(
        self,
        texts: Sequence["_Text"],
        logits_BV: NDArray[np.floating[Any]],
        state: State,
        temperature: float,
    ) -> Iterator[None]:
        """Add one symbol to each text at a time until all have ended; those that end leave."""
        every = np.zeros(len(texts), np.int64)  # each begins as a copy of the prompt's one row
        logits_BV, state = logits_BV[every], state.take(every)
        position = 0
        while True:
            column = position % BLOCK
            if column == 0:
                uniforms = _uniforms(texts, position)
            ids_B = choose(logits_BV, temperature, uniforms[:, column], self._allowed_V)
            nats_B = surprisal(logits_BV, ids_B)
            for text, index, nats in zip(texts, ids_B.tolist(), nats_B.tolist(), strict=True):
                text.add(index, nats)
            yield
            rows = np.array([row for row, text in enumerate(texts) if text.stopped is None])
            if len(rows) == 0:
                return
            if len(rows) < len(texts):
                texts = [texts[row] for row in rows]
                ids_B, state, uniforms = ids_B[rows], state.take(rows), uniforms[rows]
            logits_BV, state = self._network.step(ids_B, state)
            position += 1


class _Text:
    """A text while it grows."""

    def __init__(self, seed: int, vocabulary: Vocabulary, settings: SamplingSettings) -> None:
        self.seed = seed
        self.stopped: StopKind | None = None
        self.pieces: list[str] = []
        self._nats = 0.0
        self._symbols = vocabulary.symbols
        self._joiner = Pieces(vocabulary.level, settings.stop)
        self._length = settings.length

    def add(self, index: int, nats: float) -> None:
        """Add one symbol by its id, and to ``pieces`` the text that it releases."""
        self._nats += nats
        piece = "" if index == EOS else self._joiner.push(self._symbols[index])
        if index == EOS:
            self.stopped = "eos"
        elif self._joiner.stopped:
            self.stopped = "stop"
        elif len(self.pieces) + 1 == self._length:
            self.stopped = "length"
        self.pieces.append(piece + self._joiner.finish() if self.stopped else piece)

    def generated(self, prompt: str, label: str | None) -> Generated:
        """Return the text, which has ended."""
        assert self.stopped is not None
        return Generated(
            text=prompt + "".join(self.pieces),
            prompt=prompt,
            seed=self.seed,
            bits=units.bits(self._nats),
            symbols=len(self.pieces),
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


def _uniforms(texts: Sequence[_Text], position: int) -> NDArray[np.float64]:
    """Return the uniforms (B, BLOCK) of the next positions of each text."""
    seeds = np.array([text.seed for text in texts], np.uint64)
    return uniform(seeds[:, None], np.arange(position, position + BLOCK, dtype=np.uint64))
