"""Read the bytes of a file, decompressed, in bounded memory."""

import contextlib
import zlib
from collections.abc import Callable, Generator, Iterator
from typing import Final, Protocol, TypeAlias

from charloom.data.source_file import Compression, Progress, SourceFile, unreadable_error
from charloom.errors import SourceError

Blocks: TypeAlias = Generator[bytes, None, None]
_BLOCK_BYTES: Final = 1 << 18


class _Decompressor(Protocol):
    """Decompresses one gzip member, zstd frame, or xz or bzip2 stream."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _GzipMember:
    """A gzip member with the interface of the other decompressors."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._member.eof

    @property
    def needs_input(self) -> bool:
        return not self._member.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._member.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._member.decompress(self._member.unconsumed_tail + data, max_length)


def read_bytes(file: SourceFile, progress: Progress | None = None) -> Blocks:
    """Yield the decompressed bytes of ``file`` in blocks.

    ``close`` of the generator closes the file. Raises SourceError if it cannot be read or is
    damaged.
    """
    progress = progress or _ignore
    if file.compression is None:
        return _read_raw(file, _BLOCK_BYTES, progress)
    packed = _read_raw(file, _BLOCK_BYTES, progress)
    new, failures = _decompressor(file.compression)
    return _decompress(packed, file, new, failures)


def _ignore(read: int) -> None:
    pass


def _read_raw(file: SourceFile, block_bytes: int, progress: Progress) -> Blocks:
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
    """Return a factory of decompressors, and the errors that they raise."""
    if compression == "gzip":
        return _GzipMember, (zlib.error,)
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
    packed: Blocks,
    file: SourceFile,
    new: Callable[[], _Decompressor],
    failures: tuple[type[Exception], ...],
) -> Blocks:
    """Decompress concatenated members, such as zstd frames.

    Zero bytes between them are skipped.
    """
    member: _Decompressor | None = None
    with contextlib.closing(packed):
        for block in packed:
            rest = block
            while rest:
                if member is None:
                    rest = rest.lstrip(b"\0")
                    if not rest:
                        break
                    member = new()
                try:
                    yield from _unpack(member, rest)
                except failures as error:
                    raise _damaged_error(file, str(error)) from error
                if not member.eof:
                    break
                rest, member = member.unused_data, None
    if member is not None:
        raise _damaged_error(file, "it ends too early")


def _unpack(member: _Decompressor, packed: bytes) -> Iterator[bytes]:
    """Yield the content of ``packed`` in blocks: a byte may stand for a million."""
    while True:
        block = member.decompress(packed, _BLOCK_BYTES)
        yield block
        packed = b""
        if member.eof or (member.needs_input and len(block) < _BLOCK_BYTES):
            return


def _damaged_error(file: SourceFile, reason: str) -> SourceError:
    return SourceError(
        f"{file.name} is damaged: {reason}; a whole {file.compression} file is needed; "
        "copy or compress it again."
    )
