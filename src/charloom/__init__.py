"""Train small recurrent language models on your own texts, and generate text.

    import charloom

    model = charloom.train("titles.txt", minutes=2)
    model.generate("Today ", n=5, temperature=0.8, seed=1)

torch is imported when training begins, and never to load a model, generate or score.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from charloom.errors import (
    CharloomError,
    CorpusError,
    DivergedError,
    DownloadError,
    LabelError,
    MissingPackageError,
    ModelFolderError,
    OutputError,
    ProcessError,
    ResumeError,
    SamplingError,
    SettingsError,
    SourceError,
    TrainingError,
)
from charloom.events import Event, Listener, Sample, Saved, Step, Stopped, Validation
from charloom.settings import NetworkSettings, SamplingSettings, TextSettings, TrainingSettings

if TYPE_CHECKING:
    from charloom.api import train
    from charloom.model import Model

    __version__: str

__all__ = [
    "CharloomError",
    "CorpusError",
    "DivergedError",
    "DownloadError",
    "Event",
    "LabelError",
    "Listener",
    "MissingPackageError",
    "Model",
    "ModelFolderError",
    "NetworkSettings",
    "OutputError",
    "ProcessError",
    "ResumeError",
    "Sample",
    "SamplingError",
    "SamplingSettings",
    "Saved",
    "SettingsError",
    "SourceError",
    "Step",
    "Stopped",
    "TextSettings",
    "TrainingError",
    "TrainingSettings",
    "Validation",
    "__version__",
    "load",
    "train",
]


def load(path: str | Path) -> "Model":
    """Load the model folder ``path``.

    Raises ModelFolderError if it is missing or damaged.
    """
    from charloom.model import Model

    return Model.load(path)


def __getattr__(name: str) -> Any:
    """Return ``Model``, ``train`` or ``__version__``, imported at their first use.

    This keeps ``import charloom`` fast.
    """
    if name == "Model":
        from charloom.model import Model

        return Model
    if name == "__version__":
        from importlib import metadata

        return metadata.version("charloom")
    if name == "train":
        from charloom.api import train

        return train
    raise AttributeError(f"module 'charloom' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
