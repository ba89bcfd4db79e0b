"""``charloom export``: write a model for other programs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from charloom.cli.options.declared import SettingOptions, takes_options
from charloom.cli.options.shared import Json, Run, option
from charloom.cli.options.tables import TABLE_SETTINGS
from charloom.cli.terminal import output as terminal
from charloom.cli.terminal.inputs import TableOptions, drop_unknown_labels, read_blocks
from charloom.errors import SettingsError
from charloom.exchange.names import EXPORT_FORMATS, EXPORT_SUFFIXES, STORED_TYPES

if TYPE_CHECKING:
    from charloom.exchange.written_export import PreparedExport
    from charloom.model import Model
    from charloom.text.documents import Block

To = Annotated[
    str,
    option(
        "--to",
        metavar="|".join(EXPORT_FORMATS),
        help="The format.",
        default="html",
        values=EXPORT_FORMATS,
    ),
]
Output = Annotated[
    Path | None,
    option(
        "--output",
        "-o",
        metavar="PATH",
        default="beside the run, RUN.html, RUN.keras or the folder RUN-torch or RUN-hf; with "
        "--embed the folder RUN-embed",
        help="The file, or the folder, to write.",
    ),
]
Dtype = Annotated[
    str,
    option(
        "--dtype",
        metavar="|".join(STORED_TYPES),
        default="float32, which writes the same texts",
        help="The type of the weights.",
        values=STORED_TYPES,
    ),
]
Embed = Annotated[
    bool, option("--embed", help="Write a folder with an ES module for your own pages.")
]
License = Annotated[
    str | None,
    option(
        "--license",
        metavar="NAME",
        default="the one that the run records, if any",
        help="The license of the model, such as apache-2.0, for the card of hf.",
    ),
]
Language = Annotated[
    str | None,
    option(
        "--language",
        metavar="CODE",
        default="unknown",
        help="The language of the texts, such as en, for the card of hf.",
    ),
]
Valid = Annotated[
    list[str] | None,
    option(
        "--valid",
        metavar="SOURCE",
        default="texts that the model writes",
        help="Texts on which the cost of rounded weights is measured. May be repeated.",
    ),
]
Rounded = Annotated[
    Path | None,
    option(
        "--save-rounded",
        metavar="FOLDER",
        help="Also write the model with the rounded weights as a model folder.",
    ),
]
Force = Annotated[
    bool, option("--force", help="Replace files that are there, and allow more than 64 MB.")
]


@takes_options(options=TABLE_SETTINGS)
def export(
    run: Run,
    *,
    to: To = "html",
    output: Output = None,
    dtype: Dtype = "float32",
    embed: Embed = False,
    valid: Valid = None,
    rounded: Rounded = None,
    license: License = None,
    language: Language = None,
    force: Force = False,
    options: SettingOptions,
    json: Json = False,
) -> None:
    """Write a model for other programs.

    html is one page that works offline, by a double click: it writes texts from a prompt, shows
    probable next symbols, bits and units, and writes the text of charloom generate for the same
    seed. keras is a file for keras.models.load_model. torch is a folder with a PyTorch module that
    reads the weights. hf is a model folder for Hugging Face's hub, which charloom loads too.
    Nothing that is written is training text.
    """
    if options and not valid:
        raise SettingsError("options of reading were given without --valid; add that.")
    from charloom.exchange.export import export_model
    from charloom.model import Model

    model = Model.load(run)
    written = export_model(
        model,
        output or default_path(run, to, embed=embed),
        {"to": to, "dtype": dtype, "embed": embed, "license": license, "language": language},
        _read_texts(model, valid, TableOptions(**options)) if valid else (),
        rounded=rounded,
        force=force,
        on_prepared=note_export,
    )
    if json:
        terminal.write_json(written.to_dict() | {"path": str(written.path)})
    else:
        terminal.write_result(str(written.path))


def default_path(run: Path, to: str, *, embed: bool) -> Path:
    """Return the path of an export beside the model folder."""
    from charloom.model_folder.hub import local_path

    run = local_path(run)
    # An unknown format is refused before the path is used.
    suffix = "-embed" if embed else EXPORT_SUFFIXES.get(to, "")
    return run.parent / f"{run.resolve().name}{suffix}"


def note_export(prepared: "PreparedExport") -> None:
    """Report the notes of an export, and the parts that it discloses."""
    for note in prepared.notes:
        terminal.note(note)
    terminal.note(f"discloses: {'; '.join(prepared.discloses)}; no training text.")


def _read_texts(model: "Model", sources: list[str], options: TableOptions) -> "list[Block]":
    blocks = read_blocks(sources, model.record.text, options)
    known = drop_unknown_labels(blocks, model.record.labels)
    return list(known)
