"""Corpora that have a name: one that comes with an installed package, others fetched once.

A fetched file is kept in the cache folder only when its checksum is the registered one, and is
checked again whenever it is used.
"""

import dataclasses
import hashlib
import importlib.resources
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from charloom.data.cache import cache_root
from charloom.errors import DownloadError
from charloom.files import exists
from charloom.settings import Unit

Progress = Callable[[int], None]
"""Is told how many more bytes were fetched."""

_BLOCK_BYTES = 1 << 16
_TIMEOUT_SECONDS = 30


@dataclasses.dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file on the network, and how to know that it is the right one."""

    url: str
    digest: str
    """Algorithm and hexadecimal digest: ``sha256:86c4...``."""
    size: int
    """Bytes."""

    @property
    def name(self) -> str:
        """The file's name, also in the cache folder."""
        return self.url.rsplit("/", 1)[-1]


@dataclasses.dataclass(frozen=True, kw_only=True)
class NamedCorpus:
    """A text that ``charloom train`` finds by its name."""

    name: str
    description: str
    terms: str
    """What its makers allow."""
    files: tuple[RemoteFile, ...] = ()
    resource: tuple[str, str] | None = None
    """Package and file, for a corpus that is installed and not fetched."""
    unit: Unit = "line"
    column_names: tuple[str, ...] = ()
    """Names of the columns of a table, which has no header line."""
    columns: tuple[str, ...] = ()
    """Columns that are read unless others are asked for."""
    label_column: str | None = None
    """The column that can serve as label; it is used only when asked for."""


_GITHUB = "https://raw.githubusercontent.com"
_AG_NEWS = f"{_GITHUB}/mhjabreel/CharCnn_Keras/master/data/ag_news_csv"

CORPORA: dict[str, NamedCorpus] = {
    corpus.name: corpus
    for corpus in (
        NamedCorpus(
            name="facts",
            description="7,000 English facts, one a line; installed, needs no network",
            terms="MIT licence (the package randfacts)",
            resource=("randfacts", "safe.txt"),
        ),
        NamedCorpus(
            name="tiny-shakespeare",
            description="plays of Shakespeare, one stream of 1.1 million characters",
            terms="public domain",
            files=(
                RemoteFile(
                    url=f"{_GITHUB}/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
                    digest="sha256:86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
                    size=1_115_394,
                ),
            ),
            unit="stream",
        ),
        NamedCorpus(
            name="names",
            description="32,000 given names, one a line",
            terms="MIT licence (makemore); the names are of the US Social Security Administration",
            files=(
                RemoteFile(
                    url=f"{_GITHUB}/karpathy/makemore/master/names.txt",
                    digest="sha256:0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
                    size=228_145,
                ),
            ),
        ),
        NamedCorpus(
            name="ag-news",
            description="127,600 English news: class (1 World, 2 Sports, 3 Business, 4 Sci/Tech), "
            "title, description",
            terms="research and other non-commercial use only",
            files=(
                RemoteFile(
                    url=f"{_AG_NEWS}/train.csv",
                    digest="md5:b1a00f826fdfbd249f79597b59e1dc12",
                    size=29_470_338,
                ),
                RemoteFile(
                    url=f"{_AG_NEWS}/test.csv",
                    digest="md5:d52ea96a97a2d943681189a97654912d",
                    size=1_857_427,
                ),
            ),
            column_names=("class", "title", "description"),
            columns=("title",),
            label_column="class",
        ),
    )
}


def find_corpus(name: str) -> NamedCorpus | None:
    """Return the corpus that ``name`` means; what exists as a path of that name goes before it."""
    corpus = CORPORA.get(name)
    return corpus if corpus is not None and not exists(Path(name)) else None


def default_settings(names: Sequence[str]) -> dict[str, Any]:
    """Return the text settings that the corpora among ``names`` bring, to be overridden.

    Where several corpora bring the same setting, the first one's holds.
    """
    settings: dict[str, Any] = {}
    for name in names:
        if (corpus := find_corpus(name)) is not None:
            settings.setdefault("unit", corpus.unit)
            if corpus.columns:
                settings.setdefault("columns", corpus.columns)
    return settings


def bytes_to_fetch(corpus: NamedCorpus) -> int:
    """Return how many bytes ``local_path`` would have to fetch now."""
    return sum(
        file.size for file in corpus.files if not _is_intact(_cached_path(corpus, file), file)
    )


def fetch_files(corpus: NamedCorpus, progress: Progress | None = None) -> list[Path]:
    """Return the corpus' files on this machine; those that are not there yet are fetched.

    Raises DownloadError if a file cannot be fetched or kept, or is not the registered one.
    """
    if corpus.resource is not None:
        package, name = corpus.resource
        return [Path(str(importlib.resources.files(package) / name))]
    for file in corpus.files:
        if not _is_intact(_cached_path(corpus, file), file):
            _fetch_file(corpus, file, progress or (lambda read: None))
    return [_cached_path(corpus, file) for file in corpus.files]


def _cached_path(corpus: NamedCorpus, file: RemoteFile) -> Path:
    return cache_root() / "corpora" / corpus.name / file.name


def _is_intact(path: Path, file: RemoteFile) -> bool:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(
                stream, lambda: _new_hash(file)
            ).hexdigest() == _expected_digest(file)
    except OSError:
        return False


def _new_hash(file: RemoteFile) -> "hashlib._Hash":
    return hashlib.new(file.digest.split(":")[0], usedforsecurity=False)


def _expected_digest(file: RemoteFile) -> str:
    return file.digest.split(":")[1]


def _fetch_file(corpus: NamedCorpus, file: RemoteFile, progress: Progress) -> None:
    """Fetch one file into a temporary folder, and move it to its place when it is whole and right.

    What the network refuses and what the disk refuses are told apart.
    """
    place = _cached_path(corpus, file)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix="fetching-") as folder:
            begun = Path(folder, file.name)
            digest = _new_hash(file)
            with begun.open("wb") as target:
                for block in _download_blocks(corpus, file):
                    target.write(block)
                    digest.update(block)
                    progress(len(block))
            if digest.hexdigest() != _expected_digest(file):
                raise DownloadError(
                    f"{corpus.name}: {file.url} is not what it should be: checksum "
                    f"{digest.hexdigest()}, registered {_expected_digest(file)}; nothing was kept; try "
                    f"again, or put the right file at {place}."
                )
            begun.replace(place)
    except OSError as error:
        raise DownloadError(
            f"the cache folder {place.parent} cannot be written: {error.strerror or error}; free "
            "some space, or set CHARLOOM_CACHE to a folder that can be written."
        ) from error


def _download_blocks(corpus: NamedCorpus, file: RemoteFile) -> Iterator[bytes]:
    """Yield what the address gives."""
    import http.client
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(file.url, timeout=_TIMEOUT_SECONDS) as response:
            while block := response.read(_BLOCK_BYTES):
                yield block
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise DownloadError(
            f"{corpus.name} cannot be fetched from {file.url}: {error}; it is fetched once, over "
            f"the network; go online and try again, or put the file at {_cached_path(corpus, file)}."
        ) from error
