"""Transitions over whole symbols, against the byte automaton walked symbol by symbol."""

import numpy as np
import pytest
from networks import make_vocabulary

from charloom.errors import SettingsError
from charloom.generation.byte_automaton import ByteAutomaton
from charloom.generation.symbol_spellings import ByteTable, SymbolSpellings
from charloom.settings import Level
from charloom.text.symbols import BYTES
from charloom.text.vocabulary import UNK

PATTERN = "(ab|é日?|[c-f]+)*"
SYMBOLS: dict[Level, list[str]] = {
    "char": ["a", "b", "é", "日", "x"],
    "word": ["ab", "é日", "aba", "c", "x"],
    "byte": [BYTES[byte] for byte in "abé".encode()],
}


@pytest.mark.parametrize("level", SYMBOLS)
def test_rows_after_each_symbol_are_those_of_a_walk(level: Level) -> None:
    vocabulary, automaton = make_vocabulary(SYMBOLS[level], level), ByteAutomaton(PATTERN)
    assert automaton.start is not None
    table, spellings = ByteTable(automaton, 1000), SymbolSpellings(vocabulary)
    starts = [automaton.start, automaton.walk(automaton.start, b"a")]
    assert starts[1] is not None
    rows = np.array([table.row(state) for state in starts if state is not None])
    allowed = np.arange(len(vocabulary)) != 3
    allowed[:2] = False
    result = spellings.advance(rows, table, allowed)
    for start, row in zip(starts, result.tolist(), strict=True):
        for index, symbol in enumerate(vocabulary.symbols):
            spelled = bytes([BYTES.index(symbol)]) if symbol in BYTES[128:] else symbol.encode()
            expected = automaton.walk(start, spelled) if allowed[index] else None
            assert table.states[row[index]] == (-1 if expected is None else expected)
    assert not result[:, UNK].any()


def test_too_many_states_are_refused() -> None:
    automaton = ByteAutomaton("a{40}")
    table, state = ByteTable(automaton, 20), automaton.start
    with pytest.raises(SettingsError, match="'a\\{40\\}', is too large"):
        for _ in range(40):
            assert state is not None
            table.row(state)
            state = automaton.walk(state, b"a")
