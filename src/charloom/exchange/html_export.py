"""The export to HTML: a page, or a module for other pages."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from charloom.evaluation.model_parts import ModelParts
from charloom.exchange.embedded import embedded_files
from charloom.exchange.html_page import render_page
from charloom.exchange.names import StoredType
from charloom.exchange.rounding_cost import RoundingCost, measure_rounding_cost
from charloom.exchange.stored_weights import check_stored_type, round_model
from charloom.exchange.written_export import PreparedExport, format_size
from charloom.formatting import format_count
from charloom.model_folder.format import ModelRecord
from charloom.model_folder.hub import hub_source
from charloom.model_folder.weights import tensors_digest
from charloom.settings import DEFAULT_LENGTH
from charloom.text.documents import Block
from charloom.text.symbols import replace_surrogates

FORMAT: Final = "html"
SECONDS_TO_OPEN: Final = 0.25
SECONDS_A_MEGABYTE: Final = 0.04
"""Measured in Chromium by benchmarks/html_page.py, on two cores."""
_ADVICE: Final = "choose --dtype float16 or int8"


def prepare_html(
    model: ModelParts,
    dtype: str = "float32",
    *,
    embed: bool = False,
    texts: Sequence[Block] = (),
    force: bool = False,
) -> PreparedExport:
    """Return a page of a model, or with ``embed`` a module for other pages.

    With rounded weights, its figures have their cost on ``texts``, by default on texts that the
    model writes. Raises SettingsError for an unknown type, weights outside its range or not finite,
    and more than 64 MB without ``force``.
    """
    stored = check_stored_type(dtype)
    rounded = round_model(model.record, stored)
    cost = None
    if stored != "float32":
        cost = measure_rounding_cost(model, rounded, texts)
    digest = tensors_digest(rounded.tensors, rounded.weight_precision)
    if embed:
        files = embedded_files(model.record, stored, name=model_name(model))
    else:
        page = render_page(
            model.record,
            name=model_name(model),
            run="ROUNDED" if cost else _run_name(model),
            dtype=stored,
            facts=_facts(rounded, stored, digest, cost),
            length=DEFAULT_LENGTH,
        )
        files = {"page": page.encode()}
    size = sum(map(len, files.values()))
    prepared = PreparedExport(
        format=FORMAT,
        files=files,
        is_folder=embed,
        figures=_figures(stored, digest, cost, size),
        notes=_notes(stored, digest, cost, size),
        discloses=_disclosed(model.record),
    )
    prepared.check_size(force=force, advice=_ADVICE)
    return prepared


def model_name(model: ModelParts) -> str:
    """Return the name of the model folder; "model" for a model in memory."""
    if model.folder is None:
        return "model"
    source = hub_source(model.folder)
    if source is not None:
        return source.name
    return replace_surrogates(model.folder.resolve().name) or "model"


def _run_name(model: ModelParts) -> str:
    """Return the model folder in a command.

    It is a path if the folder is below the current one, else a name.
    """
    if model.folder is None:
        return "RUN"
    source = hub_source(model.folder)
    if source is not None:
        return str(source)
    relative = Path(os.path.relpath(model.folder))
    return model_name(model) if ".." in relative.parts else relative.as_posix()


def seconds_to_open(size: int) -> float:
    """Return about how many seconds a browser takes to open ``size`` bytes."""
    return SECONDS_TO_OPEN + SECONDS_A_MEGABYTE * size / 1e6


def _figures(
    dtype: StoredType, digest: str, cost: RoundingCost | None, size: int
) -> dict[str, Any]:
    return {
        "dtype": dtype,
        "weights_digest": digest,
        "seconds_to_open": round(seconds_to_open(size), 2),
        "rounding": None if cost is None else cost.to_dict(),
    }


def _notes(dtype: StoredType, digest: str, cost: RoundingCost | None, size: int) -> tuple[str, ...]:
    opening = f"{format_size(size)}; a browser opens it in about {seconds_to_open(size):.1f} s"
    if cost is None:
        return (f"{opening}. The weights are unchanged: the same seed writes the same text.",)
    return (
        f"{opening}.",
        f"Weights rounded to {dtype} (digest {digest}): {_describe_cost(cost)}. The same seed "
        "writes the text of the rounded model; --save-rounded FOLDER keeps that as a folder.",
    )


def _describe_cost(cost: RoundingCost) -> str:
    place = "texts that the model wrote" if cost.own_texts else "the texts given"
    return (
        f"{round(cost.difference, 5) + 0.0:+.5f} bits per character on {place} "
        f"({cost.before:.4f} before, {cost.after:.4f} after)"
    )


def _facts(
    record: ModelRecord, dtype: StoredType, digest: str, cost: RoundingCost | None
) -> list[tuple[str, str]]:
    network, vocabulary = record.network, record.vocabulary
    parameters = sum(tensor.size for tensor in record.tensors.values())
    source = "one-hot input" if network.input == "one-hot" else f"embedding of {network.input}"
    layers = format_count(network.layers, "layer")
    facts = [
        ("Network", f"{network.cell.upper()}, {layers} of {network.hidden} units, {source}"),
        ("Parameters", f"{parameters:,}"),
        ("Symbols", f"{len(vocabulary):,}, level {vocabulary.level}"),
    ]
    if record.labels:
        facts.append(("Labels", f"{len(record.labels):,}"))
    if "bits_per_character" in record.metrics:
        facts.append(("Held-out texts", f"{record.metrics['bits_per_character']:.3f} bits per "
                      "character, before any rounding"))  # fmt: skip
    facts.append(("Weights", f"{dtype}, digest {digest}"))
    if cost is not None:
        facts.append(("Cost of rounding", _describe_cost(cost)))
    return facts


def _disclosed(record: ModelRecord) -> tuple[str, ...]:
    """Return the parts of the model that are in the export."""
    labels = [format_count(len(record.labels), "label")] if record.labels else []
    return (
        f"{len(record.vocabulary):,} symbols of the vocabulary",
        *labels,
        "the weights, which can repeat parts of training texts",
    )
