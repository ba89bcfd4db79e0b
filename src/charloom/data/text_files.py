"""Read a file as blocks of text or of whole lines, in bounded memory."""

import contextlib
import io
import re
from collections.abc import Iterable, Iterator
from typing import Final

from charloom.data.decoding import INVALID, Decoding
from charloom.data.decompression import read_bytes
from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import Progress, SourceFile
from charloom.settings import TextSettings

REPLACEMENT: Final = "\ufffd"
_MAX_TAG_CHARACTERS: Final = 1 << 12
"""A longer tag is taken for a stray ``<``."""
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def read_text(
    file: SourceFile,
    settings: TextSettings,
    notes: ReadingNotes,
    progress: Progress | None = None,
) -> Iterator[str]:
    """Yield the text of ``file`` in blocks.

    A byte order mark is removed; line ends are unchanged. Bytes that are not in the encoding become
    U+FFFD or remove their line, according to ``settings.errors``. Raises SourceError if the file
    cannot be read, is damaged, or with errors ``strict`` is not in the encoding.
    """
    blocks = read_marked_text(file, settings, notes, progress)
    if settings.errors == "strict":
        return blocks
    if settings.errors == "replace":
        return (block.replace(INVALID, REPLACEMENT) for block in blocks)
    return _without_invalid_lines(blocks, notes)


def read_marked_text(
    file: SourceFile,
    settings: TextSettings,
    notes: ReadingNotes,
    progress: Progress | None = None,
) -> Iterator[str]:
    """Yield the text like ``read_text``, with INVALID in the place of invalid bytes."""
    with contextlib.closing(read_bytes(file, progress)) as blocks:
        yield from Decoding(file, settings, notes).decode(blocks)


def _without_invalid_lines(blocks: Iterable[str], notes: ReadingNotes) -> Iterator[str]:
    for chunk in line_chunks(blocks, translate=False):
        if INVALID not in chunk:
            yield chunk
            continue
        kept = []
        for line in _LINE.findall(chunk):
            if INVALID in line:
                notes.count_skipped(notes.first_invalid + ".")
            else:
                kept.append(line)
        yield "".join(kept)


def whole_lines(blocks: Iterable[str]) -> Iterator[str]:
    """Regroup blocks of text into blocks of whole lines, separated by LF.

    CR LF and CR become LF. A block has no LF after its last line.
    """
    translate = io.IncrementalNewlineDecoder(None, translate=True)
    pending: list[str] = []
    for block in blocks:
        text = translate.decode(block)
        head, newline, tail = text.rpartition("\n")
        if newline:
            yield "".join([*pending, head])
            pending = []
        pending.append(tail)
    pending.append(translate.decode("", final=True))
    if rest := "".join(pending):
        yield rest.removesuffix("\n")


def line_chunks(blocks: Iterable[str], *, translate: bool) -> Iterator[str]:
    """Regroup blocks of text so that each ends after an LF, if the text has any.

    A tag of several lines, up to 4096 characters, is not separated after an LF in the block where
    it starts. With ``translate``, CR LF and CR become LF; without, no block ends between them.
    """
    translator = io.IncrementalNewlineDecoder(None, translate=translate)
    pending: list[str] = []
    for block in blocks:
        text = translator.decode(block)
        cut = _last_line_end(text)
        if cut:
            yield "".join([*pending, text[:cut]])
            pending = []
        pending.append(text[cut:])
    pending.append(translator.decode("", final=True))
    if rest := "".join(pending):
        yield rest


def _last_line_end(text: str) -> int:
    """Return the last index after an LF at which no tag is open, 0 if there is none."""
    cut = text.rfind("\n") + 1
    opened = text.rfind("<", max(0, cut - _MAX_TAG_CHARACTERS), cut)
    if opened >= 0 and ">" not in text[opened:cut]:
        cut = text.rfind("\n", 0, opened) + 1
    return cut
