"""``charloom import``: make a model folder of a model of another program."""

from pathlib import Path
from typing import Annotated

from charloom.cli.options.parsers import decode_argument
from charloom.cli.options.shared import Json, argument, option
from charloom.cli.terminal import output as terminal

File = Annotated[
    Path,
    argument(
        "FILE",
        "A model of Keras (.keras or legacy .h5), or a state dict of PyTorch (.safetensors).",
    ),
]
Output = Annotated[
    Path | None,
    option(
        "--output",
        "-o",
        metavar="RUN",
        default="FILE without its suffix, in the folder runs",
        help="The model folder to write.",
    ),
]
SymbolsFile = Annotated[
    Path | None,
    option(
        "--symbols",
        metavar="FILE",
        default="those in the file, if charloom exported it",
        help="The symbols in the order of their ids: the JSON of a Keras Tokenizer, a JSON list "
        "(null for an id without a symbol), one symbol a line (an empty line for an id without "
        "one), or vocabulary.json of a model folder.",
    ),
]
Start = Annotated[
    str | None,
    option(
        "--start",
        metavar="SYMBOL",
        parser=decode_argument,
        default="the padding of a Tokenizer, else the end, else an input of zeros",
        help="The symbol that the network reads before a text, or # and its id: #0.",
    ),
]
End = Annotated[
    str | None,
    option(
        "--end",
        metavar="SYMBOL",
        parser=decode_argument,
        default="<eos> if there is one, else none: texts get their full length",
        help="The symbol that the network predicts after a text, such as <eos>, or # and its id.",
    ),
]
Words = Annotated[
    bool,
    option("--words", help="The symbols of a list are words, with a space between two of them."),
]
Force = Annotated[bool, option("--force", help="Replace a model that is there.")]


def import_model(
    file: File,
    *,
    output: Output = None,
    symbols: SymbolsFile = None,
    start: Start = None,
    end: End = None,
    words: Words = False,
    force: Force = False,
    json: Json = False,
) -> None:
    """Make a model folder of a model of another program.

    Neither Keras nor PyTorch is needed, and nothing in the file is executed. The model generates,
    scores and can be trained further as any other.
    """
    from charloom.exchange.import_model import import_file
    from charloom.exchange.symbols_file import SymbolOptions
    from charloom.model_folder.writer import check_output_path, create_model_folder

    path = output or Path("runs") / file.stem
    check_output_path(path, force=force)
    options = SymbolOptions(source=symbols, start=start, end=end, words=words)
    imported = import_file(file, options)
    create_model_folder(path, imported.record, force=force)
    for note in imported.notes:
        terminal.note(note)
    if json:
        terminal.write_json({"path": str(path), "provenance": dict(imported.record.provenance)})
    else:
        terminal.write_result(str(path))
