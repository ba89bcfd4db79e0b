"""Read the bytes of a file, decompressed, in bounded memory."""

import contextlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from charloom.data.source_file import Compression, Progress, SourceFile, unreadable_error
from charloom.errors import SourceError

_BLOCK_BYTES: Final = 1 << 18
_PACKED_BYTES: Final[dict[Compression, int]] = {
    "gzip": 1 << 14,
    "zstd": 1 << 14,
    "xz": 1 << 10,
    "bzip2": 1 << 10,
}
"""Compressed bytes that are unpacked at once: gzip expands them up to a thousandfold, xz and bzip2
even more."""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def read_bytes(file: SourceFile, progress: Progress | None = None) -> Iterator[bytes]:
    """Yield the decompressed bytes of ``file`` in blocks.

    Raises SourceError if it cannot be read or is damaged.
    """
    progress = progress or _ignore
    if file.compression is None:
        return _read_raw(file, _BLOCK_BYTES, progress)
    packed = _read_raw(file, _PACKED_BYTES[file.compression], progress)
    new, failures = _decompressor(file.compression)
    return _decompress(packed, file, new, failures)


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


def _decompressor(
    compression: Compression,
) -> tuple[Callable[[], _Decompressor], tuple[type[Exception], ...]]:
    """Return what makes a decompressor, and the errors that it raises."""
    if compression == "gzip":
        return lambda: zlib.decompressobj(wbits=31), (zlib.error,)
    if compression == "bzip2":
        import bz2

        return bz2.BZ2Decompressor, (OSError, ValueError)
    if compression == "xz":
        import lzma

        return lzma.LZMADecompressor, (lzma.LZMAError,)
    from charloom.data.zstd import zstd

    # The default limit refuses frames that were compressed with a long window.
    limit = zstd.DecompressionParameter.window_log_max
    options: dict[int, int] = {limit: limit.bounds()[1]}
    return lambda: zstd.ZstdDecompressor(options=options), (zstd.ZstdError,)


def _decompress(
    packed: Iterable[bytes],
    file: SourceFile,
    new: Callable[[], _Decompressor],
    failures: tuple[type[Exception], ...],
) -> Iterator[bytes]:
    """Decompress concatenated members, such as zstd frames.

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
            except failures as error:
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
