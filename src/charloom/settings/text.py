"""Settings of the text: from a source to documents, and from documents to symbols."""

import dataclasses
from typing import Literal

from charloom.errors import SettingsError
from charloom.settings.declaration import setting
from charloom.settings.records import SettingsBase

Level = Literal["char", "byte", "grapheme", "word"]
Unit = Literal["line", "document", "stream"]

_GROUP = "Text"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextSettings(SettingsBase):
    """Settings of the text: from a source to documents, and from documents to symbols."""

    level: Level = setting(
        "char",
        option="--level",
        group=_GROUP,
        help="One symbol: a code point, a byte of UTF-8, a grapheme cluster, or a word.",
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
    clean: bool = setting(
        True,
        option="--clean/--no-clean",
        group=_GROUP,
        help="Repair HTML entities, normalise Unicode (NFC) and line ends, remove control "
        "characters.",
    )
    min_count: int = setting(
        2,
        option="--min-count",
        metavar="COUNT",
        group=_GROUP,
        min=1,
        help="Symbols that occur less often in the training set become <unk>.",
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

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.label_column is not None and self.unit == "stream":
            raise SettingsError(
                "labels were asked for with unit stream; a stream has no documents to label: "
                "use --unit line or --unit document."
            )
