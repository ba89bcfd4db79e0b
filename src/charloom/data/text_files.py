"""Read a file as blocks of text: decompressed and decoded in bounded memory."""

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
"""Called with the number of bytes just read from disk, before decompression."""

_BLOCK_BYTES = 1 << 18
_MAX_TAG_CHARACTERS = 1 << 12
"""A longer tag is taken for a stray ``<``."""
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_COMPRESSED_BLOCK_BYTES = 1 << 14
"""Small, because gzip expands to up to a thousand times its size."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file to read, and its format."""

    path: Path
    name: str
    """Name of the file in messages."""
    format: Format = "text"
    compression: Compression | None = None
    live: BinaryIO | None = None
    """A stream to read once, as it arrives, instead of ``path``."""
    column_names: tuple[str, ...] = ()
    """Names of the columns, for a table without a header line."""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def unreadable_error(name: str, error: OSError) -> SourceError:
    """Return the error to raise when the system refuses to read ``name``."""
    return SourceError(
        f"{replace_surrogates(name)} cannot be read: {error.strerror or error}; a file or folder "
        "that this user may read is needed; check its name and its permissions."
    )


def read_text(file: SourceFile, encoding: str, progress: Progress | None = None) -> Iterator[str]:
    """Yield the text of ``file`` in blocks.

    A byte order mark is removed; line ends are unchanged. Raises SourceError if the file cannot be
    read, is damaged, or is not in ``encoding``.
    """
    return _decode(_read_decompressed(file, progress or _ignore), file, encoding)


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


def _ignore(read: int) -> None:
    pass


def _read_raw(file: SourceFile, block_bytes: int, progress: Progress) -> Iterator[bytes]:
    try:
        with contextlib.ExitStack() as stack:
            stream = file.live or stack.enter_context(file.path.open("rb"))
            # read1 returns the bytes that a pipe has; read would wait for a full block.
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
    from charloom.data.zstd import zstd

    # The default limit refuses frames that were compressed with a long window.
    limit = zstd.DecompressionParameter.window_log_max
    options: dict[int, int] = {limit: limit.bounds()[1]}
    return _decompress(packed, file, lambda: zstd.ZstdDecompressor(options=options), zstd.ZstdError)


def _decompress(
    packed: Iterable[bytes],
    file: SourceFile,
    new: Callable[[], _Decompressor],
    failure: type[Exception],
) -> Iterator[bytes]:
    """Decompress concatenated gzip members or zstd frames.

    Zero bytes between them are skipped.
    """
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
    total, first, started = 0, b"", False
    try:
        for block in blocks:
            first = first or block[:2]
            total += len(block)
            if text := decoder.decode(block):
                yield text if started else text.removeprefix("\ufeff")
                started = True
        yield decoder.decode(b"", final=True)
    except UnicodeError as error:
        where = str(error)
        if isinstance(error, UnicodeDecodeError):
            # ``error.object`` is the end of the input so far, from the first byte not yet decoded.
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
            f"{file.name} is not {encoding.upper()}: {where}; name its encoding with --encoding, "
            f"for example --encoding {example}."
        ) from error


def _decoder(encoding: str) -> codecs.IncrementalDecoder:
    try:
        "".encode(encoding)  # refuses codecs that are no text encodings, such as "hex"
        return codecs.getincrementaldecoder(encoding)()
    except (LookupError, ValueError) as error:
        raise SourceError(
            f"encoding {encoding!r} is not known; allowed: utf-8, latin-1, cp1252, utf-16, gb18030 "
            "and the others that Python knows; give one of them with --encoding."
        ) from error
