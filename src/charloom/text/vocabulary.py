"""The vocabulary: ids of symbols, with ``<eos>`` and ``<unk>`` first."""

import dataclasses
import functools
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self, get_args

import numpy as np
from numpy.typing import NDArray

from charloom.errors import ModelFolderError
from charloom.settings import Level
from charloom.text.documents import Block
from charloom.text.hashing import encode_utf8
from charloom.text.symbols import (
    code_of,
    code_units,
    has_codes,
    has_fallback,
    is_symbol,
    iter_symbols,
    join,
)

EOS = 0
"""The id of the boundary before and after every document."""
UNK = 1
"""The id of every symbol that is not in the vocabulary."""

_SPECIAL = ("<eos>", "<unk>")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The symbols of a model and their ids."""

    level: Level
    symbols: tuple[str, ...]
    """In id order; the first two are ``<eos>`` and ``<unk>``."""
    counts: tuple[int, ...]
    """Occurrences in the training set; for ``<eos>`` documents, for ``<unk>`` replaced symbols."""
    token_pattern: str | None = None
    """The regular expression whose matches are symbols (text/symbols.py)."""

    @classmethod
    def from_counts(
        cls,
        level: Level,
        symbols: Sequence[str],
        counts: Sequence[int] | NDArray[np.integer[Any]],
        min_count: int,
        documents: int,
        token_pattern: str | None = None,
        known: Sequence[str] = (),
    ) -> Self:
        """Return the vocabulary of the symbols that occur at least ``min_count`` times.

        Ids go from the most to the least frequent symbol; ties are in code point order. Where
        characters spell rare symbols, each character that occurs so often is a symbol, even if it
        occurs in frequent words only: its count, of characters that stand alone, may be 0.

        ``known`` symbols come first, in their order, whatever their count.
        """
        counted = {symbol: int(count) for symbol, count in zip(symbols, counts, strict=True)}
        min_count = max(min_count, 1)
        if has_fallback(level, token_pattern):
            counted, kept = _spell_rare(counted, min_count, known)
        else:
            kept = {symbol for symbol, count in counted.items() if count >= min_count}
        new = sorted(kept.difference(known), key=lambda symbol: (-counted[symbol], symbol))
        ordered = (*known, *new)
        replaced = sum(counted.values()) - sum(counted.get(symbol, 0) for symbol in ordered)
        return cls(
            level=level,
            token_pattern=token_pattern,
            symbols=(*_SPECIAL, *ordered),
            counts=(documents, replaced, *(counted.get(symbol, 0) for symbol in ordered)),
        )

    @classmethod
    def union(cls, vocabularies: Sequence[Self]) -> Self:
        """Return the vocabulary of all symbols of several ones of the same level.

        The symbols of the first one keep their ids. Counts are added.
        """
        counts: Counter[str] = Counter()
        for vocabulary in vocabularies:
            counts.update(dict(zip(vocabulary.symbols, vocabulary.counts, strict=True)))
        first = vocabularies[0]
        return dataclasses.replace(first, symbols=tuple(counts), counts=tuple(counts.values()))

    def __len__(self) -> int:
        return len(self.symbols)

    def __getstate__(self) -> dict[str, Any]:
        """Return the fields alone, so that a pickle is small after use too."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def encode(self, text: str) -> NDArray[np.int64]:
        """Return the ids of ``text``, without boundaries; unknown symbols become UNK."""
        if self._has_codes:
            return self._lookup(code_units(text, self.level))
        ids = self.ids
        return np.fromiter((ids.get(s, UNK) for s in self.iter_symbols(text)), dtype=np.int64)

    def iter_symbols(self, text: str) -> Iterator[str]:
        """Yield the symbols of ``text`` in order, also unknown ones.

        Where characters spell words, a word is yielded only if it is known.
        """
        symbols = iter_symbols(text, self.level, self.token_pattern)
        return itertools.chain.from_iterable(map(self.spell, symbols)) if self.spells else symbols

    @functools.cached_property
    def spells(self) -> bool:
        """Whether characters spell a symbol that is not in the vocabulary."""
        return has_fallback(self.level, self.token_pattern)

    def spell(self, symbol: str) -> Sequence[str]:
        """Return ``symbol`` alone if it is known, else its characters.

        Only where ``spells`` is true.
        """
        return (symbol,) if symbol in self.ids else symbol

    def encode_block(self, block: Block) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the ids of all documents, concatenated, and the number of ids of each."""
        if self._has_codes and self.level == "char":
            return self._lookup(block.codes), block.lengths
        if self._has_codes:
            data, lengths = encode_utf8(block.codes, block.lengths)
            return self._lookup(data), lengths
        ids = [self.encode(text) for text in block.texts()]
        return np.concatenate(ids), np.fromiter(map(len, ids), dtype=np.int64)

    def _lookup(self, units: NDArray[Any]) -> NDArray[np.int64]:
        ids: NDArray[np.int64] = self._id_table.take(units, mode="clip")
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of ``ids``.

        Raises ValueError for EOS, UNK and numbers that are no ids.
        """
        return join([self.symbols[self._check_text_id(int(index))] for index in ids], self.level)

    def unknown_symbols(self, text: str) -> list[str]:
        """Return the symbols of ``text`` that are not in the vocabulary, each once."""
        return list(dict.fromkeys(s for s in self.iter_symbols(text) if s not in self.ids))

    @functools.cached_property
    def _has_codes(self) -> bool:
        return has_codes(self.level, self.token_pattern)

    @functools.cached_property
    def ids(self) -> Mapping[str, int]:
        """The id of each symbol with a text: all but EOS and UNK."""
        first = len(_SPECIAL)
        return {symbol: index for index, symbol in enumerate(self.symbols[first:], first)}

    @functools.cached_property
    def _id_table(self) -> NDArray[np.int64]:
        """The id of each code: (codes,).

        The last entry is UNK, for all codes above the largest known.
        """
        code = code_of(self.level)
        table = np.full(max(map(code, self.ids), default=-1) + 2, UNK, dtype=np.int64)
        for symbol, index in self.ids.items():
            table[code(symbol)] = index
        return table

    def _check_text_id(self, index: int) -> int:
        if not len(_SPECIAL) <= index < len(self):
            raise ValueError(f"id {index} has no text; ids with a text: 2 to {len(self) - 1}")
        return index

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of ``vocabulary.json``."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Return the vocabulary of a JSON object.

        Raises ModelFolderError if it is invalid.
        """
        fault = _fault(record)
        if fault:
            raise ModelFolderError(
                f"the vocabulary {fault}; it is damaged or altered: restore it, or train again."
            )
        return cls(
            level=record["level"],
            token_pattern=record.get("token_pattern"),
            symbols=tuple(record["symbols"]),
            counts=tuple(record["counts"]),
        )


def _spell_rare(
    counted: Mapping[str, int], min_count: int, known: Sequence[str]
) -> tuple[dict[str, int], set[str]]:
    """Return the counts with rare symbols spelled, and the symbols to keep.

    ``known`` symbols are not replaced.
    """
    always = set(known)
    characters: Counter[str] = Counter()
    spelled: Counter[str] = Counter()
    for symbol, count in counted.items():
        for character in symbol:
            characters[character] += count
        if len(symbol) == 1 or (count < min_count and symbol not in always):
            for character in symbol:
                spelled[character] += count
        else:
            spelled[symbol] += count
    kept = {symbol for symbol in spelled if len(symbol) > 1}
    kept |= {character for character, count in characters.items() if count >= min_count}
    return {symbol: spelled[symbol] for symbol in spelled.keys() | kept}, kept


def _fault(record: object) -> str | None:
    """Return the first fault of a vocabulary's JSON object, None if it is valid."""
    if not isinstance(record, Mapping) or not {"level", "symbols", "counts"} <= set(record):
        return "is no object with level, symbols and counts"
    levels = get_args(Level)
    if record["level"] not in levels:
        return f"has level {record['level']!r}; allowed: {', '.join(levels)}"
    pattern = record.get("token_pattern")
    if pattern is not None and not isinstance(pattern, str):
        return f"has token pattern {pattern!r}, which is no text"
    return _symbols_fault(record["symbols"], record["level"], pattern) or _counts_fault(
        record["counts"], len(record["symbols"])
    )


def _symbols_fault(symbols: object, level: Level, pattern: str | None) -> str | None:
    if not isinstance(symbols, list | tuple) or tuple(symbols[:2]) != _SPECIAL:
        return "has symbols that do not begin with <eos> and <unk>"
    for symbol in symbols[2:]:
        if not isinstance(symbol, str) or not is_symbol(symbol, level, pattern):
            return f"holds {symbol!r}, which is no symbol of level {level}"
    return "holds a symbol twice" if len(set(symbols)) != len(symbols) else None


def _counts_fault(counts: object, symbols: int) -> str | None:
    if not isinstance(counts, list | tuple) or len(counts) != symbols:
        return "has not one count for each symbol"
    if not all(type(count) is int and count >= 0 for count in counts):
        return "has counts that are not whole numbers from 0"
    return None
