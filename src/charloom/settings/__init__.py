"""Settings of text, network, training and sampling.

Each setting is declared once, with its type, default, range, help text and command-line option.
A value of the wrong type or out of range raises SettingsError with the value and what is allowed.
"""

from charloom.settings.label_mixture import Label
from charloom.settings.limits import MAX_SEED
from charloom.settings.network import Cell, NetworkSettings
from charloom.settings.sampling import (
    DEFAULT_LENGTH,
    DEFAULT_MATCH_TRIES,
    DEFAULT_TEMPERATURE,
    DEFAULT_TRIES,
    MAX_BEAM,
    REPETITION_WINDOW,
    SamplingSettings,
)
from charloom.settings.sampling_options import SamplingOptions
from charloom.settings.schema import json_schema
from charloom.settings.text import Errors, Level, TextSettings, Unit
from charloom.settings.training import (
    DEFAULT_MINUTES,
    Freeze,
    KeepBest,
    Optimizer,
    Precision,
    Schedule,
    TrainingSettings,
)

__all__ = [
    "Cell",
    "DEFAULT_LENGTH",
    "DEFAULT_MINUTES",
    "DEFAULT_TEMPERATURE",
    "DEFAULT_MATCH_TRIES",
    "DEFAULT_TRIES",
    "Errors",
    "Freeze",
    "KeepBest",
    "Label",
    "Level",
    "MAX_BEAM",
    "MAX_SEED",
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
    "json_schema",
]
