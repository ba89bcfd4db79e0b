"""From symbols to text, block by block.

``IncrementalDetokenizer`` joins symbols and finds stop strings. ``PartialText`` adds the count of
symbols, their bits and the reason for the end, and becomes a ``GeneratedText``.
"""

import codecs
import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from charloom import units
from charloom.records import Record
from charloom.settings import Label, Level, SamplingSettings
from charloom.text.symbols import code_of, join
from charloom.text.vocabulary import EOS, Vocabulary


class IncrementalDetokenizer:
    """Joins the symbols of one text and ends it before the first stop string.

    The results of ``push`` and ``finish``, concatenated, equal ``symbols.join`` of the pushed
    symbols, cut before the stop string that ends first; of several with the same end, the longest
    counts. Text is held back while it may be the beginning of a stop string or of a character of
    several bytes. It is shorter than the longest stop string.
    """

    def __init__(self, level: Level, stop: Sequence[str] = ()) -> None:
        self.stopped = False
        """Whether a stop string was found."""
        self._level = level
        self._stop = stop
        self._held = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def push(self, symbols: Sequence[str]) -> tuple[str, int]:
        """Add symbols; return the released text, and the number of symbols added.

        The symbols after a complete stop string are not added.
        """
        if not self._stop:
            self._held += self._join(symbols)
            return self._release(len(self._held)), len(symbols)
        released = []
        for added, symbol in enumerate(symbols, start=1):
            released.append(self._push_one(symbol))
            if self.stopped:
                return "".join(released), added
        return "".join(released), len(symbols)

    def _push_one(self, symbol: str) -> str:
        self._held += self._join([symbol])
        starts = [(self._held.index(stop), stop) for stop in self._stop if stop in self._held]
        if starts:
            self.stopped = True
            # The first end counts; of several matches with the same end, the first start.
            _, first = min((start + len(stop), start) for start, stop in starts)
            return self._release(first)
        return self._release(len(self._held) - self._possible_stop_length())

    def finish(self) -> str:
        """Return the held-back text once no symbol follows; nothing after a stop string."""
        if self.stopped:
            return ""
        self._held += self._decoder.decode(b"", final=True)
        return self._release(len(self._held))

    def _join(self, symbols: Sequence[str]) -> str:
        if self._level != "byte":
            return join(symbols, self._level)
        code = code_of(self._level)
        return self._decoder.decode(bytes(map(code, symbols)))

    def _possible_stop_length(self) -> int:
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
class GeneratedText(Record):
    """A generated text with its score."""

    text: str
    """The prompt and the text added to it, up to a stop string."""
    prompt: str
    seed: int
    bits: float
    """Information of the generated symbols under the model itself: temperature 1, logits not
    processed."""
    symbols: int
    """Generated symbols, which ``bits`` is summed over. Includes the boundary, or the symbols of
    the stop string, that ended the text."""
    stopped: StopKind
    """Reason for the end: the boundary symbol, the maximum length, or a stop string."""
    label: Label


class PartialText:
    """A text that is being generated. The caller collects its pieces."""

    def __init__(self, seed: int, vocabulary: Vocabulary, settings: SamplingSettings) -> None:
        self.seed = seed
        self.stopped: StopKind | None = None
        self.symbols = 0
        self._nats = 0.0
        self._symbols = vocabulary.symbols
        self._detokenizer = IncrementalDetokenizer(vocabulary.level, settings.stop)
        self._max_length = settings.length
        self._label = settings.label

    def append(self, ids: list[int], nats: NDArray[np.float64]) -> str:
        """Add symbols by their ids, with their surprisals; return the released text.

        Sets ``stopped`` at the end of the text; nothing may be added after it. The symbols after a
        stop string are ignored.
        """
        if ids[-1] == EOS:
            self.stopped = "eos"
        symbols = [self._symbols[index] for index in ids if index != EOS]
        released, added = self._detokenizer.push(symbols)
        if self._detokenizer.stopped:
            self.stopped, ids, nats = "stop", ids[:added], nats[:added]
        self.symbols += len(ids)
        self._nats += math.fsum(nats)
        if self.stopped is None and self.symbols == self._max_length:
            self.stopped = "length"
        return released + self._detokenizer.finish() if self.stopped else released

    def finish(self, prompt: str, added: str) -> GeneratedText:
        """Return the text once it has ended; ``added`` is the concatenation of all pieces."""
        assert self.stopped is not None
        return GeneratedText(
            text=prompt + added,
            prompt=prompt,
            seed=self.seed,
            bits=units.bits(self._nats),
            symbols=self.symbols,
            stopped=self.stopped,
            label=self._label,
        )
