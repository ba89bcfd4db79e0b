"""Settings of the text: from a source to documents, and from documents to symbols."""

import dataclasses
from typing import Final, Literal

from charloom.errors import SettingsError
from charloom.settings.declaration import setting
from charloom.settings.records import SettingsBase

Level = Literal["char", "byte", "grapheme", "word", "closed-word"]
Unit = Literal["line", "document", "stream"]
Errors = Literal["strict", "replace", "skip"]

_GROUP = "Text"
_DELIMITERS: Final = {
    "\\t": "\t",
    "comma": ",",
    "pipe": "|",
    "semicolon": ";",
    "space": " ",
    "tab": "\t",
}
"""Names of delimiters."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextSettings(SettingsBase):
    """Settings of the text: from a source to documents, and from documents to symbols."""

    level: Level = setting(
        "char",
        option="--level",
        group=_GROUP,
        help="One symbol: a code point, a byte of UTF-8, a grapheme cluster, or a word with the "
        "space before it, where characters spell rare words; closed-word: words and spaces, and "
        "<unk> for rare words.",
    )
    token_pattern: str | None = setting(
        None,
        option="--token-pattern",
        metavar="REGEX",
        group=_GROUP,
        help="A regular expression: each match within a line is one symbol, as each other "
        "character is; characters spell rare matches.",
    )
    unit: Unit = setting(
        "line",
        option="--unit",
        group=_GROUP,
        help="One document: a line (or table row), or a whole file; stream joins all text.",
    )
    columns: tuple[str, ...] = setting(
        (),
        option="--column",
        metavar="COLUMN",
        group=_GROUP,
        commas=True,
        help="Column of a table, by name or by number from 1; several are joined by a space.",
    )
    label_column: str | None = setting(
        None,
        option="--label-column",
        metavar="COLUMN",
        group=_GROUP,
        help="Column of a table that holds the label of each document.",
    )
    header: bool | None = setting(
        None,
        option="--header/--no-header",
        group=_GROUP,
        default_text="yes, unless columns are given by number",
        help="Whether the first row of a csv or tsv file holds the names of its columns.",
    )
    encoding: str = setting(
        "utf-8",
        option="--encoding",
        metavar="NAME",
        group=_GROUP,
        help="Encoding of text files, for example latin-1.",
    )
    errors: Errors = setting(
        "strict",
        option="--errors",
        group=_GROUP,
        help="Bytes that are not in the encoding, and broken rows: an error, or U+FFFD instead of "
        "the bytes and no such rows, or no such lines and rows.",
    )
    delimiter: str | None = setting(
        None,
        option="--delimiter",
        metavar="CHARACTER",
        group=_GROUP,
        default_text="comma, in .tsv files tab",
        help="Character between the columns of a table, or tab, or space for any white space; it "
        "makes a table of any text file.",
    )
    separator: str | None = setting(
        None,
        option="--separator",
        metavar="LINE",
        group=_GROUP,
        help="The line between two texts of several lines, for example %%; an empty one is a blank "
        "line.",
    )
    separator_regex: str | None = setting(
        None,
        option="--separator-regex",
        metavar="REGEX",
        group=_GROUP,
        help="The same as a regular expression, searched in each line; matches are dropped.",
    )
    clean: bool = setting(
        True,
        option="--clean/--no-clean",
        group=_GROUP,
        help="Repair HTML entities, normalise Unicode (NFC) and line ends, remove control "
        "characters.",
    )
    unique_documents: bool = setting(
        False,
        option="--unique-documents/--all-documents",
        group=_GROUP,
        help="Whether documents with the same text as an earlier one are left out.",
    )
    mask_digits: bool = setting(
        False,
        option="--mask-digits/--keep-digits",
        group=_GROUP,
        help="Whether every digit is read as 0, and names of months and days in dates as Jan and "
        "Mon, so that a model of log lines does not learn their time.",
    )
    min_count: int = setting(
        2,
        option="--min-count",
        metavar="COUNT",
        group=_GROUP,
        min=1,
        help="Symbols that occur less often in the training set become <unk>, words and matches "
        "of a token pattern their characters.",
    )
    valid_fraction: float = setting(
        0.05,
        option="--valid-fraction",
        metavar="FRACTION",
        group=_GROUP,
        above=0,
        below=1,
        help="Fraction of the documents held out for validation; with --unit stream, the last part "
        "of the text.",
    )
    valid_tail: bool = setting(
        False,
        option="--valid-tail/--valid-random",
        group=_GROUP,
        help="Whether the last documents are held out, rather than random ones: for documents in "
        "order of time.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.label_column is not None and self.unit == "stream":
            raise SettingsError(
                "labels were asked for with unit stream; a stream has no documents to label: "
                "use --unit line or --unit document."
            )
        if self.unique_documents and self.unit == "stream":
            raise SettingsError(
                "unique-documents was given with unit stream, which has no documents; leave it "
                "out, or use --unit line or --unit document."
            )
        self._check_delimiter()
        self._check_separator()
        self._check_token_pattern()

    @property
    def separates(self) -> bool:
        """Whether a separator divides a file into documents."""
        return self.separator is not None or self.separator_regex is not None

    @property
    def document_unit(self) -> Unit:
        """The unit, where a part between separators counts as a whole document."""
        return "document" if self.separates else self.unit

    @property
    def delimiter_character(self) -> str | None:
        """The delimiter as one character; a space means any white space."""
        return None if self.delimiter is None else _DELIMITERS.get(self.delimiter, self.delimiter)

    def _check_delimiter(self) -> None:
        character = self.delimiter_character
        if character is not None and (len(character) != 1 or character in '\r\n"'):
            raise SettingsError(
                f"delimiter is {self.delimiter!r}; allowed: one character other than a quote or "
                f"line break, {', '.join(sorted(_DELIMITERS))}."
            )

    def _check_separator(self) -> None:
        if not self.separates:
            return
        if self.unit == "stream":
            raise SettingsError(
                "a separator was given with unit stream, which joins all texts; leave one of them "
                "out."
            )
        if self.separator is not None and self.separator_regex is not None:
            raise SettingsError(
                "--separator and --separator-regex were both given; one of them is allowed."
            )
        if self.separator_regex is not None:
            _check_regex("separator-regex", self.separator_regex)

    def _check_token_pattern(self) -> None:
        if self.token_pattern is None:
            return
        if self.level != "char":
            raise SettingsError(
                f"token-pattern was given with level {self.level}; it makes symbols of characters: "
                "leave one of them out."
            )
        _check_regex("token-pattern", self.token_pattern)


def _check_regex(name: str, expression: str) -> None:
    import regex

    try:
        regex.compile(expression)
    except (regex.error, RecursionError, OverflowError) as error:
        raise SettingsError(
            f"{name} is {expression!r}, which is no regular expression: {error}; correct it."
        ) from error
