"""From symbols to text, piece by piece: unfinished characters and stop strings are held back."""

import codecs
import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from charloom import units
from charloom.settings import Level, SamplingSettings
from charloom.text.symbols import code_of, join
from charloom.text.vocabulary import EOS, Vocabulary


class IncrementalDetokenizer:
    """Joins the symbols of one text as they come, and ends it before the first stop string.

    All that ``push`` and ``finish`` return, joined, is ``symbols.join`` of what was pushed, cut
    before the stop string that is complete first (of those complete at once, the longest). What is
    held back is shorter than the longest stop string.
    """

    def __init__(self, level: Level, stop: Sequence[str] = ()) -> None:
        self.stopped = False
        """Whether a stop string was found."""
        self._level = level
        self._stop = stop
        self._held = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, symbols: Sequence[str]) -> tuple[str, int]:
        """Add symbols; return the text that is now certain, and how many of them were taken.

        All are, unless a stop string becomes complete: those after it are left.
        """
        if not self._stop:
            self._held += self._text(symbols)
            return self._release(len(self._held)), len(symbols)
        released = []
        for taken, symbol in enumerate(symbols, start=1):
            released.append(self._push_one(symbol))
            if self.stopped:
                return "".join(released), taken
        return "".join(released), len(symbols)

    def _push_one(self, symbol: str) -> str:
        self._held += self._text([symbol])
        found = [(self._held.index(stop), len(stop)) for stop in self._stop if stop in self._held]
        if found:
            self.stopped = True
            return self._release(min((start + length, start) for start, length in found)[1])
        return self._release(len(self._held) - self._beginning())

    def finish(self) -> str:
        """Return what was held back, at the end of the text; none after a stop string."""
        if self.stopped:
            return ""
        self._held += self._decoder.decode(b"", final=True)
        return self._release(len(self._held))

    def _text(self, symbols: Sequence[str]) -> str:
        if self._level != "byte":
            return join(symbols, self._level)
        code = code_of(self._level)
        return self._decoder.decode(bytes(map(code, symbols)))

    def _beginning(self) -> int:
        """Return the length of the longest end of the held text that begins a stop string."""
        longest = min(len(self._held), max(map(len, self._stop), default=1) - 1)
        for length in range(longest, 0, -1):
            if any(stop.startswith(self._held[-length:]) for stop in self._stop):
                return length
        return 0

    def _release(self, length: int) -> str:
        piece, self._held = self._held[:length], self._held[length:]
        return piece


StopKind = Literal["eos", "length", "stop"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class GeneratedText:
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


class PartialText:
    """A text while it grows."""

    def __init__(self, seed: int, vocabulary: Vocabulary, settings: SamplingSettings) -> None:
        self.seed = seed
        self.stopped: StopKind | None = None
        self.symbols = 0
        self._nats = 0.0
        self._symbols = vocabulary.symbols
        self._joiner = IncrementalDetokenizer(vocabulary.level, settings.stop)
        self._length = settings.length

    def append(self, ids: list[int], nats: NDArray[np.float64]) -> str:
        """Add symbols by their ids; return the text that is now certain."""
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
        return released + self._joiner.finish() if self.stopped else released

    def finish(self, prompt: str, added: str, label: str | None) -> GeneratedText:
        """Return the text, which has ended; ``added`` is all that ``add`` returned."""
        assert self.stopped is not None
        return GeneratedText(
            text=prompt + added,
            prompt=prompt,
            seed=self.seed,
            bits=units.bits(self._nats),
            symbols=self.symbols,
            stopped=self.stopped,
            label=label,
        )
