"""Train small generative recurrent networks on your own texts, and write new text with them.

    import charloom

    model = charloom.train("titles.txt", minutes=2)
    model.generate("Today ", n=5, temperature=0.8, seed=1)

torch is imported when a training begins, and never to load a model, generate or score.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from charloom.errors import (
    CharloomError,
    CorpusError,
    DivergedError,
    DownloadError,
    LabelError,
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
    from charloom.model import Model
    from charloom.runs.train import train

    __version__: str

__all__ = [
    "CharloomError",
    "CorpusError",
    "DivergedError",
    "DownloadError",
    "Event",
    "LabelError",
    "Listener",
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
    """Return the model in the folder ``path``; raises ModelFolderError if it is not whole."""
    from charloom.model import Model

    return Model.load(path)


def __getattr__(name: str) -> Any:
    """Import model and recipe when they are first asked for: ``import charloom`` is quick."""
    if name == "Model":
        from charloom.model import Model

        return Model
    if name == "__version__":
        from importlib import metadata

        return metadata.version("charloom")
    if name == "train":
        from charloom.runs.train import train

        return train
    raise AttributeError(f"module 'charloom' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
