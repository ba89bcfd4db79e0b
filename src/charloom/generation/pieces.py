"""From symbols to text, piece by piece: unfinished characters and stop strings are held back."""

import codecs
from collections.abc import Sequence

from charloom.settings import Level
from charloom.text.symbols import code_of, join


class Pieces:
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
