"""Notes on reading: changes, replacements and omissions, counted on the way."""

import dataclasses
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Self

from charloom.formatting import format_count


@dataclasses.dataclass(kw_only=True)
class ReadingNotes:
    """Counts and remarks about texts: none is left out or changed silently."""

    texts: int = 0
    """Texts before cleaning that are not blank."""
    cleaned: int = 0
    """Texts that cleaning changed."""
    changes: Counter[str] = dataclasses.field(default_factory=Counter)
    """Texts by kind of change."""
    emptied: int = 0
    """Texts of which cleaning left nothing."""
    invalid: int = 0
    """Places with bytes that are not in the expected encoding."""
    first_invalid: str = ""
    """Where the first of them is, and an encoding that its bytes suggest."""
    skipped: int = 0
    """Lines and rows that were left out."""
    first_skipped: str = ""
    """The reason for the first of them."""
    remarks: dict[str, str] = dataclasses.field(default_factory=dict)
    """First sentence of each kind of remark."""
    others: Counter[str] = dataclasses.field(default_factory=Counter)
    """Further files with a remark of each kind."""

    files: list[str] = dataclasses.field(default_factory=list)
    """Names of the files in messages."""
    file_documents: list[int] = dataclasses.field(default_factory=list)
    """Documents of each file."""

    def rename_files(self, names: Sequence[str]) -> None:
        """Name the same files by other names: a stored text may have been moved since."""
        for old, new in zip(self.files, names, strict=True):
            if old != new:
                self.first_invalid = self.first_invalid.replace(old, new)
                self.first_skipped = self.first_skipped.replace(old, new)
                self.remarks = {k: text.replace(old, new) for k, text in self.remarks.items()}
        self.files = list(names)

    def count_text(self, changes: Collection[str], *, blank: bool) -> None:
        """Count a text, the kinds of changes in it, and whether it became blank."""
        self.texts += 1
        self.emptied += blank
        if changes:
            self.count_changes(changes)

    def count_changes(self, changes: Collection[str], texts: int = 1) -> None:
        """Count kinds of changes in texts that are counted elsewhere."""
        self.cleaned += texts * bool(changes)
        for change in changes:
            self.changes[change] += texts

    def count_invalid(self, number: int, first: str) -> None:
        """Count places with invalid bytes; ``first`` describes the first of them."""
        self.invalid += number
        self.first_invalid = self.first_invalid or first

    def count_skipped(self, reason: str) -> None:
        """Count a line or row that is left out."""
        self.skipped += 1
        self.first_skipped = self.first_skipped or reason

    def add_remark(self, kind: str, sentence: str) -> None:
        """Add a remark on a file; the first of each kind is kept, others are counted."""
        if kind in self.remarks:
            self.others[kind] += 1
        else:
            self.remarks[kind] = sentence

    def sentences(self, *, cleaning: bool = True) -> tuple[str, ...]:
        """Return the notes for the user, each one sentence; those on cleaning if wanted."""
        notes = [self._with_others(kind) for kind in self.remarks]
        if self.invalid:
            places = format_count(self.invalid, "such place")
            notes.append(f"{self.first_invalid}; {places} became U+FFFD.")
        if self.skipped:
            were = "line was" if self.skipped == 1 else "lines were"
            notes.append(f"{self.skipped:,} {were} left out; the first: {self.first_skipped}")
        if self.cleaned and cleaning:
            notes.append(
                f"cleaning changed {self.cleaned:,} of {format_count(self.texts, 'text')} "
                f"({self._changes()}); --no-clean keeps them as they are{self._c1_hint()}."
            )
        return tuple(notes)

    def _with_others(self, kind: str) -> str:
        if not self.others[kind]:
            return self.remarks[kind]
        files = format_count(self.others[kind], "other file")
        return f"{self.remarks[kind].removesuffix('.')}; likewise in {files}."

    def _changes(self) -> str:
        ordered = sorted(self.changes.items(), key=lambda item: (-item[1], item[0]))
        parts = [f"{change} in {count:,}" for change, count in ordered]
        if self.emptied:
            parts.append(f"nothing left of {self.emptied:,}")
        return ", ".join(parts)

    def _c1_hint(self) -> str:
        if not self.changes["C1 controls"]:
            return ""
        return "; C1 controls are signs of Windows-1252, which --encoding cp1252 reads"

    def figures(self) -> dict[str, Any]:
        """Return the counts, for the model folder."""
        return {
            "texts": self.texts,
            "cleaned": self.cleaned,
            "changes": dict(self.changes),
            "emptied": self.emptied,
            "invalid": self.invalid,
            "left_out": self.skipped,
        }

    def to_json(self) -> dict[str, Any]:
        """Return the notes as a JSON object."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Return the notes of a JSON object that ``to_json`` made."""
        counters = {name: Counter(record[name]) for name in ("changes", "others")}
        return cls(**{**record, **counters})
