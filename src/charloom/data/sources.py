"""Resolve the names of sources: files, folders, globs, corpora, standard input."""

import atexit
import dataclasses
import difflib
import glob
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import BinaryIO

from charloom.data.archives import is_archive, unpack
from charloom.data.encodings import MARKS, utf16_without_mark
from charloom.data.file_kinds import check_kind
from charloom.data.fingerprint import fingerprint
from charloom.data.named_corpora import CORPORA, NamedCorpus, fetch_files, find_corpus
from charloom.data.readers import read_blocks, read_documents
from charloom.data.source_file import Compression, Format, Progress, SourceFile, unreadable_error
from charloom.errors import SourceError
from charloom.extras import require_package
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
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
_COMPRESSIONS: dict[str, Compression] = {
    ".gz": "gzip",
    ".zst": "zstd",
    ".xz": "xz",
    ".bz2": "bzip2",
}
_NUL_BYTES = 1 << 12
"""First bytes of a file that a text has no NUL in."""


def resolve_sources(
    names: Sequence[str | SourceFile],
    settings: TextSettings,
    progress: Progress | None = None,
    *,
    live: bool = False,
) -> list[SourceFile]:
    """Return the files that ``names`` stand for, in that order.

    A name is one of: a file with any suffix; a folder or an archive, of which the visible files
    with a known suffix are read in sorted order; a glob; ``-`` for standard input; a named corpus,
    which is fetched if needed (``progress`` is called with the number of bytes just fetched). A
    path takes precedence over a corpus of the same name.

    Standard input is text, unless ``settings`` have columns, a label column, a header or a
    delimiter: then it is jsonl if it starts with a brace, json if with a bracket, else csv. It is
    copied to a temporary file; with ``live``, text is read as it arrives instead. A text file is a
    table if a delimiter is given. A SourceFile stands for itself.

    Raises SourceError, DownloadError, and MissingPackageError for a parquet file without polars.
    """
    if not names:
        raise SourceError(
            f"no source was given; allowed: {_allowed_sources()}; name at least one of these."
        )
    if live and list(names) == ["-"] and not _expects_table(settings):
        return [SourceFile(path=Path("-"), name="standard input", live=sys.stdin.buffer)]
    found = [
        file
        for name in names
        for file in (
            [name] if isinstance(name, SourceFile) else _resolve(str(name), settings, progress)
        )
    ]
    if settings.delimiter is None:
        return found
    return [_as_table(file) for file in found]


def _as_table(file: SourceFile) -> SourceFile:
    """Return a text file as a table, since a delimiter was given."""
    return dataclasses.replace(file, format="delimited") if file.format == "text" else file


def total_bytes(files: Sequence[SourceFile]) -> int:
    """Return the size of the files on disk; raises SourceError if one cannot be found."""
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
            return _single_file(path)
        if exists(path):  # such as a pipe, which can be read only once
            with path.open("rb") as stream:
                return [_spool(stream, name, settings)]
    except OSError as error:
        raise unreadable_error(name, error) from error
    if "://" in name:
        raise SourceError(
            f"{name!r} is an address, which is not read; allowed: {_allowed_sources()}; "
            "download it first and name the file."
        )
    if glob.has_magic(name):
        return _glob_files(name)
    corpus = find_corpus(name)
    if corpus is not None:
        return _corpus_files(corpus, progress)
    close = difflib.get_close_matches(name, CORPORA, n=1)
    remedy = f"did you mean {close[0]}?" if close else "check the spelling."
    raise SourceError(
        f"no file, folder, glob or corpus is named {name!r}; allowed: {_allowed_sources()}; "
        f"{remedy}"
    )


def _allowed_sources() -> str:
    return f"a path that exists, - for standard input, or a corpus ({', '.join(sorted(CORPORA))})"


def _single_file(path: Path) -> list[SourceFile]:
    if path.stat().st_size == 0:
        raise _empty_error(str(path))
    check_kind(path)
    return _archive_files(path) if is_archive(path) else [_source_file(path)]


def _archive_files(path: Path) -> list[SourceFile]:
    """Return the members of an archive with a known suffix, else those that are texts."""
    archive = replace_surrogates(str(path))
    members = unpack(path, _is_known) or [
        member for member in unpack(path, lambda _: True) if _looks_like_text(member.path)
    ]
    if not members:
        raise SourceError(
            f"{archive} holds no text; allowed in archives: {', '.join(_FORMATS)}, and other files "
            "of plain text; unpack it and name the files themselves."
        )
    return [
        dataclasses.replace(
            _source_file(member.path), name=f"{archive}/{replace_surrogates(member.name)}"
        )
        for member in members
    ]


def _looks_like_text(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_NUL_BYTES)
    return b"\0" not in head or head.startswith(tuple(MARKS)) or bool(utf16_without_mark(head))


def _empty_error(name: str) -> SourceError:
    return SourceError(
        f"{replace_surrogates(name)} is empty; at least one line with text is needed; give another "
        "source."
    )


def _source_file(path: Path) -> SourceFile:
    """Return a file with the format and compression that its suffixes imply."""
    compression = _COMPRESSIONS.get(path.suffix.lower())
    inner = path.with_suffix("") if compression else path
    file_format = _FORMATS.get(inner.suffix.lower(), "text")
    if compression and file_format == "parquet":
        raise SourceError(
            f"{replace_surrogates(str(path))} is a compressed parquet file; .txt, .csv, .tsv and "
            ".jsonl may be compressed, parquet is compressed by itself; unpack it first."
        )
    name = replace_surrogates(str(path))
    if file_format == "parquet":
        require_package("polars", f"reading {name}", "save it as .csv or .jsonl")
    return SourceFile(path=path, name=name, format=file_format, compression=compression)


def _is_known(path: PurePath) -> bool:
    inner = path.with_suffix("") if path.suffix.lower() in _COMPRESSIONS else path
    return inner.suffix.lower() in _FORMATS


def _folder_files(name: str) -> list[SourceFile]:
    paths = sorted(path for path in _walk(Path(name)) if _is_known(path))
    if not paths:
        raise SourceError(
            f"folder {replace_surrogates(name)} holds no file to read; allowed: "
            f"{', '.join(_FORMATS)}, all but parquet also with {', '.join(_COMPRESSIONS)}; name "
            "the files themselves, or use a glob."
        )
    return [_source_file(path) for path in paths]


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the visible files below a folder; raises OSError if one cannot be listed."""

    def fail(error: OSError) -> None:
        raise error

    for parent, folders, files in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(parent, name) for name in files if not name.startswith("."))


def _glob_files(name: str) -> list[SourceFile]:
    # Path.glob refuses absolute patterns and includes hidden files.
    matches = sorted(map(Path, glob.glob(name, recursive=True)))  # noqa: PTH207
    files = [file for path in matches if is_file(path) for file in _matched_files(path)]
    if not files:
        raise SourceError(
            f"no file matches the glob {name!r}; allowed: *, ?, [abc], and ** for folders within; "
            "check the spelling and the folder."
        )
    return files


def _matched_files(path: Path) -> list[SourceFile]:
    return _single_file(path) if path.stat().st_size else [_source_file(path)]


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
    """Copy a stream to a temporary file, which is removed at exit."""
    with tempfile.NamedTemporaryFile(prefix="charloom-", delete=False) as target:
        path = Path(target.name)
        atexit.register(path.unlink, missing_ok=True)
        shutil.copyfileobj(stream, target)
    with path.open("rb") as spooled:
        first = spooled.read(1)
    if not first:
        raise _empty_error(name)
    tables: dict[bytes, Format] = {b"{": "jsonl", b"[": "json"}
    file_format: Format = tables.get(first, "csv") if _expects_table(settings) else "text"
    return SourceFile(path=path, name=replace_surrogates(name), format=file_format)


def _expects_table(settings: TextSettings) -> bool:
    columns = bool(settings.columns or settings.label_column or settings.delimiter)
    return columns or settings.header is not None
