"""Options for texts that a trained model reads: how tables and encodings are read."""

from charloom.cli.options.declared import select
from charloom.settings import TextSettings

_NAMES = ("columns", "label_column", "header", "delimiter", "encoding", "errors")

TABLE_SETTINGS = select(
    TextSettings,
    _NAMES,
    encoding={"default": "that of the training texts"},
    errors={"default": "as for the training texts"},
)
SCORED_TABLE_SETTINGS = select(
    TextSettings,
    _NAMES,
    encoding={"default": "that of the training texts"},
    errors={
        "help": "Bytes that are not in the encoding, and broken rows: U+FFFD instead of the bytes "
        "and a mark instead of the score of the row; or that mark for both; or an error.",
        "default": "replace",
    },
)
