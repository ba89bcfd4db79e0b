"""A text that was drawn, and one while it grows."""

import dataclasses
import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from charloom import units
from charloom.generation.pieces import Pieces
from charloom.settings import SamplingSettings
from charloom.text.vocabulary import EOS, Vocabulary

StopKind = Literal["eos", "length", "stop"]


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


class Growing:
    """A text while it grows."""

    def __init__(self, seed: int, vocabulary: Vocabulary, settings: SamplingSettings) -> None:
        self.seed = seed
        self.stopped: StopKind | None = None
        self.symbols = 0
        self._nats = 0.0
        self._symbols = vocabulary.symbols
        self._joiner = Pieces(vocabulary.level, settings.stop)
        self._length = settings.length

    def add(self, ids: list[int], nats: NDArray[np.float64]) -> str:
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

    def generated(self, prompt: str, added: str, label: str | None) -> Generated:
        """Return the text, which has ended; ``added`` is all that ``add`` returned."""
        assert self.stopped is not None
        return Generated(
            text=prompt + added,
            prompt=prompt,
            seed=self.seed,
            bits=units.bits(self._nats),
            symbols=self.symbols,
            stopped=self.stopped,
            label=label,
        )
