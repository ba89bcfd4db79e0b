r"""The symbols of the ids of a model of another program, from a file or a sequence.

A file of symbols is one of four kinds, known by its content:

- the JSON of a Keras Tokenizer (``Tokenizer.to_json()``), whose id 0 is padding;
- a JSON list of symbols in the order of their ids from 0, ``null`` for an id without a symbol;
- ``vocabulary.json`` of a model folder of charloom;
- text: one symbol a line, in the order of the ids from 0. An empty line is an id without a symbol.
  ``\n``, ``\r``, ``\t`` and ``\\`` are a line feed, a carriage return, a tab, a backslash.

A symbol that marks the end of texts is named by an option and has no text. ``<eos>`` and ``<unk>``
are the end and unknown symbols by themselves, as in a vocabulary of charloom.
"""

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from charloom.errors import CharloomError, SettingsError, SourceError
from charloom.exchange.keras_tokenizer import is_tokenizer, read_tokenizer
from charloom.files import is_file
from charloom.formatting import quote
from charloom.settings import Level
from charloom.text.symbols import replace_surrogates, split
from charloom.text.vocabulary import Vocabulary

MAX_BYTES: Final = 64_000_000
"""Size of a file of symbols."""
_MAX_TOKENS: Final = 1_000
"""Symbols of several characters that a token pattern may name."""
_ESCAPES: Final = {"\\n": "\n", "\\r": "\r", "\\t": "\t", "\\\\": "\\"}
_ESCAPE: Final = re.compile(r"\\[nrt\\]")
_WORDS_PATTERN: Final = r" ?\S+"

SymbolSource = str | Path | Sequence[str | None] | Mapping[str, Any]
"""A file, the symbols by id, or the object of a Tokenizer's JSON or of ``vocabulary.json``."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SymbolOptions:
    """The options that give the ids of another program their symbols."""

    source: SymbolSource | None = None
    start: str | None = None
    """The symbol read before a text, or ``#`` and its id."""
    end: str | None = None
    """The symbol predicted after a text, or ``#`` and its id."""
    words: bool = False
    """Whether the symbols of a list are words, with a space between two."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Symbols:
    """The symbols of all ids of a model, and the ids that have no text."""

    level: Level
    token_pattern: str | None
    texts: tuple[str | None, ...]
    """By id, as they are written: words have the space before them."""
    names: tuple[str | None, ...]
    """By id, as the source has them."""
    start: int | None = None
    end: int | None = None
    unknown: int | None = None
    padding: int | None = None
    counts: Mapping[int, int] = dataclasses.field(default_factory=dict)
    words: bool = False
    lowers: bool = False
    """Whether texts were changed to small letters before they were read."""

    def describe(self, index: int) -> str:
        """Return a symbol for people: its name and its id."""
        if index == self.padding:
            return f"the padding (id {index})"
        name = self.names[index]
        return f"id {index}" if name is None else f"{quote(name)} (id {index})"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SymbolList:
    """The content of a source of symbols, before it is compared with a model."""

    names: Sequence[str | None]
    words: bool = False
    lowers: bool = False
    unknown: str | None = None
    counts: Mapping[str, int] = dataclasses.field(default_factory=dict)
    has_padding: bool = False


def read_source(options: SymbolOptions) -> SymbolList | Vocabulary:
    """Return the symbols of a source, or the vocabulary of a ``vocabulary.json``.

    Raises SourceError for a file that cannot be read, SettingsError for other content.
    """
    source = options.source
    if isinstance(source, str | Path):
        content = _parse(Path(source))
        place = str(source)
    else:
        content = source
        place = "symbols"
    if isinstance(content, Mapping) and is_tokenizer(content):
        names, words, lowers, unknown, counts = read_tokenizer(content, place)
        return SymbolList(
            names=names, words=words, lowers=lowers, unknown=unknown, counts=counts,
            has_padding=True,
        )  # fmt: skip
    if isinstance(content, Mapping) and "symbols" in content:
        try:
            return Vocabulary.from_json(content)
        except (CharloomError, TypeError) as error:
            raise SettingsError(
                f"{place} holds no vocabulary of a model folder; copy it again."
            ) from error
    if isinstance(content, Mapping) or not isinstance(content, Sequence):
        raise SettingsError(
            f"{place} holds no symbols; give one symbol a line, a JSON list, the JSON of a Keras "
            "Tokenizer, or the vocabulary.json of a model folder."
        )
    return SymbolList(names=_check_names(list(content), place), words=options.words)


def assign_symbols(found: SymbolList, size: int, options: SymbolOptions) -> Symbols:
    """Return the symbols of the ``size`` ids of a model.

    An end that the source lacks is the only id that has no symbol, as in the lesson, which gives
    ``<eos>`` the id after those of its Tokenizer. Raises SettingsError if the symbols do not fit.
    """
    names = list(found.names)
    if len(names) == size - 1 and options.end is not None and options.end not in names:
        names.append(options.end)
    if len(names) != size:
        raise SettingsError(
            f"there are symbols for {len(names):,} ids, and the model has {size:,}; give one "
            "symbol for each id, null or an empty line for an id without a symbol."
        )
    end_name = "<eos>" if options.end is None and "<eos>" in names else options.end
    start, end = (
        _find(names, name, option)
        for name, option in ((options.start, "--start"), (end_name, "--end"))
    )
    # Id 0 of a Tokenizer pads texts. In other sources it is the first id without a symbol.
    first = next((k for k, name in enumerate(names) if name is None), None)
    padding = 0 if found.has_padding else first
    unknown = padding
    for name in (found.unknown, "<unk>"):
        if name is not None and name in names:
            unknown = names.index(name)
            break
    special = {k for k, name in enumerate(names) if name in ("<eos>", "<unk>")}
    special |= {index for index in (end, unknown) if index is not None}
    if start is not None and len(names[start] or "") != 1:  # a mark, and not text as a line feed is
        special.add(start)
    texts: list[str | None] = [None if k in special else name for k, name in enumerate(names)]
    level, pattern = _level(texts, words=found.words)
    if found.words:
        texts = [None if text is None else f" {text}" for text in texts]
    return Symbols(
        level=level,
        token_pattern=pattern,
        texts=tuple(texts),
        names=tuple(names),
        start=start,
        end=end,
        unknown=None if unknown == end else unknown,
        padding=padding,
        counts={k: found.counts.get(name, 0) for k, name in enumerate(names) if name is not None},
        words=found.words,
        lowers=found.lowers,
    )


def _level(texts: Sequence[str | None], *, words: bool) -> tuple[Level, str | None]:
    """Return the level and the token pattern that split texts into these symbols."""
    known = [text for text in texts if text is not None]
    if words:
        fits = all(split(f" {word}", "word") == [f" {word}"] for word in known)
        return ("word", None) if fits else ("char", _WORDS_PATTERN)
    tokens = sorted((text for text in known if len(text) > 1), key=lambda t: (-len(t), t))
    if not tokens:
        return "char", None
    if len(tokens) > _MAX_TOKENS:
        raise SettingsError(
            f"{len(tokens):,} symbols have several characters, and at most {_MAX_TOKENS:,} are "
            "possible; if they are words with a space between two, add --words."
        )
    return "char", "|".join(map(re.escape, tokens))


def _find(names: Sequence[str | None], name: str | None, option: str) -> int | None:
    """Return the id of the symbol that an option names."""
    if name is None:
        return None
    if name in names:
        return names.index(name)
    number = name[1:]
    is_id = name[:1] == "#" and number.isascii() and number.isdecimal() and len(number) < 10
    if is_id and int(number) < len(names):
        return int(number)
    raise SettingsError(
        f"{option} is {quote(name)}, which is no symbol of the model; name one of its symbols, or "
        f"an id as #0 to #{len(names) - 1}."
    )


def _parse(path: Path) -> Any:
    """Return the value of a JSON file, or the list of a file of lines."""
    try:
        if not is_file(path):
            raise SourceError(f"there is no file {path}; name the file of symbols with --symbols.")
        if path.stat().st_size > MAX_BYTES:
            raise SettingsError(
                f"{path} has more than {MAX_BYTES:,} bytes; it is no list of symbols."
            )
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read ({error.strerror or error}); name another file with --symbols."
        ) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8; save it in that encoding.") from error
    # A single sign at the start may be a symbol: a list of lines begins with it too.
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    if isinstance(parsed, dict | list):
        return parsed
    lines = text.removesuffix("\n").split("\n")
    return [_unescape(line.removesuffix("\r")) or None for line in lines]


def _unescape(line: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPES[match[0]], line)


def _check_names(names: Sequence[Any], place: str) -> list[str | None]:
    for index, name in enumerate(names):
        if name is not None and (not isinstance(name, str) or not name):
            raise SettingsError(
                f"{place} has {name!r:.80} at id {index}; a symbol is a text, or null for none."
            )
    checked = [None if name is None else replace_surrogates(name) for name in names]
    seen: set[str] = set()
    for index, name in enumerate(checked):
        if name is not None and name in seen:
            raise SettingsError(
                f"{place} has {quote(name)} twice, at last at id {index}; each id has its own "
                "symbol."
            )
        seen.update(() if name is None else (name,))
    return checked
