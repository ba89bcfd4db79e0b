"""Figures of memorisation that a report of the model measured before."""

import json
from collections.abc import Mapping
from typing import Any, Final

from charloom.evaluation.model_parts import ModelParts
from charloom.model_folder.format import REPORT_FIGURES

_MAX_BYTES: Final = 64_000_000
_QUANTILE: Final = "1.0"
_LENGTH: Final = "50"


def known_memorisation(model: ModelParts) -> Mapping[str, Any] | None:
    """Return figures of ``report.json``; None if it has none of this model.

    They are ``samples`` and ``held_out``, each with ``texts``, ``whole``, ``longest_quantiles`` and
    ``covered``. A report of other weights, or one that was changed by hand, has none.
    """
    if model.folder is None:
        return None
    path = model.folder / REPORT_FIGURES
    try:
        if path.stat().st_size > _MAX_BYTES:
            return None
        report = json.loads(path.read_bytes())
        is_same = report["provenance"]["date"] == model.record.provenance["date"] and report[
            "model"
        ]["reached"] == dict(model.record.metrics)
        if not is_same:
            return None
        return {name: _checked(report["memorisation"][name]) for name in ("samples", "held_out")}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _checked(overlap: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of a card; raises ValueError for others than numbers."""
    figures = {
        "texts": overlap["texts"],
        "whole": overlap["whole"],
        "longest_quantiles": {_QUANTILE: overlap["longest_quantiles"][_QUANTILE]},
        "covered": {_LENGTH: overlap["covered"][_LENGTH]},
    }
    counts = figures["texts"], figures["longest_quantiles"][_QUANTILE]
    if not all(type(count) is int for count in counts):
        raise ValueError("counts are whole numbers")
    if not all(isinstance(x, int | float) for x in (figures["whole"], figures["covered"][_LENGTH])):
        raise ValueError("fractions are numbers")
    return figures
