"""Forbidden strings of a vocabulary as JSON, for javascript/forbidden.js.

    {
      "format": "charloom-forbidden", "states": 9, "rows": 2, "exceptions": 40, "start": 0,
      "default": "...", "base": "...", "offsets": "...", "symbols": "...", "targets": "...",
      "may_end": "..."
    }

It is the automaton of generation/sparse_automaton.py over the symbols of one vocabulary. ``start``
is the state before the first symbol. ``default`` has the state after each symbol, (rows, V), and
``base`` the row of each state, (states); -1 where a forbidden string would be complete. Exceptions
``offsets[s]`` to ``offsets[s + 1]`` of a state ``s`` replace its row: ``symbols`` and ``targets``,
(exceptions). All of these are int32 with the lowest byte first. ``may_end``, (states), are bytes: 1
where a text may end. All are in base64.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from charloom.exchange.model_json import to_base64
from charloom.generation.forbidden_strings import ForbiddenStrings, Lengths
from charloom.text.vocabulary import EOS, UNK, Vocabulary

FORMAT: Final = "charloom-forbidden"


def forbidden_object(
    strings: Sequence[str],
    vocabulary: Vocabulary,
    *,
    whole_words: bool = False,
    ignore_case: bool = False,
) -> dict[str, Any]:
    """Return the JSON object of strings that no text may hold.

    Raises SettingsError for strings that leave nothing to write, and for too many.
    """
    forbidden = ForbiddenStrings(
        strings, vocabulary, whole_words=whole_words, ignore_case=ignore_case
    )
    allowed_V = np.ones(len(vocabulary), np.bool_)
    allowed_V[[EOS, UNK]] = False
    lengths = Lengths(allowed_V=allowed_V, min=0, max=len(vocabulary))
    automaton, start = forbidden.build_automaton("", lengths, None, None)
    sparse = automaton.forbidden
    assert sparse is not None
    return {
        "format": FORMAT,
        "states": len(sparse),
        "rows": len(sparse.default_DV),
        "exceptions": len(sparse.symbols_E),
        "start": start,
        "default": to_base64(sparse.default_DV, "<i4"),
        "base": to_base64(sparse.base_F, "<i4"),
        "offsets": to_base64(sparse.offsets_F1, "<i4"),
        "symbols": to_base64(sparse.symbols_E, "<i4"),
        "targets": to_base64(sparse.targets_E, "<i4"),
        "may_end": to_base64(sparse.may_end_F, "u1"),
    }
