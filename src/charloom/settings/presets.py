"""Named sets of settings that differ from the defaults."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from charloom.errors import SettingsError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preset:
    """Values of settings that replace the defaults."""

    description: str
    text: Mapping[str, Any]
    network: Mapping[str, Any]
    training: Mapping[str, Any]


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "lesson": Preset(
            description="the Keras lesson's set-up: LSTM 128, one-hot, minibatch 8, RMSprop",
            text=MappingProxyType({"min_count": 1}),
            network=MappingProxyType(
                {"cell": "lstm", "hidden": 128, "layers": 1, "input": "one-hot", "dropout": 0.0}
            ),
            training=MappingProxyType(
                {
                    "epochs": 3,
                    "batch_size": 8,
                    "optimizer": "rmsprop",
                    "learning_rate": 1e-3,
                    "schedule": "constant",
                    "average": False,
                }
            ),
        )
    }
)

BUDGETS: Final = ("minutes", "epochs", "steps")
"""Settings that exclude each other: a run has one of them."""


def preset_options(preset: str) -> dict[str, Any]:
    """Return the settings of a preset by field name.

    Raises SettingsError if there is no such preset.
    """
    if preset not in PRESETS:
        raise SettingsError(f"preset is {preset!r}; there are: {', '.join(PRESETS)}.")
    chosen = PRESETS[preset]
    return {**chosen.text, **chosen.network, **chosen.training}


def merge_options(base: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``base`` updated with ``options``.

    A budget in ``options`` replaces a budget of another kind in ``base``.
    """
    if any(name in options for name in BUDGETS):
        base = {name: value for name, value in base.items() if name not in BUDGETS}
    return {**base, **options}
