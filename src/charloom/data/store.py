"""A text as ids on disk: encoded once, memory-mapped ever after.

One folder of the cache for each content and way to read it; seed, split and minimum count do not
matter here. In a folder, all numbers little-endian:

    ids.bin         raw ids of all documents, one after another; uint8, uint16 or uint32, the
                    smallest that holds them
    offsets.bin     int64: where each document begins, and the end of the last
    hashes.bin      uint64: BLAKE2b of 8 bytes of each document's UTF-8
    label_ids.bin   int32: each document's label, -1 for none; missing if none has one
    names.json      the symbols and the labels, each in the order of their ids, with their counts;
                    how many texts are distinct, and the symbols of the longest document
    checksums.json  the size of each of these and a CRC-32 of a sample of it; written last

A sample is all of a file up to 64 MiB, and of a larger one 256 pieces of 256 KiB, spread evenly: to
look at all of a large file would take seconds at each start. A large file that was cut off or
replaced is seen, a change of a few bytes in it is not.
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

from charloom.data.cache import cache_root
from charloom.data.fingerprint import fingerprint
from charloom.data.memory_map import map_file, release
from charloom.data.readers import read_blocks
from charloom.data.store_writer import StoreWriter, ids_dtype
from charloom.data.text_files import Progress, SourceFile
from charloom.errors import CorpusError, OutputError
from charloom.files import exists, is_dir
from charloom.settings import Level, TextSettings
from charloom.text.distinct_hashes import iter_distinct
from charloom.text.documents import Block

FORMAT = 3
"""Part of the key: raise it whenever cleaning, reading, splitting or the files change."""

_IO_BLOCK = 1 << 20
_HEAP_BYTES = 1 << 24
_MAX_SAMPLES = 256
_SAMPLE_BYTES = 1 << 18
_LABEL_IDS = "label_ids.bin"
_FILE_NAMES = ("ids.bin", "offsets.bin", "hashes.bin", _LABEL_IDS, "names.json")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Store:
    """The documents of a text as raw ids."""

    level: Level
    symbols: tuple[str, ...]
    """Every distinct symbol, in order of first appearance; its raw id is the index."""
    ids: NDArray[Any]
    """Raw ids (uint8, uint16 or uint32) of all documents, one after another, without boundaries."""
    offsets: NDArray[np.int64]
    """Document d has the ids from ``offsets[d]`` to ``offsets[d + 1]``: (documents + 1,)."""
    hashes: NDArray[np.uint64]
    """Equal for documents of equal text: (documents,)."""
    labels: tuple[str, ...]
    label_ids: NDArray[np.int32]
    """Index of each document's label, -1 for none: (documents,)."""
    counts: NDArray[np.int64]
    """How often each symbol stands in all documents: (symbols,)."""
    label_counts: NDArray[np.int64]
    """How many documents have each label: (labels,)."""
    distinct_texts: int
    """Documents of different text."""
    max_length: int
    """Symbols of the longest document."""
    fingerprint: str
    """Hash of the content that was read."""

    def release(self) -> None:
        """Let go of the memory that looking at the documents took."""
        release(self.ids, self.offsets, self.hashes, self.label_ids)


def open_store(
    files: Sequence[SourceFile],
    settings: TextSettings,
    progress: Progress | None = None,
) -> Store:
    """Return the ids of ``files``, from the cache if they are there, else made and put there.

    A damaged cache entry is made anew; where the cache cannot be written, a temporary folder that
    lives as long as the process takes its place. ``progress`` gets bytes read. Raises SourceError
    for what cannot be read, CorpusError if there are no documents, OutputError if the temporary
    folder cannot be written either.
    """
    content = fingerprint(files)
    folder = cache_root() / "ids" / _key(content, settings)
    store = load_store(folder, settings.level, content)
    if store is not None:
        return store
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _create(folder, read_blocks(files, settings, progress), settings.level, content)
        store = load_store(folder, settings.level, content)
    except OSError:
        store = None
    return store or _create_temporary(
        read_blocks(files, settings, progress), settings.level, content
    )


def _key(content: str, settings: TextSettings) -> str:
    """Return the name of the cache folder: a hash of all that the ids depend on."""
    parts: list[Any] = [FORMAT, content, settings.level, settings.unit, settings.columns]
    parts += [settings.label_column, settings.header, settings.encoding, settings.clean]
    if settings.level in ("grapheme", "word"):
        import regex

        # Its version of Unicode decides where symbols end.
        parts.append(regex.__version__)
    return blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def _create(folder: Path, blocks: Iterable[Block], level: Level, content: str) -> None:
    """Make ``folder`` at once and whole, in place of a damaged one.

    Another process may have been faster: only what cannot be loaded even now is moved away.
    """
    with tempfile.TemporaryDirectory(
        prefix="making-", dir=folder.parent, ignore_cleanup_errors=True
    ) as making:
        made = Path(making) / "store"
        write_store(blocks, made, level)
        if load_store(folder, level, content) is None:
            with contextlib.suppress(FileNotFoundError):
                folder.rename(Path(making) / "damaged")
        try:
            made.rename(folder)
        except OSError:
            if not is_dir(folder):
                raise


def _create_temporary(blocks: Iterable[Block], level: Level, content: str) -> Store:
    try:
        parent = Path(tempfile.mkdtemp(prefix="charloom-"))
        atexit.register(shutil.rmtree, parent, ignore_errors=True)
        write_store(blocks, parent / "store", level)
    except OSError as error:
        raise OutputError(
            f"the text's ids can be written neither to {cache_root()} nor to "
            f"{tempfile.gettempdir()} ({error.strerror or error}): free some space, or set "
            "CHARLOOM_CACHE to a folder that can be written."
        ) from error
    store = load_store(parent / "store", level, content)
    assert store is not None, "a store that was just written is whole"
    return store


def load_store(folder: Path, level: Level, content: str) -> Store | None:
    """Return the store in ``folder``, None if there is none, it is damaged or it goes meanwhile."""
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
        )
    except (OSError, ValueError, KeyError):
        return None


def _checksums(folder: Path) -> dict[str, list[int]]:
    """Return the size and the checksum of each file of a store; one without labels has one less."""
    return {name: _checksum(folder / name) for name in _FILE_NAMES if exists(folder / name)}


def _checksum(path: Path) -> list[int]:
    size, checksum = path.stat().st_size, 0
    places = range(0, size, _SAMPLE_BYTES)
    if len(places) > _MAX_SAMPLES:
        places = range(0, size - _SAMPLE_BYTES + 1, (size - _SAMPLE_BYTES) // (_MAX_SAMPLES - 1))
    with path.open("rb") as file:
        for place in places:
            file.seek(place)
            checksum = zlib.crc32(file.read(_SAMPLE_BYTES), checksum)
    return [size, checksum]


def write_store(blocks: Iterable[Block], folder: Path, level: Level) -> None:
    """Encode ``blocks`` into the new ``folder``, holding one of them in memory."""
    folder.mkdir()
    # Once an array of this size was freed, glibc keeps the memory of smaller ones for the next
    # block, instead of asking the system for clean pages again and again: a fifth less time.
    np.empty(_HEAP_BYTES, dtype=np.uint8)
    with StoreWriter(folder, level) as files:
        for block in blocks:
            files.write_block(block)
    if not files.documents:
        raise CorpusError("the text holds no documents; give one with at least one line of text.")
    if len(files.labels) == 1:
        (folder / _LABEL_IDS).unlink()
    hashes = map_file(folder / "hashes.bin", "<u8")
    names = {
        "symbols": list(files.encoder.symbols),
        "counts": files.counts.tolist(),
        "labels": list(files.labels)[1:],
        "label_counts": files.label_counts.tolist(),
        "distinct": sum(
            len(each) for each in iter_distinct(lambda: _in_blocks(hashes), len(hashes), 64)
        ),
        "longest": files.max_length,
    }
    (folder / "names.json").write_text(json.dumps(names), encoding="ascii")
    checksums = _checksums(folder)
    (folder / "checksums.json").write_text(json.dumps(checksums), encoding="ascii")


def _in_blocks(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for begin in range(0, len(array), _IO_BLOCK):
        yield array[begin : begin + _IO_BLOCK]
        release(array)
