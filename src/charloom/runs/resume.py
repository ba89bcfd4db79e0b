"""Describe a run in its checkpoint, and check requests to resume it."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from charloom.data.fingerprint import fingerprint
from charloom.data.sources import resolve_sources
from charloom.errors import ModelFolderError, ResumeError, SettingsError
from charloom.files import is_file
from charloom.formatting import format_duration
from charloom.model_folder import checkpoint
from charloom.model_folder import format as model_folder
from charloom.model_folder.checkpoint import STATE
from charloom.model_folder.format import CHECKPOINT, METRICS, ModelRecord
from charloom.runs.base import Base
from charloom.runs.plan import Plan, software_versions
from charloom.runs.request import TrainRequest
from charloom.runs.spec import RunSpec
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.settings.declaration import check_range
from charloom.settings.presets import BUDGETS
from charloom.settings.records import matches_type
from charloom.settings.tables import option_name
from charloom.settings.training import CHECKPOINT_SECONDS
from charloom.text.cleaning import clean_prompt

_MAY_CHANGE: Final = ("device", "keep_optimizer")
"""Options that may differ from those of an unfinished run: it can be resumed on another machine,
and its optimizer can be kept."""
_TAIL_BYTES: Final = 1000
"""Bytes read from the end of metrics.jsonl; the event that ends a run is shorter."""


def check_save_options(request: TrainRequest) -> None:
    """Raise SettingsError for save options that exclude each other or have no effect."""
    if request.force and request.resume:
        raise SettingsError(
            "--force and --resume contradict each other: one replaces the run, the other continues "
            "it; give one of them."
        )
    seconds = request.checkpoint_seconds
    if request.output is None and (request.resume or seconds is not None):
        option = "--resume" if request.resume else "--checkpoint-seconds"
        raise SettingsError(f"{option} needs a model folder: add --output RUN, or drop {option}.")
    if seconds is not None:
        if not matches_type(seconds, float):
            raise SettingsError(f"checkpoint-seconds is {seconds!r:.80}; allowed: a number.")
        check_range("checkpoint-seconds", seconds, min=0)


def resume_spec(path: Path, request: TrainRequest, options: Mapping[str, Any]) -> RunSpec:
    """Return the specification of the run in the folder ``path``, to continue it.

    ``options`` are those of the request and its preset; they must equal the settings of the run,
    except the device. Raises ResumeError if they differ, or if the folder has neither a checkpoint
    nor a finished run.
    """
    finished = None if is_file(path / CHECKPOINT / STATE) else _finished_record(path)
    if finished is not None:  # a kill while the checkpoint was removed leaves its tensors
        checkpoint.remove(path / CHECKPOINT)
    saved = _unfinished_spec(path) if finished is None else _finished_spec(finished)
    may_change = _MAY_CHANGE if finished is None else ("device",)
    _check_same_settings(path, saved, options, request.validation, may_change)
    has_base = saved.base is not None if finished is None else "lineage" in finished.provenance
    if request.base is not None and not has_base:
        raise ResumeError(
            f"the run in {path} was not started from a model, so it cannot be resumed with --from; "
            "leave --from out, or start the run anew with --force."
        )
    if finished is not None:
        _check_finished_texts(path, finished, request)
    changed = {name: options[name] for name in may_change if name in options}
    seconds = request.checkpoint_seconds
    return dataclasses.replace(
        saved,
        training=dataclasses.replace(saved.training, **changed),
        validation=request.validation or saved.validation,
        checkpoint_seconds=saved.checkpoint_seconds if seconds is None else seconds,
    )


def _unfinished_spec(path: Path) -> RunSpec:
    saved = checkpoint.read(path / CHECKPOINT)
    base = saved.run.get("base")
    try:
        return RunSpec(
            text=TextSettings.from_json(saved.run["text"]),
            network=NetworkSettings.from_json(saved.run["network"]),
            training=TrainingSettings.from_json(saved.run["training"]),
            validation=saved.run["validation"],
            checkpoint_seconds=saved.run["checkpoint_seconds"],
            checkpoint=saved,
            base=base and Base.from_json(base),
        )
    except (SettingsError, TypeError) as error:
        raise ResumeError(
            f"the run in {path} was started by charloom {saved.run['machine']['charloom']}, which "
            f"has other settings than this one ({str(error).rstrip('.')}); resume it with that "
            "version, or start it anew with --force."
        ) from error


def _finished_record(path: Path) -> ModelRecord | None:
    """Return the model in ``path`` if its last event says that its budget is used."""
    try:
        with (path / METRICS).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL_BYTES))
            last = json.loads(file.read().splitlines()[-1])
        if (last["event"], last["reason"]) != ("stopped", "budget"):
            return None
        return model_folder.read(path)
    except (OSError, ValueError, LookupError, TypeError, ModelFolderError):
        return None


def _finished_spec(record: ModelRecord) -> RunSpec:
    return RunSpec(
        text=record.text,
        network=record.network,
        training=record.training,
        validation=None,
        checkpoint_seconds=None,
        finished=True,
    )


def describe_run(spec: RunSpec, plan: Plan) -> dict[str, Any]:
    """Return the description of a run for its checkpoint, as a JSON object.

    ``machine`` has everything that changes the rounding of sums.
    """
    seconds, training_set = spec.checkpoint_seconds, plan.corpus.training
    return {
        "sources": list(plan.sources),
        "validation": spec.validation,
        "checkpoint_seconds": CHECKPOINT_SECONDS if seconds is None else seconds,
        "base": spec.base and spec.base.to_json(),
        "text": spec.text.to_json(),
        "network": spec.network.to_json(),
        "training": spec.training.to_json(),
        "corpus": plan.corpus.fingerprint,
        "source_documents": list(plan.corpus.source_documents)
        if plan.training.source_weights
        else None,
        "training_documents": len(training_set),
        "training_characters": training_set.total_characters,
        "machine": {
            **software_versions(plan.device),
            "threads": plan.threads,
            "processes": plan.processes,
            "device": plan.device,
            "precision": plan.precision,
        },
    }


def _check_same_settings(
    path: Path,
    saved: RunSpec,
    options: Mapping[str, Any],
    validation: str | None,
    may_change: Sequence[str],
) -> None:
    """Raise ResumeError, which names each option that differs from the saved settings."""
    before = {**saved.text.to_json(), **saved.network.to_json(), **saved.training.to_json()}
    now = {name: tuple(v) if isinstance(v, list) else v for name, v in options.items()}
    if isinstance(now.get("prompts"), tuple):
        now["prompts"] = tuple(clean_prompt(str(p), saved.text) for p in now["prompts"])
    different = {name for name in now if name not in may_change and now[name] != before[name]}
    differences = [
        f"{option_name(name)} was {_format_option(before[name])} "
        f"and is now {_format_option(now[name])}"
        for name in sorted(different - set(BUDGETS))
    ]
    if budget := sorted(different & set(BUDGETS)):
        requested = " and ".join(f"{_format_option(now[name])} {name}" for name in budget)
        differences.append(f"the budget was {saved.training.budget} and is now {requested}")
    if validation is not None and saved.validation is None and not saved.finished:
        differences.append(f"valid was not given and is now {validation}")
    if differences:
        raise ResumeError(
            f"the run in {path} cannot be resumed with other settings: {'; '.join(differences)}; "
            "leave out what differs, or start the run anew with --force."
        )


def _check_finished_texts(path: Path, record: ModelRecord, request: TrainRequest) -> None:
    """Raise ResumeError if a finished run has other texts."""
    before = record.provenance
    names = [request.training_sources]
    if validation := request.validation_source(before.get("validation")):
        names.append((validation,))
    now = "+".join(fingerprint(resolve_sources(group, record.text)) for group in names)
    if now != before.get("corpus_fingerprint", now):
        raise ResumeError(
            f"the run in {path} has other training or validation texts than those given now; give "
            "the same, another folder with --output, or start the run anew with --force."
        )


def _format_option(value: object) -> str:
    """Format the value of an option about as the user types it.

    >>> [_format_option(value) for value in (None, True, 1500, ("a", "b"), ())]
    ['not given', 'on', '1500', "'a', 'b'", 'none']
    """
    if value is None:
        return "not given"
    if isinstance(value, tuple):
        return ", ".join(map(_format_option, value)) or "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return repr(value) if isinstance(value, str) else f"{value}"


def check_same_texts(path: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise ResumeError if two results of ``describe_run`` have different texts.

    ``before`` is that of the checkpoint in the model folder ``path``.
    """
    if before["corpus"] == now["corpus"]:
        _check_same_sources(path, before, now)
        return
    if str(before["corpus"]).split("+")[0] == str(now["corpus"]).split("+")[0]:
        difference = f"the validation texts are not those of the run in {path}"
    else:
        old, new = (
            f"{run['training_documents']:,} with {run['training_characters']:,} characters"
            for run in (before, now)
        )
        counts = (
            "there are as many, but they differ"
            if old == new
            else f"it was trained on {old}, and now there are {new}"
        )
        difference = f"the texts are not those of the run in {path}: {counts}"
    raise ResumeError(
        f"{difference}; give the same texts as before, or start the run anew with --force."
    )


def _check_same_sources(path: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise ResumeError if weights apply to other documents than before."""
    counts = [run.get("source_documents") for run in (before, now)]
    if counts[0] != counts[1]:
        old, new = (", ".join(f"{count:,}" for count in numbers or ()) for numbers in counts)
        raise ResumeError(
            f"the run in {path} has sources of {old} documents with weights, and now they have "
            f"{new}; name the sources as before, or start the run anew with --force."
        )


def resume_notes(
    before: Mapping[str, Any], now: Mapping[str, Any], step: int, epoch: int, seconds: float
) -> list[str]:
    """Return notes for the user: the step, and changes that affect rounding.

    ``before`` and ``now`` are results of ``describe_run``.
    """
    position = f"epoch {epoch:,}, {format_duration(seconds)} of training"
    notes = [f"the run resumes after step {step:,} ({position})."]
    old, new = before["machine"], now["machine"]
    changes = [
        f"{name} was {old[name]} and is now {new[name]}"
        for name in sorted(new)
        if old.get(name) != new[name]
    ]
    if changes:
        notes.append(
            f"{', '.join(changes)}: the weights will not be, bit for bit, those of a run that was "
            "never stopped."
        )
    return notes
