"""The record of a model without names of files, hashes of texts and prompts."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Final

from charloom.errors import SettingsError
from charloom.formatting import quote
from charloom.model_folder.format import ModelRecord
from charloom.settings import TrainingSettings

_KEPT: Final = (
    *("training_documents", "training_characters", "parameters", "date", "frozen_symbols"),
    *("charloom", "numpy", "numba", "torch", "device", "precision", "license", "language"),
)
"""Entries of the provenance that name no file, no machine and no text."""
_LICENSE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,63}")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")


def public_record(
    record: ModelRecord, license: str | None = None, language: str | None = None
) -> ModelRecord:
    """Return the record with entries that may be published.

    Sources, the validation file, the fingerprint of the corpus, notes on texts, the prompts of the
    run's samples and the index of documents are left out, also of the models that it started from.
    ``license`` and ``language`` are added to the provenance; by default those in it stay. Raises
    SettingsError for a license or language that is no identifier.
    """
    named = {
        "license": check_license(license or record.provenance.get("license")),
        "language": check_language(language or record.provenance.get("language")),
    }
    provenance = {name: record.provenance[name] for name in _KEPT if name in record.provenance}
    lineage = record.provenance.get("lineage")
    if isinstance(lineage, Mapping):
        provenance["lineage"] = _public_lineage(lineage)
    provenance |= {name: value for name, value in named.items() if value is not None}
    return dataclasses.replace(
        record,
        training=dataclasses.replace(record.training, prompts=TrainingSettings().prompts),
        metrics=plain_figures(record.metrics),
        provenance=provenance,
        document_index=None,
    )


def check_license(name: object) -> str | None:
    """Return the identifier of a license; raises SettingsError if it is none."""
    if name is None:
        return None
    if not isinstance(name, str) or not _LICENSE.fullmatch(name):
        raise SettingsError(
            f"license is {quote(str(name)[:80])}; give an identifier, such as apache-2.0, mit or "
            "cc-by-4.0."
        )
    return name.lower()


def check_language(code: object) -> str | None:
    """Return the code of a language; raises SettingsError if it is none."""
    if code is None:
        return None
    if not isinstance(code, str) or not _LANGUAGE.fullmatch(code):
        raise SettingsError(
            f"language is {quote(str(code)[:80])}; give a code of ISO 639, such as en or sv."
        )
    return code


def plain_figures(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries that are numbers."""
    return {name: x for name, x in figures.items() if isinstance(x, int | float)}


def _public_lineage(lineage: Mapping[str, Any]) -> dict[str, Any]:
    before = lineage.get("lineage")
    return {
        "model": None,
        "metrics": plain_figures(lineage.get("metrics") or {}),
        "sources": [],
        "training_documents": lineage.get("training_documents"),
        "date": lineage.get("date"),
        "lineage": _public_lineage(before) if isinstance(before, Mapping) else None,
    }
