"""Export a model to a format by its name."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from charloom.errors import SettingsError
from charloom.evaluation.model_parts import ModelParts
from charloom.exchange.hf_export import prepare_hf
from charloom.exchange.html_export import prepare_html
from charloom.exchange.keras_export import prepare_keras
from charloom.exchange.names import EXPORT_FORMATS, FORMAT_OPTIONS, OPTION_DEFAULTS
from charloom.exchange.stored_weights import check_stored_type, round_model
from charloom.exchange.torch_export import prepare_torch
from charloom.exchange.written_export import PreparedExport, WrittenExport
from charloom.formatting import quote
from charloom.model_folder.writer import check_output_path, create_model_folder
from charloom.text.documents import Block

_PREPARE: Final[Mapping[str, Callable[..., PreparedExport]]] = {
    "html": prepare_html,
    "keras": prepare_keras,
    "torch": prepare_torch,
    "hf": prepare_hf,
}
"""The function that prepares an export, by the name of its format."""
_ROUNDING: Final = {"texts": "valid", "rounded": "save-rounded"}
"""Options of formats that round weights, and their names on the command line."""


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
    given = dict(options)
    name = check_format(given.pop("to"))
    arguments = _options_of(name, given | {"texts": texts, "rounded": rounded})
    prepare = _PREPARE[name]
    dtype = check_stored_type(given.get("dtype", OPTION_DEFAULTS["dtype"]))
    if dtype == "float32":
        for option, value in (("--valid", texts), ("--save-rounded", rounded)):
            if value:
                raise SettingsError(
                    f"{option} was given with weights that are not rounded; add --dtype float16 or "
                    "--dtype int8, or leave it out."
                )
    if rounded is not None:
        check_output_path(Path(rounded), force=force)
    prepared = prepare(model, force=force, **arguments)
    on_prepared(prepared)
    written = prepared.write(path, force=force)
    if rounded is not None:
        create_model_folder(Path(rounded), round_model(model.record, dtype), force=force)
    return written


def _options_of(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a format, with texts if it rounds weights.

    Raises SettingsError for other options that are not at their defaults.
    """
    known = FORMAT_OPTIONS[name]
    rounds = "dtype" in known
    for option, value in given.items():
        if option in known or (rounds and option in _ROUNDING):
            continue
        if value and value != OPTION_DEFAULTS.get(option):
            needed = "dtype" if option in _ROUNDING else option
            others = [other for other, options in FORMAT_OPTIONS.items() if needed in options]
            raise SettingsError(
                f"--{_ROUNDING.get(option, option)} was given with --to {name}, which has no such "
                f"option; leave it out, or choose --to {' or '.join(others)}."
            )
    arguments = {option: given[option] for option in known if option in given}
    return arguments | ({"texts": given["texts"]} if rounds else {})


def check_format(name: str) -> str:
    """Return the name of a format; raises SettingsError for another name."""
    if name in EXPORT_FORMATS:
        return name
    close = difflib.get_close_matches(str(name), EXPORT_FORMATS, n=1)
    hint = f"; did you mean {close[0]}?" if close else "."
    known = ", ".join(EXPORT_FORMATS)
    raise SettingsError(f"the format is {quote(str(name))}; it must be {known}{hint}")
