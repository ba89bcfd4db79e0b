"""Checks of a folder with right digests, which may come from anyone."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from charloom.network.parameters import parameter_shapes
from charloom.settings import NetworkSettings
from charloom.settings.records import matches_type

_PAIRS: Final = ("mean", "variance")
_COUNTS: Final = ("training_documents", "training_characters", "parameters", "frozen_symbols")
_NAMES: Final = ("validation", "corpus_fingerprint", "date", "license", "language")


def check_tensors(
    network: NetworkSettings, symbols: int, labels: int, tensors: Mapping[str, NDArray[np.float32]]
) -> None:
    """Raise ValueError for other tensors than settings and vocabulary ask for."""
    # Names of all layers are made below; a number of layers without tensors would never end.
    if network.layers > len(tensors):
        raise ValueError("there are more layers than tensors")
    expected = parameter_shapes(network, symbols, labels)
    if {name: tensor.shape for name, tensor in tensors.items()} != dict(expected):
        raise ValueError("the tensors have other names or shapes")


def check_facts(
    labels: Sequence[Any], metrics: Mapping[str, Any], calibration: Any, provenance: Any
) -> None:
    """Raise ValueError, KeyError or TypeError for facts of types that no run writes.

    These are labels that are no different texts, figures that are no numbers, and a calibration or
    a provenance of another form.
    """
    if not all(isinstance(label, str) for label in labels):
        raise ValueError("a label is no text")
    if len(set(labels)) != len(labels):
        raise ValueError("a label is there twice")
    _check_figures(metrics)
    _check_calibration(calibration)
    _check_provenance(provenance)


def _check_figures(figures: Mapping[str, Any]) -> None:
    for value in figures.values():
        if not matches_type(value, float):
            raise ValueError("a figure is no number")
        float(value)  # raises OverflowError for a whole number that is no float


def _check_calibration(calibration: Any) -> None:
    if calibration is None:
        return
    for name in _PAIRS:
        pair = calibration[name]
        if len(pair) != 2 or not all(matches_type(value, float) for value in pair):
            raise ValueError("the calibration has no two numbers")
    if not matches_type(calibration["limit"], float) or not matches_type(calibration["texts"], int):
        raise ValueError("the calibration has no limit")
    for rate, limit in calibration.get("tail", ()):
        if not (matches_type(rate, float) and matches_type(limit, float)):
            raise ValueError("the calibration has a tail without numbers")


def _check_provenance(provenance: Mapping[str, Any]) -> None:
    for name in _COUNTS:
        value = provenance.get(name)
        if value is not None and not matches_type(value, int):
            raise ValueError(f"{name} is no number")
    for name in _NAMES:
        value = provenance.get(name)
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{name} is no text")
    _check_sources(provenance)
    lineage = provenance.get("lineage")
    while lineage is not None:
        _check_figures(lineage["metrics"])
        _check_sources(lineage)
        documents = lineage["training_documents"]
        if documents is not None and not matches_type(documents, int):
            raise ValueError("training_documents is no number")
        if not matches_type(lineage["model"], str | None):
            raise ValueError("a model has no name")
        lineage = lineage["lineage"]


def _check_sources(origin: Mapping[str, Any]) -> None:
    sources = origin.get("sources", [])
    if not isinstance(sources, list | tuple) or not all(isinstance(s, str) for s in sources):
        raise ValueError("sources are no names")
