"""The directive ``settings``: the fields of a settings class, from their declarations.

    .. settings:: NetworkSettings

It lists type, help text, range, default and option of each field, as ``charloom.settings`` declares
them, so nothing on the page is written by hand.
"""

import inspect
from typing import TYPE_CHECKING

from docutils import nodes
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import stringify_annotation

import charloom
from charloom.settings.declaration import Setting, settings_of

if TYPE_CHECKING:
    from sphinx.application import Sphinx

INDENT = "   "


def describe_class(kind: type) -> list[str]:
    """Return a settings class with its fields, in reStructuredText."""
    lines = [f".. py:class:: charloom.{kind.__name__}"]
    lines += [f"{INDENT}:canonical: {kind.__module__}.{kind.__qualname__}", ""]
    lines += [INDENT + line for line in inspect.getdoc(kind).splitlines()]  # type: ignore[union-attr]
    for setting in settings_of(kind).values():
        lines += ["", *(INDENT + line for line in describe_field(setting))]
    return lines


def describe_field(setting: Setting) -> list[str]:
    """Return a field with its help text, values, default and option."""
    declaration = setting.declaration
    default = setting.default_text or _plain(setting.default)
    facts = [
        f"Range: {declaration.range}." if declaration.range is not None else "",
        f"Default: {_escape(default)}." if default else "",
        f"Option: ``{declaration.option}``.",
    ]
    return [
        f".. py:attribute:: {setting.name}",
        f"{INDENT}:type: {_type(setting)}",
        "",
        INDENT + _escape(declaration.help),
        "",
        INDENT + " ".join(filter(None, facts)),
    ]


def _type(setting: Setting) -> str:
    """Return the type in the form of the Python domain; ``~`` hides the module of a name."""
    return stringify_annotation(setting.type, "smart")


def _plain(value: object) -> str:
    """Return a default that help texts of the command line leave out."""
    return "" if value in (None, (), {}) else f"{value!r}"


def _escape(text: str) -> str:
    r"""Escape the characters that reStructuredText reads as markup.

    >>> print(_escape("A*B and a|b"))
    A\*B and a\|b
    """
    for character in r"\*`|_":
        text = text.replace(character, "\\" + character)
    return text


class SettingsDirective(SphinxDirective):
    """List the fields of a public settings class."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the nodes of the class."""
        lines = describe_class(getattr(charloom, self.arguments[0]))
        return self.parse_text_to_nodes("\n".join(lines))


def setup(app: "Sphinx") -> dict[str, bool]:
    """Add the directive."""
    app.add_directive("settings", SettingsDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
