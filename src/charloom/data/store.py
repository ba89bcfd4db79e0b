"""The store: a text encoded as raw ids on disk, memory-mapped by later runs.

The cache has one folder for each content and each way of reading it; seed, split and minimum count
do not matter. Files of a folder, with little-endian numbers:

    ids.bin         raw ids of all documents, concatenated; the smallest of uint8, uint16, uint32
    offsets.bin     int64: start of each document, then the end of the last
    hashes.bin      uint64: BLAKE2b of 8 bytes of each document's UTF-8
    label_ids.bin   int32: label of each document, -1 for none; missing if no document has one
    names.json      symbols and labels in the order of their ids, with their counts; the number of
                    distinct texts; the symbols of the longest document; the notes of reading
    checksums.json  size of each of these files and CRC-32 of a sample of it; written last

The sample is the whole file up to 64 MiB, else 256 chunks of 256 KiB, evenly spaced: reading all of
a large file would take seconds at every start. A large file that was truncated or replaced is
detected; a change of a few bytes may not be.
"""

import atexit
import contextlib
import dataclasses
import json
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.data.cache import cache_root, temporary_cache_root
from charloom.data.fingerprint import fingerprint
from charloom.data.memory_map import map_file, release
from charloom.data.readers import read_blocks
from charloom.data.reading_notes import ReadingNotes
from charloom.data.source_file import Progress, SourceFile
from charloom.data.store_writer import StoreWriter, ids_dtype
from charloom.errors import CorpusError, OutputError
from charloom.files import exists, is_dir
from charloom.settings import Level, TextSettings
from charloom.text.distinct_hashes import iter_distinct
from charloom.text.documents import Block
from charloom.text.symbols import has_codes

FORMAT = 5
"""Part of the key: raise it when cleaning, reading, splitting or the files change."""

_IO_BLOCK = 1 << 20
_HEAP_BYTES = 1 << 24
MAX_SAMPLES = 256
SAMPLE_BYTES = 1 << 18
"""Chunks of a file that its checksum covers, and their size."""
_LABEL_IDS = "label_ids.bin"
_FILE_NAMES = ("ids.bin", "offsets.bin", "hashes.bin", _LABEL_IDS, "names.json")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Store:
    """The documents of a text as memory-mapped raw ids."""

    level: Level
    symbols: tuple[str, ...]
    """Every distinct symbol in order of first appearance, indexed by raw id."""
    ids: NDArray[Any]
    """Raw ids (uint8, uint16 or uint32) of all documents, concatenated without boundaries."""
    offsets: NDArray[np.int64]
    """Document d has the ids from ``offsets[d]`` to ``offsets[d + 1]``: (documents + 1,)."""
    hashes: NDArray[np.uint64]
    """Equal for documents of equal text: (documents,)."""
    labels: tuple[str, ...]
    label_ids: NDArray[np.int32]
    """Index of each document's label, -1 for none: (documents,)."""
    counts: NDArray[np.int64]
    """Occurrences of each symbol in all documents: (symbols,)."""
    label_counts: NDArray[np.int64]
    """Documents with each label: (labels,)."""
    distinct_texts: int
    """Documents of different text."""
    max_length: int
    """Symbols of the longest document."""
    fingerprint: str
    """Hash of the source files (data/fingerprint.py)."""
    notes: ReadingNotes
    """Counts and remarks of reading."""

    def release(self) -> None:
        """Release the memory of the pages that were read; they are read again when needed."""
        release(self.ids, self.offsets, self.hashes, self.label_ids)


def open_store(
    files: Sequence[SourceFile],
    settings: TextSettings,
    progress: Progress | None = None,
) -> Store:
    """Return the store of ``files`` from the cache, or encode them.

    A damaged entry is replaced. If the cache cannot be written, the store is in a temporary folder
    that is removed at exit. ``progress`` is called with the number of bytes just read. Raises
    SourceError if a file cannot be read, CorpusError if there are no documents, OutputError if
    the temporary folder cannot be written either.
    """
    content = fingerprint(files)
    folder = cache_root() / "ids" / _key(content, settings)
    store = load_store(folder, settings.level, content)
    names = [file.name for file in files]
    if store is not None:
        store.notes.rename_files(names)
        return store
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        notes = ReadingNotes(files=names)
        blocks = read_blocks(files, settings, progress, notes)
        _create(folder, blocks, settings, content, notes)
        store = load_store(folder, settings.level, content)
    except OSError:
        store = None
    if store is not None:
        return store
    notes = ReadingNotes(files=names)
    blocks = read_blocks(files, settings, progress, notes)
    return _create_temporary(blocks, settings, content, notes)


def _key(content: str, settings: TextSettings) -> str:
    """Return the name of the cache folder: a hash of all that the ids depend on."""
    parts: list[Any] = [FORMAT, content, settings.level, settings.unit, settings.columns]
    parts += [settings.label_column, settings.header, settings.encoding, settings.clean]
    parts += [settings.errors, settings.delimiter, settings.separator, settings.separator_regex]
    parts += [settings.mask_digits, settings.token_pattern]
    if not has_codes(settings.level, settings.token_pattern):
        import regex

        # Boundaries of symbols depend on its version of Unicode.
        parts.append(regex.__version__)
    return blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def _create(
    folder: Path, blocks: Iterable[Block], settings: TextSettings, content: str, notes: ReadingNotes
) -> None:
    """Write a store and rename it to ``folder``, replacing a damaged one.

    Another process may have finished first: a folder that can be loaded by now is kept. Nothing is
    fsynced, because that takes long for a large text: a store that a power failure damaged has
    wrong checksums and is made again.
    """
    with tempfile.TemporaryDirectory(
        prefix="making-", dir=folder.parent, ignore_cleanup_errors=True
    ) as temporary:
        new = Path(temporary) / "store"
        write_store(blocks, new, settings.level, notes, settings.token_pattern)
        if load_store(folder, settings.level, content) is None:
            with contextlib.suppress(FileNotFoundError):
                folder.rename(Path(temporary) / "damaged")
        try:
            new.rename(folder)
        except OSError:
            if not is_dir(folder):
                raise


def _create_temporary(
    blocks: Iterable[Block], settings: TextSettings, content: str, notes: ReadingNotes
) -> Store:
    try:
        parent = temporary_folder()
        write_store(blocks, parent / "store", settings.level, notes, settings.token_pattern)
    except OSError as error:
        raise OutputError(
            f"the text's ids can be written neither to {cache_root()} nor to "
            f"{tempfile.gettempdir()} ({error.strerror or error}): free some space, or set "
            "CHARLOOM_CACHE to a folder that can be written."
        ) from error
    store = load_store(parent / "store", settings.level, content)
    assert store is not None, "a store that was just written can be loaded"
    return store


def temporary_folder() -> Path:
    """Create a folder that is removed at exit, or with the temporary cache.

    Raises OSError if that is impossible.
    """
    folder = Path(tempfile.mkdtemp(prefix="charloom-", dir=temporary_cache_root()))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def load_store(folder: Path, level: Level, content: str) -> Store | None:
    """Return the store in ``folder``; None if it is missing, damaged or being removed."""
    try:
        checksums = json.loads((folder / "checksums.json").read_bytes())
        if checksums != _checksums(folder):
            return None
        names = json.loads((folder / "names.json").read_bytes())
        offsets = map_file(folder / "offsets.bin", "<i8")
        return Store(
            level=level,
            symbols=tuple(names["symbols"]),
            ids=map_file(folder / "ids.bin", ids_dtype(len(names["symbols"]))),
            offsets=offsets,
            hashes=map_file(folder / "hashes.bin", "<u8"),
            labels=tuple(names["labels"]),
            label_ids=map_file(folder / _LABEL_IDS, "<i4")
            if names["labels"]
            else np.broadcast_to(np.int32(-1), len(offsets) - 1),
            counts=np.array(names["counts"], dtype=np.int64),
            label_counts=np.array(names["label_counts"], dtype=np.int64),
            distinct_texts=names["distinct"],
            max_length=names["longest"],
            fingerprint=content,
            notes=ReadingNotes.from_json(names["notes"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _checksums(folder: Path) -> dict[str, list[int]]:
    return {name: _checksum(folder / name) for name in _FILE_NAMES if exists(folder / name)}


def _checksum(path: Path) -> list[int]:
    size, checksum = path.stat().st_size, 0
    offsets = range(0, size, SAMPLE_BYTES)
    if len(offsets) > MAX_SAMPLES:
        offsets = range(0, size - SAMPLE_BYTES + 1, (size - SAMPLE_BYTES) // (MAX_SAMPLES - 1))
    with path.open("rb") as file:
        for offset in offsets:
            file.seek(offset)
            checksum = zlib.crc32(file.read(SAMPLE_BYTES), checksum)
    return [size, checksum]


def write_store(
    blocks: Iterable[Block],
    folder: Path,
    level: Level,
    notes: ReadingNotes | None = None,
    token_pattern: str | None = None,
) -> None:
    """Encode ``blocks`` into the new ``folder``, one at a time.

    ``notes`` are filled while the blocks are read.

    Raises CorpusError if there are no documents, OSError if the folder cannot be written.
    """
    folder.mkdir()
    # After an array of this size is freed, glibc keeps the memory of smaller ones for the next
    # block instead of requesting zeroed pages from the system each time: a fifth less time.
    np.empty(_HEAP_BYTES, dtype=np.uint8)
    with StoreWriter(folder, level, token_pattern) as writer:
        for block in blocks:
            writer.write_block(block)
    if not writer.documents:
        raise CorpusError("the text has no documents; give one with at least one line of text.")
    if len(writer.labels) == 1:
        (folder / _LABEL_IDS).unlink()
    hashes = map_file(folder / "hashes.bin", "<u8")
    names = {
        "symbols": list(writer.encoder.symbols),
        "counts": writer.counts.tolist(),
        "labels": list(writer.labels)[1:],
        "label_counts": writer.label_counts.tolist(),
        "distinct": sum(
            len(each) for each in iter_distinct(lambda: _in_blocks(hashes), len(hashes), 64)
        ),
        "longest": writer.max_length,
        "notes": (notes or ReadingNotes()).to_json(),
    }
    (folder / "names.json").write_text(json.dumps(names), encoding="ascii")
    checksums = _checksums(folder)
    (folder / "checksums.json").write_text(json.dumps(checksums), encoding="ascii")


def _in_blocks(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for begin in range(0, len(array), _IO_BLOCK):
        yield array[begin : begin + _IO_BLOCK]
        release(array)
