"""The registry of named corpora, and their download.

One corpus is installed with a package; the others are fetched once. A fetched file is kept in the
cache only if its checksum is the registered one. The checksum is compared again at every use.
"""

import dataclasses
import hashlib
import importlib.resources
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from charloom.data.cache import cache_root
from charloom.errors import DownloadError
from charloom.files import exists, replace_file
from charloom.settings import Unit

Progress = Callable[[int], None]
"""Called with the number of bytes just fetched."""

_BLOCK_BYTES = 1 << 16
_TIMEOUT_SECONDS = 30


@dataclasses.dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file on the network and its checksum."""

    url: str
    digest: str
    """Algorithm and hexadecimal digest: ``sha256:86c4...``."""
    size: int
    """Bytes."""

    @property
    def name(self) -> str:
        """The file's name, in the cache folder as well."""
        return self.url.rsplit("/", 1)[-1]


@dataclasses.dataclass(frozen=True, kw_only=True)
class NamedCorpus:
    """A text that can be named as a source."""

    name: str
    description: str
    terms: str
    """License or terms of use."""
    files: tuple[RemoteFile, ...] = ()
    resource: tuple[str, str] | None = None
    """Package and file of an installed corpus."""
    unit: Unit = "line"
    column_names: tuple[str, ...] = ()
    """Names of the columns, for a table without a header line."""
    columns: tuple[str, ...] = ()
    """Columns that are read by default."""
    label_column: str | None = None
    """The column to use as label; not used by default."""


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
    """Return the corpus called ``name``.

    Returns None if there is none, or if a path of that name exists.
    """
    corpus = CORPORA.get(name)
    return corpus if corpus is not None and not exists(Path(name)) else None


def default_settings(names: Sequence[str]) -> dict[str, Any]:
    """Return the default text settings of the corpora among ``names``.

    The first corpus that has a setting determines it.
    """
    settings: dict[str, Any] = {}
    for name in names:
        if (corpus := find_corpus(name)) is not None:
            settings.setdefault("unit", corpus.unit)
            if corpus.columns:
                settings.setdefault("columns", corpus.columns)
    return settings


def bytes_to_fetch(corpus: NamedCorpus) -> int:
    """Return the bytes that ``fetch_files`` would have to fetch now."""
    return sum(
        file.size for file in corpus.files if not _is_intact(_cached_path(corpus, file), file)
    )


def fetch_files(corpus: NamedCorpus, progress: Progress | None = None) -> list[Path]:
    """Return the paths of a corpus' files, fetching those not in the cache.

    Raises DownloadError if a file cannot be fetched or written, or has a wrong checksum.
    """
    if corpus.resource is not None:
        package, name = corpus.resource
        return [Path(str(importlib.resources.files(package) / name))]
    for file in corpus.files:
        if not _is_intact(_cached_path(corpus, file), file):
            _fetch_file(corpus, file, progress or (lambda count: None))
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
    """Fetch a file into the cache; nothing is kept unless its checksum is right.

    The message of the DownloadError names the network or the disk as the cause.
    """
    path = _cached_path(corpus, file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replace_file(path) as target:
            digest = _new_hash(file)
            for block in _download_blocks(corpus, file):
                target.write(block)
                digest.update(block)
                progress(len(block))
            expected = _expected_digest(file)
            if digest.hexdigest() != expected:
                raise DownloadError(
                    f"{corpus.name}: {file.url} is not the registered file: its checksum is "
                    f"{digest.hexdigest()}, not {expected}; nothing was kept; try again, or put "
                    f"the right file at {path}."
                )
    except OSError as error:
        raise DownloadError(
            f"the cache folder {path.parent} cannot be written: {error.strerror or error}; free "
            "some space, or set CHARLOOM_CACHE to a folder that can be written."
        ) from error


def _download_blocks(corpus: NamedCorpus, file: RemoteFile) -> Iterator[bytes]:
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
            "the network; go online and try again, or put the file at "
            f"{_cached_path(corpus, file)}."
        ) from error
