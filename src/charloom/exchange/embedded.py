"""A model for other pages: an ES module, its types, the model, an example."""

from typing import Final

from charloom.exchange.joined_modules import FOLDER, join_modules
from charloom.exchange.model_json import model_text
from charloom.exchange.names import StoredType
from charloom.model_folder.format import ModelRecord
from charloom.pages.environment import make_environment

MODULE: Final = "charloom.js"
TYPES: Final = "charloom.d.ts"
MODEL: Final = "model.json"
EXAMPLE: Final = "example.html"
_ENTRY: Final = "embedded/embedded.js"
_EXPORTS: Final = "export { CharloomError, load };\n"


def embedded_files(record: ModelRecord, dtype: StoredType, *, name: str) -> dict[str, bytes]:
    """Return the files by name; raises SettingsError as ``model_text``."""
    example = make_environment("charloom.exchange").get_template("example.html")
    texts = {
        MODULE: join_modules(_ENTRY) + _EXPORTS,
        TYPES: (FOLDER / "embedded" / TYPES).read_text("utf-8"),
        MODEL: model_text(record, dtype),
        EXAMPLE: example.render(name=name),
    }
    return {file: text.encode() for file, text in texts.items()}
