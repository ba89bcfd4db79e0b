"""What a user can set: text, network, training, sampling.

A setting of the wrong kind or out of range raises SettingsError, with what was seen and what is
allowed.
"""

from charloom.settings.limits import MAX_SEED
from charloom.settings.network import Cell, NetworkSettings
from charloom.settings.sampling import (
    DEFAULT_TEMPERATURE,
    DEFAULT_TRIES,
    MAX_BEAM,
    REPETITION_WINDOW,
    SamplingOptions,
    SamplingSettings,
)
from charloom.settings.text import Level, TextSettings, Unit
from charloom.settings.training import (
    DEFAULT_MINUTES,
    Optimizer,
    Precision,
    Schedule,
    TrainingSettings,
)

__all__ = [
    "Cell",
    "DEFAULT_MINUTES",
    "DEFAULT_TEMPERATURE",
    "DEFAULT_TRIES",
    "MAX_BEAM",
    "MAX_SEED",
    "Level",
    "NetworkSettings",
    "Optimizer",
    "Precision",
    "REPETITION_WINDOW",
    "SamplingOptions",
    "SamplingSettings",
    "Schedule",
    "TextSettings",
    "TrainingSettings",
    "Unit",
]
