"""What a user names (a file, folder, glob, corpus, or standard input) becomes files to read."""

import atexit
import difflib
import glob
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from charloom.data.fingerprint import fingerprint
from charloom.data.named_corpora import CORPORA, NamedCorpus, fetch_files, find_corpus
from charloom.data.readers import read_blocks, read_documents
from charloom.data.text_files import Compression, Format, Progress, SourceFile, unreadable_error
from charloom.errors import SourceError
from charloom.files import exists, is_dir, is_file
from charloom.settings import TextSettings
from charloom.text.documents import Document
from charloom.text.symbols import replace_surrogates

__all__ = [
    "Document",
    "SourceFile",
    "fingerprint",
    "read_documents",
    "read_blocks",
    "resolve_sources",
    "total_bytes",
]

_FORMATS: dict[str, Format] = {
    ".txt": "text",
    ".text": "text",
    ".md": "text",
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_COMPRESSIONS: dict[str, Compression] = {".gz": "gzip", ".zst": "zstd"}


def resolve_sources(
    names: Sequence[str],
    settings: TextSettings,
    progress: Progress | None = None,
    *,
    live: bool = False,
) -> list[SourceFile]:
    """Return the files that ``names`` stand for, in the order given, those of a folder sorted.

    A name is a file of any suffix; a folder, of which all files with a known suffix are taken,
    hidden ones left out; a glob; ``-`` for standard input; or a named corpus, which is fetched if
    needed (``progress`` is told the bytes). What exists as a path goes before a corpus of that
    name. Standard input is read as text, or, when columns or a header are spoken of, as jsonl if it
    begins with a brace and as csv if not; with ``live``, text is read from it as it comes, instead
    of being copied first. Raises SourceError and DownloadError.
    """
    if not names:
        raise SourceError(
            f"no source was given; allowed: {_allowed_sources()}; name at least one of these."
        )
    if live and list(names) == ["-"] and not _expects_table(settings):
        return [SourceFile(path=Path("-"), name="standard input", live=sys.stdin.buffer)]
    return [file for name in names for file in _resolve(str(name), settings, progress)]


def total_bytes(files: Sequence[SourceFile]) -> int:
    """Return the bytes of the files as they lie on disk; raises SourceError if one has gone."""
    total = 0
    for file in files:
        try:
            total += file.path.stat().st_size
        except OSError as error:
            raise unreadable_error(file.name, error) from error
    return total


def _resolve(name: str, settings: TextSettings, progress: Progress | None) -> list[SourceFile]:
    try:
        if name == "-":
            return [_spool(sys.stdin.buffer, "standard input", settings)]
        path = Path(name)
        if is_dir(path):
            return _folder_files(name)
        if is_file(path):
            return [_single_file(path)]
        if exists(path):  # a pipe, say: it can be read only once
            with path.open("rb") as stream:
                return [_spool(stream, name, settings)]
    except OSError as error:
        raise unreadable_error(name, error) from error
    if "://" in name:
        raise SourceError(
            f"{name!r} is an address, which is not read; allowed: {_allowed_sources()}; download it first "
            "and name the file."
        )
    if glob.has_magic(name):
        return _glob_files(name)
    corpus = find_corpus(name)
    if corpus is not None:
        return _corpus_files(corpus, progress)
    close = difflib.get_close_matches(name, CORPORA, n=1)
    remedy = f"did you mean {close[0]}?" if close else "check the spelling."
    raise SourceError(
        f"no file, folder, glob or corpus is named {name!r}; allowed: {_allowed_sources()}; {remedy}"
    )


def _allowed_sources() -> str:
    return f"a path that exists, - for standard input, or a corpus ({', '.join(sorted(CORPORA))})"


def _single_file(path: Path) -> SourceFile:
    """Return an existing file as its suffixes tell to read it; refuse an empty one."""
    if path.stat().st_size == 0:
        raise _empty_error(str(path))
    return _source_file(path)


def _empty_error(name: str) -> SourceError:
    return SourceError(
        f"{replace_surrogates(name)} is empty; at least one line with text is needed; give another source."
    )


def _source_file(path: Path) -> SourceFile:
    compression = _COMPRESSIONS.get(path.suffix.lower())
    inner = path.with_suffix("") if compression else path
    form = _FORMATS.get(inner.suffix.lower(), "text")
    if compression and form == "parquet":
        raise SourceError(
            f"{replace_surrogates(str(path))} is a compressed parquet file; .txt, .csv, .tsv and .jsonl may be "
            "compressed, parquet is so by itself; unpack it first."
        )
    return SourceFile(
        path=path, name=replace_surrogates(str(path)), format=form, compression=compression
    )


def _is_known(path: Path) -> bool:
    inner = path.with_suffix("") if path.suffix.lower() in _COMPRESSIONS else path
    return inner.suffix.lower() in _FORMATS


def _folder_files(name: str) -> list[SourceFile]:
    found = sorted(path for path in _walk(Path(name)) if _is_known(path))
    if not found:
        raise SourceError(
            f"folder {replace_surrogates(name)} holds no file to read; allowed: {', '.join(_FORMATS)}, "
            f"all but parquet also with {' or '.join(_COMPRESSIONS)}; name the files themselves, "
            "or use a glob."
        )
    return [_source_file(path) for path in found]


def _walk(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise error

    for parent, folders, files in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in files if not name.startswith("."))


def _glob_files(name: str) -> list[SourceFile]:
    # Path.glob refuses absolute patterns and takes hidden files.
    matches = sorted(map(Path, glob.glob(name, recursive=True)))  # noqa: PTH207
    found = [_source_file(path) for path in matches if is_file(path)]
    if not found:
        raise SourceError(
            f"no file matches the glob {name!r}; allowed: *, ?, [abc], and ** for folders within; "
            "check the spelling and the folder."
        )
    return found


def _corpus_files(corpus: NamedCorpus, progress: Progress | None) -> list[SourceFile]:
    return [
        SourceFile(
            path=path,
            name=corpus.name if len(corpus.files) < 2 else f"{corpus.name}/{path.name}",
            format=_FORMATS[path.suffix],
            column_names=corpus.column_names,
        )
        for path in fetch_files(corpus, progress)
    ]


def _spool(stream: BinaryIO, name: str, settings: TextSettings) -> SourceFile:
    """Copy what can be read only once to a temporary file, which is removed at exit."""
    with tempfile.NamedTemporaryFile(prefix="charloom-", delete=False) as target:
        path = Path(target.name)
        atexit.register(path.unlink, missing_ok=True)
        shutil.copyfileobj(stream, target)
    with path.open("rb") as spooled:
        first = spooled.read(1)
    if not first:
        raise _empty_error(name)
    table: Format = "jsonl" if first == b"{" else "csv"
    form: Format = table if _expects_table(settings) else "text"
    return SourceFile(path=path, name=replace_surrogates(name), format=form)


def _expects_table(settings: TextSettings) -> bool:
    return bool(settings.columns or settings.label_column) or settings.header is not None
