"""One file as a stream of text: decompressed and decoded block by block, in bounded memory."""

import codecs
import contextlib
import dataclasses
import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from charloom.errors import SourceError
from charloom.text.symbols import replace_surrogates

Format = Literal["text", "csv", "tsv", "jsonl", "parquet"]
Compression = Literal["gzip", "zstd"]
Progress = Callable[[int], None]
"""Is told how many more bytes were read, of the file as it lies on disk."""

_BLOCK_BYTES = 1 << 18
_MAX_TAG_CHARACTERS = 1 << 12
"""A tag that is longer is none, but a sign that was never closed."""
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_COMPRESSED_BLOCK_BYTES = 1 << 14  # one block of gzip unpacks to at most a thousand times its size


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file that was found to be read, and how."""

    path: Path
    name: str
    """What the file is called in messages."""
    format: Format = "text"
    compression: Compression | None = None
    live: BinaryIO | None = None
    """What is read once, as it comes, in place of the file."""
    column_names: tuple[str, ...] = ()
    """Names of the columns, for a table that is known to have no header line."""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def unreadable_error(name: str, error: OSError) -> SourceError:
    """Return the error that says why the system does not let ``name`` be read."""
    return SourceError(
        f"{replace_surrogates(name)} cannot be read: {error.strerror or error}; a file or folder that this "
        "user may read is needed; check its name and its permissions."
    )


def read_text(file: SourceFile, encoding: str, progress: Progress | None = None) -> Iterator[str]:
    """Yield the text of ``file`` in blocks, without a byte order mark; line ends are as they are.

    Raises SourceError if the file cannot be read, is damaged, or is not in ``encoding``.
    """
    return _decode(_read_decompressed(file, progress or _ignore), file, encoding)


def whole_lines(blocks: Iterable[str]) -> Iterator[str]:
    """Regroup blocks of text so that each holds whole lines, joined by LF.

    CR LF and CR end a line as LF does. The LF after the last line of a block is left out.
    """
    translate = io.IncrementalNewlineDecoder(None, translate=True)
    begun: list[str] = []
    for block in blocks:
        text = translate.decode(block)
        head, newline, tail = text.rpartition("\n")
        if newline:
            yield "".join([*begun, head])
            begun = []
        begun.append(tail)
    begun.append(translate.decode("", final=True))
    if rest := "".join(begun):
        yield rest.removesuffix("\n")


def line_chunks(blocks: Iterable[str], *, translate: bool) -> Iterator[str]:
    """Regroup blocks of text so that each ends with a line, LF included, if it has any.

    None ends within an HTML tag of several lines, unless it is longer than a page. With
    ``translate``, CR LF and CR become LF; else CR LF only stays together.
    """
    translator = io.IncrementalNewlineDecoder(None, translate=translate)
    begun: list[str] = []
    for block in blocks:
        text = translator.decode(block)
        cut = _last_line_end(text)
        if cut:
            yield "".join([*begun, text[:cut]])
            begun = []
        begun.append(text[cut:])
    begun.append(translator.decode("", final=True))
    if rest := "".join(begun):
        yield rest


def _last_line_end(text: str) -> int:
    """Return the last place behind a LF at which no tag is open, 0 if there is none."""
    cut = text.rfind("\n") + 1
    opened = text.rfind("<", max(0, cut - _MAX_TAG_CHARACTERS), cut)
    if opened >= 0 and ">" not in text[opened:cut]:
        cut = text.rfind("\n", 0, opened) + 1
    return cut


def _ignore(read: int) -> None:
    pass


def _read_raw(file: SourceFile, block_bytes: int, progress: Progress) -> Iterator[bytes]:
    try:
        with contextlib.ExitStack() as stack:
            stream = file.live or stack.enter_context(file.path.open("rb"))
            # Of a pipe, what has come so far, and not as much as is asked for.
            read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)
            while block := read(block_bytes):
                progress(len(block))
                yield block
    except OSError as error:
        raise unreadable_error(file.name, error) from error


def _read_decompressed(file: SourceFile, progress: Progress) -> Iterator[bytes]:
    if file.compression is None:
        return _read_raw(file, _BLOCK_BYTES, progress)
    packed = _read_raw(file, _COMPRESSED_BLOCK_BYTES, progress)
    if file.compression == "gzip":
        return _decompress(packed, file, lambda: zlib.decompressobj(wbits=31), zlib.error)
    import zstandard

    # Frames made with a long window say so; without a limit of our own they would be refused.
    context = zstandard.ZstdDecompressor(max_window_size=1 << 31)
    return _decompress(packed, file, context.decompressobj, zstandard.ZstdError)


def _decompress(
    packed: Iterable[bytes],
    file: SourceFile,
    new: Callable[[], _Decompressor],
    failure: type[Exception],
) -> Iterator[bytes]:
    """Unpack a chain of gzip members or zstd frames; zero bytes may fill the space between."""
    member: _Decompressor | None = None
    for block in packed:
        rest = block
        while rest:
            if member is None:
                rest = rest.lstrip(b"\0")
                if not rest:
                    break
                member = new()
            try:
                yield member.decompress(rest)
            except failure as error:
                raise _damaged_error(file, str(error)) from error
            if not member.eof:
                break
            rest, member = member.unused_data, None
    if member is not None:
        raise _damaged_error(file, "it ends too early")


def _damaged_error(file: SourceFile, reason: str) -> SourceError:
    return SourceError(
        f"{file.name} is damaged: {reason}; a whole {file.compression} file is needed; "
        "copy or compress it again."
    )


def _decode(blocks: Iterable[bytes], file: SourceFile, encoding: str) -> Iterator[str]:
    decoder = _decoder(encoding)
    total, first, begun = 0, b"", False
    try:
        for block in blocks:
            first = first or block[:2]
            total += len(block)
            if text := decoder.decode(block):
                yield text if begun else text.removeprefix("\ufeff")
                begun = True
        yield decoder.decode(b"", final=True)
    except UnicodeError as error:
        where = str(error)
        if isinstance(error, UnicodeDecodeError):
            # The decoder was given what it had kept of earlier blocks and all that was read since.
            offset = total - len(error.object) + error.start
            where = f"byte 0x{error.object[error.start]:02X} at offset {offset}"
            where += " (unpacked)" if file.compression else ""
            if b"\0" in error.object and first not in _UTF16_MARKS:
                raise SourceError(
                    f"{file.name} does not look like text: it holds NUL bytes and is not "
                    f"{encoding.upper()}; a text or a table is needed; give another source."
                ) from error
        example = "utf-16" if first in _UTF16_MARKS else "latin-1"
        raise SourceError(
            f"{file.name} is not {encoding.upper()}: {where}; say which encoding with --encoding, "
            f"for example --encoding {example}."
        ) from error


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    try:
        "".encode(encoding)  # also refuses what is a codec but no encoding of text, such as "hex"
        return codecs.getincrementaldecoder(encoding)()
    except (LookupError, ValueError) as error:
        raise SourceError(
            f"encoding {encoding!r} is not known; allowed: utf-8, latin-1, cp1252, utf-16, gb18030 "
            "and the others that Python knows; give one of them with --encoding."
        ) from error
