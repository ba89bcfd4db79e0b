"""A trained model that a run starts from: settings, symbols, labels, weights.

Axes: V vocabulary, N labels.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from charloom.errors import SettingsError
from charloom.formatting import format_count
from charloom.model_folder import format as model_folder
from charloom.model_folder.format import ModelRecord
from charloom.model_folder.hub import HubReference, local_folder
from charloom.model_folder.optimizer_file import OptimizerState
from charloom.network.parameters import Floats, Tensors
from charloom.settings import Freeze, NetworkSettings
from charloom.settings.tables import option_name
from charloom.text.vocabulary import UNK, Vocabulary

INHERITED: Final = {
    "text": ("level", "token_pattern", "clean", "mask_digits"),
    "network": ("cell", "hidden", "layers", "input"),
}
"""Settings that a run has from its base, by their group in a model record."""
_SYMBOL_ROWS: Final = ("embedding.weight", "cells.0.input_table", "output.weight", "output.bias")
"""Parameters with one row for each symbol."""
_LABEL_ROWS: Final = ("labels.hidden", "labels.cell")
"""Parameters with one row for each label."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Base:
    """The model that a run starts from."""

    vocabulary: Vocabulary
    labels: tuple[str, ...]
    lineage: Mapping[str, Any]
    """Name, metrics, sources and own lineage of the model, for the records of later ones."""
    frozen_symbols: int
    """Symbols, from the first on, whose input stays as it is where a run freezes it."""
    tensors: Tensors | None = None
    """Its weights; None where a checkpoint or another process has later ones."""
    optimizer: OptimizerState | None = None
    """The state of its optimizer, if it was kept and the run extends it; else zeros are used."""

    @classmethod
    def from_record(
        cls, record: ModelRecord, name: str | None, *, is_extended: bool = False
    ) -> Self:
        """Return ``record`` as a base; ``name`` is its folder, None for a model in memory.

        Where it is extended, symbols that were new to it are still trained.
        """
        origin, symbols = record.provenance, len(record.vocabulary)
        lineage = {
            "model": name,
            "metrics": dict(record.metrics),
            "sources": origin.get("sources", []),
            "training_documents": origin.get("training_documents"),
            "date": origin.get("date"),
            "lineage": origin.get("lineage"),
        }
        return cls(
            vocabulary=record.vocabulary,
            labels=record.labels,
            lineage=lineage,
            frozen_symbols=origin.get("frozen_symbols", symbols) if is_extended else symbols,
            tensors=record.tensors,
        )

    def to_json(self) -> dict[str, Any]:
        """Return everything but the weights as a JSON object, for a checkpoint."""
        return {
            "vocabulary": self.vocabulary.to_json(),
            "labels": list(self.labels),
            "lineage": dict(self.lineage),
            "frozen_symbols": self.frozen_symbols,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Return a base without weights.

        Raises ModelFolderError for an invalid vocabulary.
        """
        return cls(
            vocabulary=Vocabulary.from_json(content["vocabulary"]),
            labels=tuple(content["labels"]),
            lineage=content["lineage"],
            frozen_symbols=content["frozen_symbols"],
        )


def read_base(base: Path | ModelRecord) -> tuple[ModelRecord, str | None]:
    """Return the record of a base, and the name of its folder.

    Raises ModelFolderError if the folder is missing or damaged, SettingsError for a mixture.
    """
    if isinstance(base, ModelRecord):
        if not base.tensors:
            raise SettingsError(
                "the base is a mixture, which has no weights of its own; give one of its models."
            )
        return base, None
    reference = HubReference.parse(base)
    return model_folder.read(local_folder(base)), str(reference or base)


def inherit_settings(
    record: ModelRecord, name: str | None, explicit: Mapping[str, Any]
) -> dict[str, Any]:
    """Return ``explicit`` settings with those that a run has from its base.

    Raises SettingsError for an explicit one that differs from that of the base.
    """
    settings = dict(explicit)
    for group, fields in INHERITED.items():
        for field in fields:
            value = getattr(getattr(record, group), field)
            given = settings.setdefault(field, value)
            if given != value:
                raise SettingsError(
                    f"{option_name(field)} is {_shown(given)}, but {name or 'the base'} has "
                    f"{_shown(value)}, which a run that starts from it keeps; leave it out."
                )
    return settings


def check_freeze(freeze: Freeze, network: NetworkSettings, name: str | None) -> None:
    """Raise SettingsError if a base with these settings cannot be frozen so."""
    if isinstance(freeze, int) and freeze > network.layers:
        layers = format_count(network.layers, "layer")
        raise SettingsError(
            f"freeze is {freeze}, but {name or 'the base'} has {layers}; give a number of lower "
            f"layers of at most {network.layers}, or embedding."
        )
    if freeze == "embedding" and network.input == "one-hot":
        raise SettingsError(
            f"freeze is embedding, but {name or 'the base'} has one-hot input and no embedding; "
            "give a number of lower layers, whose input weights are then frozen too, or leave it "
            "out."
        )


def _shown(value: object) -> str:
    return {None: "none", True: "on", False: "off"}.get(value) or str(value)  # type: ignore[call-overload]


def widen_tensors(
    base: Base, tensors: Tensors, vocabulary: Vocabulary, labels: tuple[str, ...]
) -> dict[str, Floats]:
    """Return the weights of ``base`` in a network of more symbols and labels.

    ``tensors`` are initial weights, from which new rows are taken. A new symbol is as improbable
    as ``<unk>`` at first: it gets the bias of that.
    """
    assert base.tensors is not None
    known_V, known_N = len(base.vocabulary), len(base.labels)
    assert vocabulary.symbols[:known_V] == base.vocabulary.symbols
    assert labels[:known_N] == base.labels
    result: dict[str, Floats] = {}
    for name, initial in tensors.items():
        value = initial.copy()
        rows = {**dict.fromkeys(_SYMBOL_ROWS, known_V), **dict.fromkeys(_LABEL_ROWS, known_N)}
        if name not in rows:
            value[...] = base.tensors[name]
        elif rows[name]:
            value[: rows[name]] = base.tensors[name]
        result[name] = value
    result["output.bias"][known_V:] = base.tensors["output.bias"][UNK]
    return {name: np.ascontiguousarray(value) for name, value in result.items()}
