"""What a run is, as its checkpoint records it, and whether what is asked now is the same run."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from charloom.data.corpus import Corpus
from charloom.errors import ModelFolderError, ResumeError, SettingsError
from charloom.files import is_file
from charloom.formatting import format_duration
from charloom.model_folder import checkpoint
from charloom.model_folder import format as model_folder
from charloom.model_folder.checkpoint import STATE
from charloom.model_folder.format import CHECKPOINT, METRICS
from charloom.runs.spec import CHECKPOINT_SECONDS, RunSpec
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.settings.presets import BUDGETS
from charloom.settings.records import check_range, matches_type, option_name
from charloom.text.cleaning import clean_prompt

_MAY_CHANGE: Final = ("device",)
"""Options that may change: a run may go on in another place."""
_TAIL_BYTES: Final = 1000
"""Bytes at the end of metrics.jsonl that hold its last line, if that tells of the run's end."""


def check_save_options(
    output: Path | None, *, force: bool, resume: bool, checkpoint_seconds: float | None
) -> None:
    """Refuse options on saving that contradict each other or would have no effect."""
    if force and resume:
        raise SettingsError(
            "--force and --resume contradict each other: a run is begun anew or goes on; "
            "give one of them."
        )
    if output is None and (resume or checkpoint_seconds is not None):
        name = "resume" if resume else "checkpoint-seconds"
        raise SettingsError(
            f"{name} was given without a model folder, where alone a run is saved; "
            "name one with output, or leave it out."
        )
    if checkpoint_seconds is not None:
        if not matches_type(checkpoint_seconds, float):
            raise SettingsError(
                f"checkpoint-seconds is {checkpoint_seconds!r:.80}; allowed: a number."
            )
        check_range("checkpoint-seconds", checkpoint_seconds, low=0)


def resume_spec(
    path: Path,
    options: Mapping[str, Any],
    validation: str | None,
    checkpoint_seconds: float | None,
) -> RunSpec:
    """Return what is to be done to go on with the run in the folder ``path``.

    Its settings are those that it had, and ``options`` that are given must be the same. Raises
    ResumeError where they are not, or the run can be neither resumed nor said to be finished.
    """
    saved = _saved_spec(path)
    _check_same_settings(path, saved, options, validation)
    changed = {name: options[name] for name in _MAY_CHANGE if name in options}
    return dataclasses.replace(
        saved,
        training=dataclasses.replace(saved.training, **changed),
        validation=validation or saved.validation,
        checkpoint_seconds=saved.checkpoint_seconds
        if checkpoint_seconds is None
        else checkpoint_seconds,
    )


def _saved_spec(path: Path) -> RunSpec:
    """Return the run that is in the folder ``path``."""
    if (finished := _finished_spec(path)) is not None and not is_file(path / CHECKPOINT / STATE):
        return finished
    saved = checkpoint.read(path / CHECKPOINT)
    try:
        return RunSpec(
            text=TextSettings.from_json(saved.run["text"]),
            network=NetworkSettings.from_json(saved.run["network"]),
            training=TrainingSettings.from_json(saved.run["training"]),
            validation=saved.run["validation"],
            checkpoint_seconds=saved.run["checkpoint_seconds"],
            checkpoint=saved,
        )
    except (SettingsError, TypeError) as error:
        raise ResumeError(
            f"the run in {path} was begun by charloom {saved.run['machine']['charloom']}, which "
            f"has other settings than this one ({str(error).rstrip('.')}); go on with that "
            "version, or begin the run anew with --force."
        ) from error


def _finished_spec(path: Path) -> RunSpec | None:
    """Return the run in ``path`` if its budget is used, as its last event tells."""
    try:
        with (path / METRICS).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL_BYTES))
            last = json.loads(file.read().splitlines()[-1])
        if (last["event"], last["reason"]) != ("stopped", "budget"):
            return None
        record = model_folder.read(path)
    except (OSError, ValueError, LookupError, TypeError, ModelFolderError):
        return None
    return RunSpec(
        text=record.text,
        network=record.network,
        training=record.training,
        validation=None,
        checkpoint_seconds=None,
        finished=True,
    )


def describe_run(
    spec: RunSpec, sources: Sequence[str], corpus: Corpus, machine: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a checkpoint records of a run besides its state, as JSON.

    ``machine`` is what changes the rounding of sums, besides the versions of the software.
    """
    seconds = spec.checkpoint_seconds
    return {
        "sources": list(sources),
        "validation": spec.validation,
        "checkpoint_seconds": CHECKPOINT_SECONDS if seconds is None else seconds,
        "text": spec.text.to_json(),
        "network": spec.network.to_json(),
        "training": spec.training.to_json(),
        "corpus": corpus.fingerprint,
        "training_documents": len(corpus.training),
        "training_characters": corpus.training.total_characters,
        "machine": {
            "charloom": metadata.version("charloom"),
            "torch": metadata.version("torch"),
            **machine,
        },
    }


def _check_same_settings(
    path: Path, saved: RunSpec, options: Mapping[str, Any], validation: str | None
) -> None:
    """Raise ResumeError, naming each, if options that are given are not those of the run."""
    before = {**saved.text.to_json(), **saved.network.to_json(), **saved.training.to_json()}
    now = {name: tuple(v) if isinstance(v, list) else v for name, v in options.items()}
    if isinstance(now.get("prompts"), tuple):
        now["prompts"] = tuple(clean_prompt(str(p), saved.text) for p in now["prompts"])
    different = {name for name in now if name not in _MAY_CHANGE and now[name] != before[name]}
    differences = [
        f"{option_name(name)} was {_format_value(before[name])} and is now {_format_value(now[name])}"
        for name in sorted(different - set(BUDGETS))
    ]
    if budget := sorted(different & set(BUDGETS)):
        asked = " and ".join(f"{_format_value(now[name])} {name}" for name in budget)
        differences.append(f"the budget was {saved.training.budget} and is now {asked}")
    if validation is not None and saved.validation is None and not saved.finished:
        differences.append(f"valid was not given and is now {validation}")
    if differences:
        raise ResumeError(
            f"the run in {path} cannot go on with other settings: {'; '.join(differences)}; leave out "
            "what differs, or begin the run anew with --force."
        )


def _format_value(value: object) -> str:
    if value is None:
        return "not given"
    if isinstance(value, tuple):
        return ", ".join(map(_format_value, value)) or "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return repr(value) if isinstance(value, str) else f"{value}"


def check_same_texts(path: Path, run: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise ResumeError if the texts are not those of the run; both as ``describe_run`` tells."""
    if run["corpus"] == now["corpus"]:
        return
    before, after = (str(each["corpus"]).split("+") for each in (run, now))
    same_training_set = before[0] == after[0]
    counts = [
        f"{each['training_documents']:,} with {each['training_characters']:,} characters"
        for each in (run, now)
    ]
    change = (
        "it learned from as many, but they differ"
        if counts[0] == counts[1]
        else f"it learned from {counts[0]}, now there are {counts[1]}"
    )
    subject = "the validation texts are" if same_training_set else "the texts are"
    raise ResumeError(
        f"{subject} not those of the run in {path}{'' if same_training_set else ': ' + change}; "
        "give the same texts as before, or begin the run anew with --force."
    )


def resume_notes(
    run: Mapping[str, Any], now: Mapping[str, Any], step: int, epoch: int, seconds: float
) -> list[str]:
    """Return what to tell of a run that goes on: where, and what is not as it was."""
    place = f"epoch {epoch:,}, {format_duration(seconds)} of training"
    notes = [f"the run goes on after step {step:,} ({place})."]
    before, after = run["machine"], now["machine"]
    changes = [
        f"{name} was {before[name]} and is now {after[name]}"
        for name in sorted(after)
        if before.get(name) != after[name]
    ]
    if changes:
        notes.append(
            f"{', '.join(changes)}: the weights will not be, bit for bit, those of a run that was "
            "never stopped."
        )
    return notes
