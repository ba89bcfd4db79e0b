"""The value of ``--label``: a label, or several with weights."""

import re
from collections.abc import Collection
from typing import Final

from charloom.cli.options.parsers import parse_float
from charloom.errors import SettingsError
from charloom.settings import Label

_WEIGHTED: Final = re.compile(r"(.+?)=([^=,]*)(?:,|$)", re.DOTALL)
"""A label, which may contain = and commas itself, and its weight."""


def parse_label(text: str | None, labels: Collection[str]) -> Label:
    """Return the label, or the weights by label, in the value of ``--label``.

    A label among ``labels``, those of the model, is taken as it is; so is a text without =, which
    the model then refuses. Raises SettingsError for a weight that is no number, and for a label
    that is given twice.

    >>> parse_label("France=3,Spain=1", ["France", "Spain"])
    {'France': 3.0, 'Spain': 1.0}
    >>> parse_label("a=1,b", ["a=1,b"])
    'a=1,b'
    """
    if text is None or text in labels or "=" not in text:
        return text
    weights: dict[str, float] = {}
    position = 0
    while position < len(text):
        match = _WEIGHTED.match(text, position)
        if match is None:
            raise SettingsError(_message(text))
        try:
            weight = parse_float(match[2])
        except ValueError:
            raise SettingsError(_message(text)) from None
        if match[1] in weights:
            raise SettingsError(f"--label {text} has {match[1]!r} twice; give each label once.")
        weights[match[1]] = weight
        position = match.end()
    return weights


def _message(text: str) -> str:
    return (
        f"--label is {text!r}; give a label of the model, or labels with weights, such as "
        "France=0.5,Spain=0.5."
    )
