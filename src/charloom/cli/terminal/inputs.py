"""Inputs of several commands: documents, prompts, settings files and seeds."""

import dataclasses
import re
import secrets
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from charloom.cli.options.shared import FORMATS
from charloom.cli.terminal import output
from charloom.errors import SettingsError, SourceError
from charloom.files import is_dir
from charloom.formatting import summarize
from charloom.settings import Errors, TextSettings
from charloom.settings.presets import merge_options
from charloom.settings.tables import RUN_TABLES

if TYPE_CHECKING:
    from charloom.data.input_lines import InputLine
    from charloom.data.reading_notes import ReadingNotes
    from charloom.data.source_file import SourceFile
    from charloom.model import Model
    from charloom.text.documents import Block


@dataclasses.dataclass(frozen=True, kw_only=True)
class TableOptions:
    """Options of reading tables and text files that differ from the training texts."""

    columns: tuple[str, ...] = ()
    label_column: str | None = None
    header: bool | None = None
    encoding: str | None = None
    errors: Errors | None = None
    delimiter: str | None = None


def read_blocks(
    sources: list[str], recorded: TextSettings, tables: TableOptions | None = None
) -> Iterator["Block"]:
    """Yield the documents of the sources, read and cleaned as the texts of a model.

    The recorded columns apply only if a source is a table. Notes on reading follow the
    last block.
    """
    from charloom.data.reading_notes import ReadingNotes
    from charloom.data.sources import read_blocks

    files, settings = _resolve(sources, recorded, tables or TableOptions())
    notes = ReadingNotes()
    yield from read_blocks(files, settings, None, notes)
    _write_notes(notes)


def read_input_lines(
    sources: list[str], recorded: TextSettings, tables: TableOptions
) -> Iterator[list["InputLine"]]:
    """Yield the lines of the sources, cleaned as the texts of a model, as they arrive.

    Notes on reading follow the last batch.
    """
    from charloom.data.input_lines import read_input_lines
    from charloom.data.reading_notes import ReadingNotes

    files, settings = _resolve(sources, recorded, tables, live=True)
    notes = ReadingNotes()
    yield from read_input_lines(files, settings, notes)
    _write_notes(notes)


def _resolve(
    sources: list[str], recorded: TextSettings, tables: TableOptions, *, live: bool = False
) -> tuple[list["SourceFile"], TextSettings]:
    """Return the files of the sources, and the settings with which to read them."""
    from charloom.cli.terminal.downloads import fetch_corpora
    from charloom.data.sources import resolve_sources

    changes = dataclasses.asdict(tables)
    changes["encoding"] = changes["encoding"] or recorded.encoding
    changes["errors"] = changes["errors"] or recorded.errors
    fetch_corpora(sources)
    plain = dataclasses.replace(recorded, **changes)
    files = resolve_sources(sources, plain, live=live)
    if all(file.format == "text" for file in files):
        return files, plain
    explicit = {name: value for name, value in changes.items() if value not in (None, ())}
    return files, dataclasses.replace(recorded, **explicit)


def _write_notes(notes: "ReadingNotes") -> None:
    # Cleaning is that of the training texts, and was reported with them.
    for sentence in notes.sentences(cleaning=False):
        output.note(sentence)


def drop_unknown_labels(blocks: Iterable["Block"], labels: Collection[str]) -> Iterator["Block"]:
    """Yield the blocks without labels that are not among ``labels``, as training does.

    After the last block, one note lists the removed labels.
    """
    from charloom.text.documents import keep_labels

    unknown: dict[str, None] = {}
    yield from keep_labels(blocks, labels, unknown)
    if unknown:
        output.note(f"labels that the model does not know count as none: {summarize(unknown)}.")


def clean_prompts(model: "Model", prompts: list[str] | None) -> list[str]:
    """Return the prompts cleaned as the training texts; without any, the empty one.

    One note lists the symbols that are not in the vocabulary, another one reports a space at
    the end, after which a model of words can only spell.
    """
    from charloom.text.cleaning import clean_prompt

    cleaned = [clean_prompt(prompt, model.record.text) for prompt in prompts or [""]]
    vocabulary = model.record.vocabulary
    output.note_unknown_symbols(
        symbol for prompt in cleaned for symbol in vocabulary.unknown_symbols(prompt)
    )
    if vocabulary.level == "word" and any(prompt.endswith(" ") for prompt in cleaned):
        output.note(
            "a prompt ends with a space, which belongs to the word after it at level word: leave "
            "the space out."
        )
    return cleaned


def read_prompt(path: Path) -> str:
    """Return the text of a prompt file, or of standard input for ``-``.

    A last line break is left out. Raises SourceError if the file cannot be read or is not UTF-8.
    """
    name = "standard input" if str(path) == "-" else str(path)
    try:
        content = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        return content.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise SourceError(
            f"{name} cannot be read ({error.strerror or error}); name a file with a prompt."
        ) from error
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{name} is not UTF-8 (byte {error.start + 1} is no part of it); save it as UTF-8."
        ) from error


def run_settings(file: Path | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a training run from a settings file and the command line.

    Those on the command line take precedence. Raises SettingsError for a mistake in the file.
    """
    if file is None:
        return dict(options)
    from charloom.settings.toml_file import read_settings

    return merge_options(read_settings(file, RUN_TABLES), options)


def check_format(form: str | None) -> None:
    """Raise SettingsError unless ``form`` is a format of results, or None."""
    if form is not None and form not in FORMATS:
        raise SettingsError(f"format is {form!r}; allowed: {', '.join(FORMATS)}.")


def random_seed() -> int:
    """Return a seed that is short enough to type."""
    return secrets.randbelow(2**32)


def default_output(sources: list[str]) -> Path:
    """Return the folder of a model, named after the first source.

    >>> default_output(["texts/titles.csv.gz"]).as_posix()
    'runs/titles'
    >>> default_output(["poems/*.txt"]).as_posix()
    'runs/poems'

    Raises SourceError if the system denies access to the source.
    """
    if sources[0] == "-":
        return Path("runs", "stdin")
    path = Path(sources[0])
    while re.search(r"[*?\[]", path.name):
        path = path.parent
    try:
        if is_dir(path):
            stem = path.resolve().name
        else:
            stem = Path(re.sub(r"\.(gz|zst|xz|bz2)$", "", path.name)).stem
    except OSError as error:
        from charloom.data.source_file import unreadable_error

        raise unreadable_error(sources[0], error) from error
    return Path("runs", stem.strip(".") or "texts")
