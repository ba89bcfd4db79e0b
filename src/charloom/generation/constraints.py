"""Regular expressions as masks over symbols: every text that is drawn matches as a whole.

Axes: V symbols, Q states of the automaton, J symbols that must still come at least, B streams.
"""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from charloom.text.vocabulary import EOS, Vocabulary

NEVER = np.iinfo(np.int32).max
"""Further symbols to a match where there is none."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Automaton:
    """A deterministic automaton over the symbols of a vocabulary."""

    table_QV: NDArray[np.int32]
    """The state after each symbol, -1 where no match can come of it; the columns of the boundary
    and of ``<unk>`` are -1."""
    need_JQ: NDArray[np.int32]
    """The fewest symbols, at least J of them, that lead from a state to a whole match; NEVER if
    none do. J goes from 0 to the minimum length."""

    def allowed(
        self, states_B: NDArray[np.int64], *, drawn: int, minimum: int, length: int
    ) -> NDArray[np.bool_]:
        """Return which symbols, (B, V), may come after ``drawn`` ones."""
        next_BV = self.table_QV[states_B]
        need_BV = self.need_JQ[max(minimum - drawn - 1, 0)][next_BV]
        allowed_BV: NDArray[np.bool_] = (next_BV >= 0) & (need_BV <= length - drawn - 1)
        allowed_BV[:, EOS] = self.need_JQ[max(minimum - drawn, 0)][states_B] == 0
        return allowed_BV


class Expression:
    """A regular expression, made ready for the symbols of a vocabulary."""

    def __init__(self, pattern: str, vocabulary: Vocabulary) -> None:
        """Raises SettingsError for a pattern that is no regular expression or too large."""
        raise NotImplementedError

    def automaton(
        self, prompt: str, *, allowed_V: NDArray[np.bool_], minimum: int, length: int
    ) -> tuple[Automaton, int]:
        """Return the automaton and its state after ``prompt``.

        Paths lead over symbols of ``allowed_V`` only. Raises SettingsError if no text of
        ``minimum`` to ``length`` symbols after the prompt matches.
        """
        raise NotImplementedError
