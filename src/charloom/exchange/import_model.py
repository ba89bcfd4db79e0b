"""Import a model of another program; the suffix of its file names the format.

A format is a function in ``_READERS``, which returns an ``ImportedNetwork``: settings and tensors
with the file's own ids. The options of symbols are the same for all formats.
"""

from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from charloom.errors import SettingsError
from charloom.exchange.imported_network import (
    ImportedModel,
    ImportedNetwork,
    OwnSymbols,
    own_model,
    to_model,
)
from charloom.exchange.keras_import import import_keras
from charloom.exchange.symbols_file import SymbolOptions, assign_symbols, read_source
from charloom.exchange.torch_import import import_torch
from charloom.formatting import quote
from charloom.settings import TextSettings
from charloom.text.vocabulary import Vocabulary

_READERS: Final[Mapping[str, Callable[[Path], ImportedNetwork]]] = {
    ".keras": import_keras,
    ".h5": import_keras,
    ".hdf5": import_keras,
    ".safetensors": import_torch,
}
"""The function that reads a file, by the suffix of its name."""
IMPORT_SUFFIXES: Final = tuple(_READERS)


def import_file(path: Path, options: SymbolOptions) -> ImportedModel:
    """Return the model in a file of another program; see ``charloom.import_model``.

    Raises ModelFolderError if the file is missing or damaged, SettingsError if it has parts that
    charloom lacks or if the symbols do not fit, SourceError if these cannot be read.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise SettingsError(
            f"{path} has the suffix {quote(path.suffix)}; files that can be imported end with "
            f"{', '.join(IMPORT_SUFFIXES)}."
        )
    imported = reader(path)
    origin = {"imported_from": path.name, "charloom": metadata.version("charloom")}
    if options.source is None:
        return _with_own_symbols(path, imported, options, origin)
    found = read_source(options)
    if isinstance(found, Vocabulary):
        _check_no_marks(options, "the vocabulary of a model folder")
        if len(found) != imported.size:
            raise SettingsError(
                f"the vocabulary has {len(found):,} symbols, and the model has {imported.size:,}; "
                "give the vocabulary with which it was exported."
            )
        text = TextSettings(level=found.level, token_pattern=found.token_pattern)
        own = OwnSymbols(vocabulary=found, text=text)
        return ImportedModel(record=own_model(imported, own, origin), notes=imported.notes)
    return to_model(imported, assign_symbols(found, imported.size, options), origin)


def _with_own_symbols(
    path: Path, imported: ImportedNetwork, options: SymbolOptions, origin: Mapping[str, Any]
) -> ImportedModel:
    if imported.own is None:
        raise SettingsError(
            f"{path} does not contain the symbols of its {imported.size:,} ids; give them with "
            "--symbols FILE: one symbol a line, a JSON list, or the JSON of a Keras Tokenizer."
        )
    _check_no_marks(options, "a model that charloom exported")
    return ImportedModel(record=own_model(imported, imported.own, origin), notes=imported.notes)


def _check_no_marks(options: SymbolOptions, source: str) -> None:
    """Raise SettingsError for a start or an end where the vocabulary has a boundary."""
    for name, value in (("--start", options.start), ("--end", options.end)):
        if value is not None:
            raise SettingsError(
                f"{name} was given with {source}, which has its boundary of texts; leave it out."
            )
