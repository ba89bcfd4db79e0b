"""Descriptions of settings on the page of the library, from their declarations.

``autoclass`` lists the fields of a settings class; this adds help text, range, default and option
to each, as ``charloom.settings`` declares them.
"""

from typing import TYPE_CHECKING, Any

from charloom.settings.declaration import Setting, settings_of
from charloom.settings.tables import TABLES

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SETTINGS = {
    (kind.__name__, name): setting
    for kind in TABLES.values()
    for name, setting in settings_of(kind).items()
}


def describe(setting: Setting) -> list[str]:
    """Return the paragraphs of a field, in reStructuredText."""
    declaration = setting.declaration
    values = ", ".join(f"``{word!r}``" for word in setting.choices)
    default = setting.default_text or _plain(setting.default)
    facts = [
        f"Values: {values}." if values else "",
        f"Range: {declaration.range}." if declaration.range is not None else "",
        f"Default: {default}." if default else "",
        f"Option: ``{declaration.option}``.",
    ]
    return [_escape(declaration.help), "", " ".join(filter(None, facts)), ""]


def _plain(value: object) -> str:
    """Return a default that help texts of the command line leave out."""
    return "" if value in (None, (), {}) else f"``{value!r}``"


def _escape(text: str) -> str:
    """Escape the characters that reStructuredText reads as markup."""
    for character in r"\*`|":
        text = text.replace(character, "\\" + character)
    return text


def _add(app: "Sphinx", what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    key = tuple(name.split(".")[-2:])
    if what == "attribute" and key in SETTINGS:
        lines[:] = describe(SETTINGS[key])


def setup(app: "Sphinx") -> dict[str, bool]:
    """Describe settings when docstrings are read."""
    app.connect("autodoc-process-docstring", _add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
