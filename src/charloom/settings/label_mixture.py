"""Labels of texts: one label, or a mixture of several with weights."""

import math
import sys
from collections.abc import Mapping

from charloom.errors import SettingsError

Label = str | Mapping[str, float] | None
"""A label, weights by label, or None."""


def normalize_weights(weights: Mapping[str, float]) -> dict[str, float]:
    """Return weights by label, divided by their sum; their ``math.fsum`` is 1.

    Weights of that sum are returned unchanged, so settings may be checked again. Raises
    SettingsError for a weight that is not a finite number above 0, and if there are none.

    >>> normalize_weights({"France": 3, "Spain": 1})
    {'France': 0.75, 'Spain': 0.25}
    """
    if not weights:
        raise SettingsError(
            "label is {}; give a label, or weights by label such as {'France': 0.5, 'Spain': 0.5}."
        )
    for label, weight in weights.items():
        if not 0 < weight <= sys.float_info.max:
            raise SettingsError(
                f"the weight of label {label!r} is {weight}; it must be a finite number above 0."
            )
    largest = max(weights, key=weights.__getitem__)
    scaled = {label: weight / weights[largest] for label, weight in weights.items()}
    for label, weight in scaled.items():
        if weight == 0:
            raise SettingsError(
                f"the weight of label {label!r} is {weights[label]}, which is nothing beside "
                f"{weights[largest]} of {largest!r}; leave the label out."
            )
    if weights[largest] <= 1 and math.fsum(weights.values()) == 1:
        return {label: float(weight) for label, weight in weights.items()}
    total = math.fsum(scaled.values())
    result = {label: weight / total for label, weight in scaled.items()}
    # The sum of rounded quotients may differ from 1 by a few units of the last place.
    result[largest] = math.fsum([1, *(-w for label, w in result.items() if label != largest)])
    return result


def format_label(label: Label) -> str:
    """Return a label as the option ``--label`` takes it; "" for None.

    >>> format_label({"France": 0.75, "Spain": 0.25}), format_label("France")
    ('France=0.75,Spain=0.25', 'France')
    """
    if isinstance(label, Mapping):
        return ",".join(f"{name}={weight:g}" for name, weight in label.items())
    return label or ""
