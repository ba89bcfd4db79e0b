"""A text as ids on disk: encoded once, memory-mapped ever after.

One folder of the cache for each content and way to read it; seed, split and minimum count do not
matter here. In a folder, all numbers little-endian:

    ids.bin         raw ids of all documents, one after another; uint16, or uint32 when they must be
    offsets.bin     int64: where each document begins, and the end of the last
    hashes.bin      uint64: BLAKE2b of 8 bytes of each document's UTF-8
    label_ids.bin   int32: each document's label, -1 for none
    names.json      the symbols and the labels, each in the order of their ids
    checksums.json  CRC-32 of each of these; written last
"""

import atexit
import contextlib
import dataclasses
import json
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from charloom.errors import CorpusError, OutputError
from charloom.settings import Level, TextSettings
from charloom.text.cache import cache_root
from charloom.text.encoder import make_encoder
from charloom.text.sources import Document, SourceFile, fingerprint, read
from charloom.text.symbols import repair

FORMAT = 2
"""Part of the key: raise it whenever cleaning, reading, splitting or the files change."""

_BATCH = 1 << 18
_IO_BLOCK = 1 << 20
_FILES = ("ids.bin", "offsets.bin", "hashes.bin", "label_ids.bin", "names.json")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Store:
    """The documents of a text as raw ids."""

    level: Level
    symbols: tuple[str, ...]
    """Every distinct symbol, in order of first appearance; its raw id is the index."""
    ids: NDArray[Any]
    """Raw ids (uint16 or uint32) of all documents, one after another, without boundaries."""
    offsets: NDArray[np.int64]
    """Document d has the ids from ``offsets[d]`` to ``offsets[d + 1]``: (documents + 1,)."""
    hashes: NDArray[np.uint64]
    """Equal for documents of equal text: (documents,)."""
    labels: tuple[str, ...]
    label_ids: NDArray[np.int32]
    """Index of each document's label, -1 for none: (documents,)."""
    fingerprint: str
    """Hash of the content that was read."""


def open_store(
    files: Sequence[SourceFile],
    settings: TextSettings,
    progress: Callable[[int], None] | None = None,
) -> Store:
    """Return the ids of ``files``, from the cache if they are there, else made and put there.

    A damaged cache entry is made anew; where the cache cannot be written, a temporary folder that
    lives as long as the process takes its place. ``progress`` gets bytes read. Raises SourceError
    for what cannot be read, CorpusError if there are no documents, OutputError if the temporary
    folder cannot be written either.
    """
    content = fingerprint(files)
    folder = cache_root() / "ids" / _key(content, settings)
    store = load(folder, settings.level, content)
    if store is not None:
        return store
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _make(folder, read(files, settings, progress), settings.level, content)
        store = load(folder, settings.level, content)
    except OSError:
        store = None
    return store or _temporary(read(files, settings, progress), settings.level, content)


def _key(content: str, settings: TextSettings) -> str:
    """Return the name of the cache folder: a hash of all that the ids depend on."""
    parts: list[Any] = [FORMAT, content, settings.level, settings.unit, settings.columns]
    parts += [settings.label_column, settings.header, settings.encoding, settings.clean]
    if settings.level in ("grapheme", "word"):
        import regex

        # Its version of Unicode decides where symbols end.
        parts.append(regex.__version__)
    return blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()


def _make(folder: Path, documents: Iterable[Document], level: Level, content: str) -> None:
    """Make ``folder`` at once and whole, in place of a damaged one.

    Another process may have been faster: only what cannot be loaded even now is moved away.
    """
    with tempfile.TemporaryDirectory(
        prefix="making-", dir=folder.parent, ignore_cleanup_errors=True
    ) as making:
        made = Path(making) / "store"
        write(documents, made, level)
        if load(folder, level, content) is None:
            with contextlib.suppress(FileNotFoundError):
                folder.rename(Path(making) / "damaged")
        try:
            made.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise


def _temporary(documents: Iterable[Document], level: Level, content: str) -> Store:
    try:
        parent = Path(tempfile.mkdtemp(prefix="charloom-"))
        atexit.register(shutil.rmtree, parent, ignore_errors=True)
        write(documents, parent / "store", level)
    except OSError as error:
        raise OutputError(
            f"the text's ids can be written neither to {cache_root()} nor to "
            f"{tempfile.gettempdir()} ({error.strerror or error}): free some space, or set "
            "CHARLOOM_CACHE to a folder that can be written."
        ) from error
    store = load(parent / "store", level, content)
    assert store is not None, "a store that was just written is whole"
    return store


def load(folder: Path, level: Level, content: str) -> Store | None:
    """Return the store in ``folder``, None if there is none, it is damaged or it goes meanwhile."""
    try:
        checksums = json.loads((folder / "checksums.json").read_bytes())
        if checksums != {name: _checksum(folder / name) for name in _FILES}:
            return None
        names = json.loads((folder / "names.json").read_bytes())
        return Store(
            level=level,
            symbols=tuple(names["symbols"]),
            ids=_mapped(folder / "ids.bin", _dtype(len(names["symbols"]))),
            offsets=_mapped(folder / "offsets.bin", "<i8"),
            hashes=_mapped(folder / "hashes.bin", "<u8"),
            labels=tuple(names["labels"]),
            label_ids=_mapped(folder / "label_ids.bin", "<i4"),
            fingerprint=content,
        )
    except (OSError, ValueError):
        return None


def _dtype(symbols: int) -> str:
    """Return the smallest type that holds the ids of so many symbols."""
    return "<u2" if symbols <= 1 << 16 else "<u4"


def _mapped(path: Path, dtype: str) -> NDArray[Any]:
    # A plain view: slicing a memmap object costs several times as much.
    return np.memmap(path, dtype=dtype, mode="r").view(np.ndarray)


def _checksum(path: Path) -> int:
    with path.open("rb") as file:
        checksum = 0
        while block := file.read(_IO_BLOCK):
            checksum = zlib.crc32(block, checksum)
    return checksum


def write(documents: Iterable[Document], folder: Path, level: Level) -> None:
    """Encode ``documents`` into the new ``folder``, holding one batch of them in memory."""
    folder.mkdir()
    encoder = make_encoder(level)
    labels: dict[str | None, int] = {None: -1}
    end = 0
    with (
        _IdsFile(folder / "ids.bin") as ids_file,
        (folder / "offsets.bin").open("wb") as offsets_file,
        (folder / "hashes.bin").open("wb") as hashes_file,
        (folder / "label_ids.bin").open("wb") as labels_file,
    ):
        offsets_file.write(bytes(8))
        for batch in _batches(documents):
            texts, hashes = _hashed([document.text for document in batch])
            lengths, blocks = encoder.encode(texts)
            for block in blocks:
                ids_file.write(block)
            label_ids = [labels.setdefault(d.label, len(labels) - 1) for d in batch]
            ends = end + np.cumsum(lengths, dtype="<i8")
            end = int(ends[-1])
            offsets_file.write(ends.tobytes())
            hashes_file.write(hashes)
            labels_file.write(np.array(label_ids, dtype="<i4").tobytes())
    if end == 0:
        raise CorpusError("the text holds no documents; give one with at least one line of text.")
    names = {"symbols": list(encoder.symbols), "labels": list(labels)[1:]}
    (folder / "names.json").write_text(json.dumps(names), encoding="ascii")
    checksums = {name: _checksum(folder / name) for name in _FILES}
    (folder / "checksums.json").write_text(json.dumps(checksums), encoding="ascii")


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """Yield the documents in lists of about ``_BATCH`` characters."""
    batch: list[Document] = []
    size = 0
    for document in documents:
        batch.append(document)
        size += len(document.text)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _hashed(texts: list[str]) -> tuple[list[str], bytes]:
    """Return the texts without surrogates, and the hashes of all, one after another."""
    try:
        encoded = [text.encode() for text in texts]
    except UnicodeEncodeError:
        texts = [repair(text) for text in texts]
        encoded = [text.encode() for text in texts]
    return texts, b"".join([blake2b(each, digest_size=8).digest() for each in encoded])


class _IdsFile:
    """A file of ids that begins as uint16 and is rewritten once if an id does not fit."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")
        self._dtype = _dtype(0)

    def __enter__(self) -> "_IdsFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, ids: NDArray[np.uint32]) -> None:
        needed = _dtype(int(ids.max()) + 1)
        if needed > self._dtype:
            self._widen(needed)
        self._file.write(ids.astype(self._dtype).tobytes())

    def _widen(self, dtype: str) -> None:
        self._file.close()
        wide = self._path.with_suffix(".wide")
        with self._path.open("rb") as old, wide.open("wb") as new:
            while block := old.read(_IO_BLOCK):
                new.write(np.frombuffer(block, dtype=self._dtype).astype(dtype).tobytes())
        wide.replace(self._path)
        self._file, self._dtype = self._path.open("ab"), dtype
