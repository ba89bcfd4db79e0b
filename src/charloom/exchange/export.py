"""Export a model to a format by its name."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from charloom.errors import SettingsError
from charloom.evaluation.model_parts import ModelParts
from charloom.exchange.html_export import prepare_html
from charloom.exchange.keras_export import prepare_keras
from charloom.exchange.names import EXPORT_FORMATS
from charloom.exchange.stored_weights import check_stored_type, round_model
from charloom.exchange.written_export import PreparedExport, WrittenExport
from charloom.formatting import quote
from charloom.model_folder.writer import check_output_path, create_model_folder
from charloom.text.documents import Block

_PREPARE: Final[Mapping[str, Callable[..., PreparedExport]]] = {
    "html": prepare_html,
    "keras": prepare_keras,
}
"""The function that prepares an export, by the name of its format."""


def export_model(
    model: ModelParts,
    path: Path,
    options: Mapping[str, Any],
    texts: Sequence[Block] = (),
    *,
    rounded: str | Path | None = None,
    force: bool = False,
    on_prepared: Callable[[PreparedExport], None] = lambda prepared: None,
) -> WrittenExport:
    """Write a model in the format ``options["to"]``; see ``Model.export``.

    ``on_prepared`` gets the export before anything is written. Raises SettingsError for invalid
    options, OutputError if a file or the folder ``rounded`` cannot be written.
    """
    arguments = dict(options)
    prepare = _PREPARE[check_format(arguments.pop("to"))]
    dtype = check_stored_type(arguments["dtype"])
    if dtype == "float32":
        for name, given in (("--valid", texts), ("--save-rounded", rounded)):
            if given:
                raise SettingsError(
                    f"{name} was given with weights that are not rounded; add --dtype float16 or "
                    "--dtype int8, or leave it out."
                )
    if rounded is not None:
        check_output_path(Path(rounded), force=force)
    prepared = prepare(model, texts=texts, force=force, **arguments)
    on_prepared(prepared)
    written = prepared.write(path, force=force)
    if rounded is not None:
        create_model_folder(Path(rounded), round_model(model.record, dtype), force=force)
    return written


def check_format(name: str) -> str:
    """Return the name of a format; raises SettingsError for another name."""
    if name in EXPORT_FORMATS:
        return name
    close = difflib.get_close_matches(str(name), EXPORT_FORMATS, n=1)
    hint = f"; did you mean {close[0]}?" if close else "."
    known = ", ".join(EXPORT_FORMATS)
    raise SettingsError(f"the format is {quote(str(name))}; it must be {known}{hint}")
