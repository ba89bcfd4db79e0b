"""The parameters that stay as they are in training, by the setting ``freeze``.

Parameters with a row for each symbol are frozen in their first rows only: those of the symbols of
the model that training starts from. New symbols are trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from charloom.network.parameters import Kind, Parameters, Shapes
from charloom.settings import Freeze

FrozenRows = Mapping[str, int]
"""Number of rows, from the first on, that are not trained, by the name of a parameter; all rows of
a parameter that is left out are trained."""

_SYMBOL_ROWS: Final = ("embedding.weight", "cells.0.input_table")
"""Parameters of the input with one row for each symbol."""


def frozen_rows(shapes: Shapes, freeze: Freeze, symbols: int) -> FrozenRows:
    """Return the rows that are not trained.

    ``symbols`` is the number of symbols, from the first on, whose input is frozen.

    >>> frozen_rows({"embedding.weight": (9, 4), "cells.0.bias": (6,)}, "embedding", 7)
    {'embedding.weight': 7}
    """
    if freeze == "none":
        return {}
    layers = range(freeze if isinstance(freeze, int) else 0)
    below = ("embedding.", *(f"cells.{depth}." for depth in layers))
    return {
        name: min(symbols, shape[0]) if name in _SYMBOL_ROWS else shape[0]
        for name, shape in shapes.items()
        if name.startswith(below)
    }


def trained_spans(parameters: Parameters, kind: Kind, frozen: FrozenRows) -> list[slice]:
    """Return the spans of the flat array with the trained parameters of a kind.

    They are as few as possible, and include padding.
    """
    whole = parameters.kinds[kind]
    spans, begin = list[slice](), whole.start
    for name, array in parameters.arrays.items():
        own = parameters.spans[name]
        if frozen.get(name, 0) and whole.start <= own.start < whole.stop:
            spans.append(slice(begin, own.start))
            begin = own.start + frozen[name] * (array.size // len(array))
    return [span for span in (*spans, slice(begin, whole.stop)) if span.start < span.stop]


def trained_names(shapes: Shapes, frozen: FrozenRows) -> tuple[str, ...]:
    """Return the parameters of which some rows are trained."""
    return tuple(name for name, shape in shapes.items() if frozen.get(name, 0) < shape[0])
