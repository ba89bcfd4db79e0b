"""Decode the bytes of a file, and locate those that are not in its encoding."""

import codecs
from collections.abc import Iterable, Iterator
from typing import Final

from charloom.data.encodings import HEAD_BYTES, MARKS, suggest_encoding, utf16_without_mark
from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import SourceFile
from charloom.errors import SourceError
from charloom.settings import TextSettings

INVALID: Final = "\udcff"
"""Marks bytes that are not in the encoding; no decoded text holds a surrogate."""
_MARK_INVALID: Final = "charloom-mark-invalid"
"""Name of the error handler of codecs that inserts INVALID."""


class Decoding:
    """The decoding of one file, and its position."""

    def __init__(self, file: SourceFile, settings: TextSettings, notes: ReadingNotes) -> None:
        self._file = file
        self._encoding = settings.encoding
        self._errors = settings.errors
        self._notes = notes
        self._bytes = 0
        self._line = 1
        self._last = ""
        """The last character so far: a line end may span two blocks."""
        self._head = b""

    def decode(self, blocks: Iterable[bytes]) -> Iterator[str]:
        """Yield the text of ``blocks``, with INVALID where bytes are not in the encoding.

        Raises SourceError for such bytes with errors ``strict``, and for an unknown encoding.
        """
        decoder = _decoder(self._encoding, "strict" if self._is_strict else _MARK_INVALID)
        try:
            for block in blocks:
                if not self._bytes:
                    self._begin(block[:HEAD_BYTES])
                self._bytes += len(block)
                if text := decoder.decode(block):
                    yield self._advance(text, block)
            if text := decoder.decode(b"", final=True):
                yield self._advance(text, b"")
        except UnicodeDecodeError as error:
            raise self._byte_error(error) from error
        except UnicodeError as error:
            suggestion = suggest_encoding(self._head, self._head)
            raise self._encoding_error(str(error), suggestion) from error

    @property
    def _is_strict(self) -> bool:
        return self._errors == "strict"

    def _begin(self, head: bytes) -> None:
        """Raise SourceError for UTF-16 without a mark: every other byte is a NUL in UTF-8."""
        self._head = head
        suggestion = utf16_without_mark(head)
        if suggestion is not None and not _is_utf16(self._encoding):
            raise self._encoding_error("every other byte is zero", suggestion)

    def _advance(self, text: str, block: bytes) -> str:
        """Return ``text`` without a byte order mark, and count its lines."""
        if not self._last:
            text = text.removeprefix("\ufeff")
        if not self._is_strict and INVALID in text:
            self._note_invalid(text, block)
        self._line += count_line_ends(text, self._last)
        self._last = text[-1:] or self._last
        return text

    def _note_invalid(self, text: str, block: bytes) -> None:
        line = self._line + count_line_ends(text[: text.index(INVALID)], self._last)
        first = describe_invalid(self._file, self._encoding, line)
        high = next((index for index, byte in enumerate(block) if byte > 0x7F), 0)
        suggestion = suggest_encoding(self._head, block[high:])
        if _decodes(block, suggestion) and suggestion != self._encoding:
            first += f" (its bytes suggest --encoding {suggestion})"
        replaced = text.count(INVALID) if self._errors == "replace" else 0
        self._notes.count_invalid(replaced, first)

    def _byte_error(self, error: UnicodeDecodeError) -> SourceError:
        # ``error.object`` is the end of the input so far, from the first byte not yet decoded.
        rest = error.object[error.start :]
        before = error.object[: error.start].decode(self._encoding, "replace")
        where = f"byte 0x{rest[0]:02X} at offset {self._bytes - len(rest)}"
        where += " (unpacked)" if self._file.compression else ""
        where += f", in line {self._line + count_line_ends(before, self._last)}"
        is_binary = b"\0" in rest and not self._head.startswith(tuple(MARKS))
        if is_binary and not _is_utf16(self._encoding):
            return SourceError(
                f"{self._file.name} does not look like text: it holds NUL bytes and is not "
                f"{self._encoding.upper()}; a text or a table is needed; give another source."
            )
        return self._encoding_error(where, suggest_encoding(self._head, rest))

    def _encoding_error(self, where: str, suggestion: str) -> SourceError:
        return SourceError(
            f"{self._file.name} is not {self._encoding.upper()}: {where}; name its encoding with "
            f"--encoding; its bytes suggest --encoding {suggestion}."
        )


def describe_invalid(file: SourceFile, encoding: str, line: int) -> str:
    """Return which line of a file is not in the encoding, without a full stop."""
    return f"{file.name} is not {encoding.upper()} in line {line}"


def count_line_ends(text: str, last: str = "") -> int:
    r"""Return the number of line ends (LF, CR LF, CR) after a character ``last``.

    >>> count_line_ends("a\r\nb\rc\n"), count_line_ends("\nb", last="\r")
    (3, 0)
    """
    ends = text.count("\n")
    if "\r" in text:
        ends += text.count("\r") - text.count("\r\n")
    return ends - (last == "\r" and text.startswith("\n"))


def _is_utf16(encoding: str) -> bool:
    return encoding.lower().replace("_", "-").startswith(("utf-16", "utf16"))


def _decodes(block: bytes, encoding: str) -> bool:
    """Return whether ``block`` is in this encoding, but for its last character."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(block)
    except UnicodeError:
        return False
    return True


def _decoder(encoding: str, errors: str) -> codecs.IncrementalDecoder:
    try:
        "".encode(encoding)  # refuses codecs that are no text encodings, such as "hex"
        return codecs.getincrementaldecoder(encoding)(errors)
    except (LookupError, ValueError) as error:
        raise SourceError(
            f"encoding {encoding!r} is not known; allowed: utf-8, latin-1, cp1252, utf-16, gb18030 "
            "and the others that Python knows; give one of them with --encoding."
        ) from error


def _mark_invalid(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return INVALID, error.end


codecs.register_error(_MARK_INVALID, _mark_invalid)
