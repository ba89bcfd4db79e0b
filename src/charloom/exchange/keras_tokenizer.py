"""The JSON of a Keras Tokenizer (``Tokenizer.to_json()``), without Keras.

It has the fields ``class_name`` and ``config``. In ``config``, the tables are JSON within texts:
``word_index`` has the id of each symbol, ``index_word`` the symbol of each id, ``word_counts`` its
occurrences. Ids start at 1, since 0 is padding. With ``num_words``, ids from that number on are
not used.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from charloom.errors import SettingsError
from charloom.text.symbols import replace_surrogates

_MAX_IDS: Final = 10_000_000


def is_tokenizer(content: Mapping[str, Any]) -> bool:
    """Return whether a JSON object is that of a Tokenizer."""
    return "word_index" in content or isinstance(content.get("config"), Mapping)


def read_tokenizer(
    content: Mapping[str, Any], place: str
) -> tuple[list[str | None], bool, bool, str | None, dict[str, int]]:
    """Return the symbols by id and four facts about them.

    These are: whether they are words, whether letters are made small, the symbol of unknown ones or
    None, and the occurrences of each symbol. Raises SettingsError, beginning with ``place``, for
    another object.
    """
    try:
        config = content.get("config", content)
        by_name = _table(config["word_index"])
        for index, name in _table(config.get("index_word", {})).items():
            by_name.setdefault(name, index)
        ids = {replace_surrogates(str(name)): int(index) for name, index in by_name.items()}
        counts = {
            replace_surrogates(str(name)): max(0, int(count))
            for name, count in _table(config.get("word_counts", {})).items()
        }
        limit = config.get("num_words")
        unknown = config.get("oov_token")
        if limit is not None:
            ids = {name: index for name, index in ids.items() if index < int(limit)}
        names = _by_id(ids, place, None if limit is None else int(limit))
        is_char = config.get("char_level", False) is True
        lowers = config.get("lower", True) is True
    except (
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
        OverflowError,
        RecursionError,
    ) as error:
        if isinstance(error, SettingsError):
            raise
        raise SettingsError(
            f"{place} is no JSON of a Keras Tokenizer; write it with tokenizer.to_json()."
        ) from error
    if unknown is not None and not isinstance(unknown, str):
        unknown = None
    return names, not is_char, lowers, unknown, counts


def _table(value: Any) -> dict[Any, Any]:
    table = json.loads(value) if isinstance(value, str) else value
    if not isinstance(table, Mapping):
        raise TypeError
    return dict(table)


def _by_id(ids: Mapping[str, int], place: str, limit: int | None) -> list[str | None]:
    """Return the symbols by id; id 0 and ids without a symbol are None."""
    if not ids:
        raise SettingsError(f"{place} has no symbols; fit the Tokenizer on texts first.")
    last = max(ids.values())
    if min(ids.values()) < 1 or last > min(_MAX_IDS, 2 * len(ids) + 100):
        raise SettingsError(
            f"{place} has ids from {min(ids.values())} to {last} for {len(ids):,} symbols; those "
            "of a Tokenizer count from 1."
        )
    names: list[str | None] = [None] * (last + 1 if limit is None else max(last + 1, 1))
    for name, index in ids.items():
        if names[index] is not None:
            raise SettingsError(f"{place} has two symbols of id {index}; each id has one.")
        names[index] = name or None
    return names
