"""Train small recurrent language models on your own texts, and generate text.

    import charloom

    model = charloom.train("titles.txt", minutes=2)
    model.generate("Today ", n=5, temperature=0.8, seed=1)

torch is imported when training begins, and never to load a model, generate or score.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

    from charloom.api import train
    from charloom.errors import (
        CharloomError,
        CheckerError,
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
    from charloom.exchange.symbols_file import SymbolSource
    from charloom.mixture import Mixture, mix
    from charloom.model import Model
    from charloom.network.network_state import NetworkState
    from charloom.settings import (
        NetworkSettings,
        SamplingSettings,
        TextSettings,
        TrainingSettings,
    )

    __version__: str

__all__ = [
    "CharloomError",
    "CheckerError",
    "CorpusError",
    "DivergedError",
    "DownloadError",
    "Event",
    "LabelError",
    "Listener",
    "MissingPackageError",
    "Mixture",
    "Model",
    "ModelFolderError",
    "NetworkSettings",
    "NetworkState",
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
    "import_model",
    "load",
    "mix",
    "train",
]

_MODULES: Final = {
    "Mixture": "charloom.mixture",
    "Model": "charloom.model",
    "mix": "charloom.mixture",
    "NetworkState": "charloom.network.network_state",
    "train": "charloom.api",
    **dict.fromkeys(
        ("Event", "Listener", "Sample", "Saved", "Step", "Stopped", "Validation"), "charloom.events"
    ),
    **dict.fromkeys(
        ("NetworkSettings", "SamplingSettings", "TextSettings", "TrainingSettings"),
        "charloom.settings",
    ),
}
"""The module of each public name that is no error."""


def load(path: str | Path) -> Model:
    """Load a model folder, or a model on Hugging Face's hub: ``hf://user/name``.

    Raises ModelFolderError if it is missing or damaged, DownloadError if it cannot be downloaded.
    """
    from charloom.model import Model

    return Model.load(path)


def import_model(
    path: str | Path,
    *,
    symbols: SymbolSource | None = None,
    start: str | None = None,
    end: str | None = None,
    words: bool = False,
) -> Model:
    """Return the model in a file of Keras or PyTorch, neither of which is needed.

    Args:
        path: A ``.keras`` or legacy ``.h5`` file of a Sequential model, or a ``.safetensors`` file
            with the state dict of an embedding, one LSTM, GRU or RNN, and a linear layer.
        symbols: The symbols by id: a sequence (None for an id without a symbol), the object of
            ``json.loads(tokenizer.to_json())`` of a Keras Tokenizer, or a file with one symbol a
            line, a JSON list or such an object. A model that charloom exported has its own.
        start: The symbol that the network reads before a text, or its id as ``"#0"``. By default
            the padding of a Tokenizer, unless masked, else the end, else an input of zeros.
        end: The symbol that the network predicts after a text, or its id; by default ``<eos>`` if
            there is one. Without an end, generated texts have their full length.
        words: Whether the symbols of a list are words, with a space between two of them.

    Raises ModelFolderError if the file is missing or damaged, SettingsError for layers that have no
    equal here or symbols that do not fit, SourceError if the symbols cannot be read.
    """
    from pathlib import Path

    from charloom.exchange.import_model import import_file
    from charloom.exchange.symbols_file import SymbolOptions
    from charloom.model import Model

    options = SymbolOptions(source=symbols, start=start, end=end, words=words)
    return Model(import_file(Path(path), options).record)


if not TYPE_CHECKING:  # a type checker would accept any name

    def __getattr__(name: str) -> Any:
        """Return a public name, imported at its first use.

        This keeps ``import charloom`` fast, and lets the command line prepare for Ctrl-C first.
        """
        if name == "__version__":
            from importlib import metadata

            return metadata.version("charloom")
        if name not in __all__:
            raise AttributeError(f"module 'charloom' has no attribute {name!r}")
        return getattr(importlib.import_module(_MODULES.get(name, "charloom.errors")), name)


def __dir__() -> list[str]:
    return sorted(__all__)
