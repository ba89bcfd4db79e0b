"""The automaton of an expression as a JSON object, for javascript/automaton.js.

    {
      "format": "charloom-automaton", "pattern": "K[a-z]+", "states": 3, "classes": 3,
      "class_of_byte": "...", "next": "...", "matches": "..."
    }

Its states read the bytes of UTF-8; state 0 is the one before the first byte. ``next`` has the
state after a byte of each class, (states, classes), as int32 with the lowest byte first; -1 where
no match can follow. ``class_of_byte``, (256), and ``matches``, (states), are bytes; a state of
which ``matches`` is 1 is the end of a whole match. All three are in base64.
"""

from typing import Any, Final

import numpy as np

from charloom.errors import SettingsError
from charloom.exchange.model_json import to_base64
from charloom.generation.byte_automaton import ByteAutomaton, quote, too_large_error

FORMAT: Final = "charloom-automaton"
MAX_STATES: Final = 20_000
"""A page with more would be slow to open."""


def automaton_object(pattern: str, *, max_states: int = MAX_STATES) -> dict[str, Any]:
    """Return the JSON object of an expression.

    Raises SettingsError for an expression that is not valid, that no text matches, or that has more
    than ``max_states`` states.
    """
    automaton = ByteAutomaton(pattern)
    if automaton.start is None or automaton.shortest_completion(automaton.start) is None:
        raise SettingsError(
            f"no text at all matches the expression {quote(pattern)}; give one that some text "
            "matches."
        )
    numbers = {automaton.start: 0}
    rows = []
    # The list grows while it is read.
    states = [automaton.start]
    for state in states:
        row = np.full(256, -1, np.int32)
        for byte, after in automaton.transitions(state):
            if after not in numbers:
                if len(numbers) == max_states:
                    raise too_large_error(pattern)
                numbers[after] = len(numbers)
                states.append(after)
            row[byte] = numbers[after]
        rows.append(row)
    columns_SC, class_of_byte = np.unique(np.array(rows), axis=1, return_inverse=True)
    matches = np.array([automaton.is_match(state) for state in states])
    return {
        "format": FORMAT,
        "pattern": pattern,
        "states": len(states),
        "classes": columns_SC.shape[1],
        "class_of_byte": to_base64(class_of_byte, "u1"),
        "next": to_base64(columns_SC, "<i4"),
        "matches": to_base64(matches, "u1"),
    }
