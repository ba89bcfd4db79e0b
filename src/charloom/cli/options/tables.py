"""Options for texts that a trained model reads: how tables and encodings are read."""

from charloom.cli.options.declared import select
from charloom.settings import TextSettings

TABLE_SETTINGS = select(
    TextSettings,
    ("columns", "label_column", "header", "encoding"),
    encoding={"default": "that of the training texts"},
)
