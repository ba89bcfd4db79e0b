"""A longer run of a trained model: its texts and settings, with a new budget."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from charloom.errors import SettingsError
from charloom.files import exists
from charloom.model_folder.format import ModelRecord
from charloom.runs.base import read_base
from charloom.runs.request import TrainRequest
from charloom.settings.presets import BUDGETS, merge_options, preset_options

CHOSEN_AGAIN: Final = (*BUDGETS, "weight_decay", "batch_size", "device")
"""Settings that a longer run does not take from the run before it."""
_STANDARD_INPUT: Final = "-"


def extend_request(request: TrainRequest, model: Path | ModelRecord) -> TrainRequest:
    """Return the request of a run that trains ``model`` further on its own texts.

    Options of ``request`` take precedence over its preset, and both over the recorded settings.
    Raises SettingsError if the
    request names texts or another base, or if the model does not record its texts;
    ModelFolderError if the folder is missing or damaged.
    """
    if request.sources or request.validation is not None:
        raise SettingsError(
            "--extend was given with texts, and a run is extended on its own; leave them out, or "
            "start from the model with --from."
        )
    for given, option in ((request.base, "--from"), (request.resume or None, "--resume")):
        if given is not None:
            raise SettingsError(
                f"--extend and {option} contradict each other: --extend trains a finished run "
                "longer on its own texts; give one of them."
            )
    record, name = read_base(model)
    output = request.output or (None if name is None else next_folder(Path(name)))
    origin = record.provenance
    sources, validation = origin.get("sources", []), origin.get("validation")
    if not sources or _STANDARD_INPUT in (*sources, validation):
        raise SettingsError(
            f"{name or 'the model'} does not record its training texts, so it cannot be extended; "
            "start from it with --from, and give the texts."
        )
    recorded = _recorded_options(record, request, validation)
    if output is None:
        del recorded["keep_optimizer"]
    preset = {} if request.preset is None else preset_options(request.preset)
    return dataclasses.replace(
        request,
        sources=tuple(sources),
        validation=validation,
        base=record if name is None else Path(name),
        extends=True,
        preset=None,
        options=merge_options(recorded, merge_options(preset, request.options)),
        output=output,
    )


def _recorded_options(
    record: ModelRecord, request: TrainRequest, validation: str | None
) -> dict[str, Any]:
    """Return the recorded settings that a longer run keeps."""
    kept: Mapping[str, Any] = {
        **record.text.to_json(),
        **record.network.to_json(),
        **record.training.to_json(),
    }
    left_out = {*CHOSEN_AGAIN, *(("valid_fraction", "valid_tail") if validation else ())}
    if record.training.index and record.text.unit == "stream":
        left_out.add("index")
    if request.checker is None:
        left_out.add("checked_texts")
    if record.training.optimizer not in ("muon", "adamw"):
        left_out.add("weight_decay")
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in kept.items()
        if name not in left_out
    }


def next_folder(path: Path) -> Path:
    """Return the first free folder with a number: ``runs/facts-2``, ``-3`` ..."""
    stem = re.sub(r"-\d+$", "", path.name)
    number = 2
    while exists(path.with_name(f"{stem}-{number}")):
        number += 1
    return path.with_name(f"{stem}-{number}")
