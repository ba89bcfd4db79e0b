"""Named sets of settings that differ from the defaults."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class Preset:
    """Overrides of the defaults of TextSettings, NetworkSettings and TrainingSettings."""

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
                }
            ),
        )
    }
)
