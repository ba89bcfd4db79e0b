"""How a source becomes documents, and documents become symbols."""

import dataclasses
from typing import Literal

from charloom.errors import SettingsError
from charloom.settings.records import SettingsBase, check_range

Level = Literal["char", "byte", "grapheme", "word"]
Unit = Literal["line", "document", "stream"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextSettings(SettingsBase):
    """How a source becomes documents, and documents become symbols."""

    level: Level = "char"
    """What one symbol is: a code point, a byte of UTF-8, a grapheme cluster, or a word."""
    unit: Unit = "line"
    """What one document is: a line (a row of a table), a whole file; or all is one stream."""
    columns: tuple[str, ...] = ()
    """Columns of a table, by name or by number from 1; several are joined by a space."""
    label_column: str | None = None
    """The column that holds each document's label."""
    header: bool | None = None
    """Whether a csv or tsv file begins with names; None: yes, unless columns are numbers."""
    encoding: str = "utf-8"
    """The encoding of text files."""
    clean: bool = True
    """Repair HTML entities, normalise Unicode (NFC) and line ends, drop control characters."""
    min_count: int = 2
    """Symbols seen less often in the training part become ``<unk>``."""
    valid_fraction: float = 0.05
    """Share of the documents (of a stream: of its end) that is kept for validation."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("min-count", self.min_count, low=1)
        check_range(
            "valid-fraction", self.valid_fraction, low=0, high=1, open_low=True, open_high=True
        )
        if self.label_column is not None and self.unit == "stream":
            raise SettingsError(
                "labels were asked for with unit stream; a stream has no documents to label: "
                "use --unit line or --unit document."
            )
