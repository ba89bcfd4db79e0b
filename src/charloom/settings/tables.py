"""The tables of a settings file: one for each settings class."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from charloom.settings.declaration import settings_of
from charloom.settings.network import NetworkSettings
from charloom.settings.records import SettingsBase
from charloom.settings.sampling import SamplingSettings
from charloom.settings.text import TextSettings
from charloom.settings.training import TrainingSettings

RUN_TABLES: Final = ("text", "network", "training")
"""The settings of a training run; a field name occurs in one of them only."""
TABLES: Final[Mapping[str, type[SettingsBase]]] = MappingProxyType(
    {
        "text": TextSettings,
        "network": NetworkSettings,
        "training": TrainingSettings,
        "sampling": SamplingSettings,
    }
)


def option_name(name: str) -> str:
    """Return the name in messages of the setting ``name`` of a training run.

    >>> option_name("learning_rate"), option_name("batch_size")
    ('lr', 'batch-size')
    """
    settings = (settings_of(TABLES[table]) for table in RUN_TABLES)
    return next(fields[name].spelling for fields in settings if name in fields)
