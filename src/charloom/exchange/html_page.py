"""A model as one HTML file that works offline.

Its content security policy allows the one script and the one style sheet of the file by their
digests, a worker made from the script, and nothing from elsewhere. The model is a data block of
JSON (model_json.py), in which every "<" is escaped.
"""

import base64
import functools
import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

from jinja2 import Environment
from markupsafe import Markup

from charloom.exchange.joined_modules import join_modules
from charloom.exchange.model_json import model_text
from charloom.exchange.names import StoredType
from charloom.formatting import format_count
from charloom.model_folder.card import SYMBOL_NAMES
from charloom.model_folder.format import ModelRecord
from charloom.pages.environment import make_environment

PROGRAM: Final = "page/program.js"
DISCLOSURE: Final = (
    "It contains the symbols, the labels and the weights of the model, and no training text; the "
    "model can repeat parts of its training texts."
)
_POLICY: Final = (
    "default-src 'none'; script-src '{script}' 'wasm-unsafe-eval'; style-src '{style}'; "
    "worker-src blob:; img-src data:; base-uri 'none'; form-action 'none'"
)


def render_page(
    record: ModelRecord,
    *,
    name: str,
    run: str,
    dtype: StoredType = "float32",
    facts: Sequence[tuple[str, str]] = (),
    length: int,
) -> str:
    """Return the page of a model with its weights in a type.

    ``name`` is its title, ``run`` the model folder in the command that it shows. ``facts`` are rows
    of its table, ``length`` is the value of that field at first. Raises SettingsError as
    ``model_text``.
    """
    style = _environment().get_template("page.css").render()
    program = join_modules(PROGRAM)
    check_embeddable(program, "script")
    check_embeddable(style, "style")
    policy = _POLICY.format(script=_source_digest(program), style=_source_digest(style))
    return (
        _environment()
        .get_template("page.html")
        .render(
            title=name,
            run=run,
            is_rounded=dtype != "float32",
            summary=_summary(record),
            facts=facts,
            length=length,
            policy=policy,
            style=Markup(style),  # noqa: S704
            program=Markup(program),  # noqa: S704
            model=Markup(model_text(record, dtype).replace("<", "\\u003c")),  # noqa: S704
            version=version("charloom"),
            disclosure=DISCLOSURE,
            field=_environment().get_template("field.html").module.field,  # type: ignore[attr-defined]
        )
    )


def check_embeddable(text: str, element: str) -> None:
    """Raise ValueError for a text that would end the element that holds it."""
    lowered = text.lower()
    if f"</{element}" in lowered or "<!--" in lowered or "\r" in text or "\0" in text:
        raise ValueError(f"the text cannot be held by an element {element}")


def _summary(record: ModelRecord) -> str:
    network = record.network
    summary = f"{network.cell.upper()}, {format_count(network.layers, 'layer')} of {network.hidden}"
    bits = record.metrics.get("bits_per_character")
    measured = "" if bits is None else f"; {bits:.3f} bits per character on held-out texts"
    symbol = SYMBOL_NAMES[record.vocabulary.level]
    return f"{summary} units, which write one {symbol} at a time{measured}"


def _source_digest(text: str) -> str:
    """Return the digest of an inline element, as a content security policy names it."""
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
    return f"sha256-{digest}"


@functools.cache
def _environment() -> Environment:
    return make_environment("charloom.exchange")
