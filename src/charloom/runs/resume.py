"""What a run is, as its checkpoint records it, and whether what is asked now is the same run."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from charloom.data.corpus import Corpus
from charloom.errors import ModelFolderError, ResumeError, SettingsError
from charloom.formatting import duration
from charloom.model_folder import checkpoint
from charloom.model_folder import format as model_folder
from charloom.model_folder.checkpoint import STATE
from charloom.model_folder.format import CHECKPOINT, METRICS
from charloom.runs.spec import CHECKPOINT_SECONDS, Settled
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.settings.presets import BUDGETS
from charloom.settings.records import fits, number, spelled
from charloom.text.cleaning import clean_prompt

_FREE: Final = ("device",)
"""Options that may change: a run may go on in another place."""
_TAIL: Final = 1000
"""Bytes at the end of metrics.jsonl that hold its last line, if that tells of the run's end."""


def check_keeping(
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
        if not fits(checkpoint_seconds, float):
            raise SettingsError(
                f"checkpoint-seconds is {checkpoint_seconds!r:.80}; allowed: a number."
            )
        number("checkpoint-seconds", checkpoint_seconds, low=0)


def go_on(
    path: Path,
    options: Mapping[str, Any],
    validation: str | None,
    checkpoint_seconds: float | None,
) -> Settled:
    """Return what is to be done to go on with the run in the folder ``path``.

    Its settings are those that it had, and ``options`` that are given must be the same. Raises
    ResumeError where they are not, or the run can be neither resumed nor said to be finished.
    """
    had = _earlier(path)
    _refuse_differences(path, had, options, validation)
    free = {name: options[name] for name in _FREE if name in options}
    return dataclasses.replace(
        had,
        training=dataclasses.replace(had.training, **free),
        validation=validation or had.validation,
        checkpoint_seconds=had.checkpoint_seconds
        if checkpoint_seconds is None
        else checkpoint_seconds,
    )


def _earlier(path: Path) -> Settled:
    """Return the run that is in the folder ``path``."""
    if not (path / CHECKPOINT / STATE).is_file() and (done := _finished(path)) is not None:
        return done
    found = checkpoint.read(path / CHECKPOINT)
    try:
        return Settled(
            text=TextSettings.from_json(found.run["text"]),
            network=NetworkSettings.from_json(found.run["network"]),
            training=TrainingSettings.from_json(found.run["training"]),
            validation=found.run["validation"],
            checkpoint_seconds=found.run["checkpoint_seconds"],
            earlier=found,
        )
    except (SettingsError, TypeError) as error:
        raise ResumeError(
            f"the run in {path} was begun by charloom {found.run['machine']['charloom']}, which "
            f"has other settings than this one ({str(error).rstrip('.')}); go on with that "
            "version, or begin the run anew with --force."
        ) from error


def _finished(path: Path) -> Settled | None:
    """Return the run in ``path`` if its budget is used, as its last event tells."""
    try:
        with (path / METRICS).open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - _TAIL))
            last = json.loads(file.read().splitlines()[-1])
        if (last["event"], last["reason"]) != ("stopped", "budget"):
            return None
        record = model_folder.read(path)
    except (OSError, ValueError, LookupError, TypeError, ModelFolderError):
        return None
    return Settled(
        text=record.text,
        network=record.network,
        training=record.training,
        validation=None,
        checkpoint_seconds=None,
        finished=True,
    )


def describe_run(
    settled: Settled, sources: Sequence[str], corpus: Corpus, machine: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a checkpoint records of a run besides its state, as JSON.

    ``machine`` is what changes the rounding of sums, besides the versions of the software.
    """
    seconds = settled.checkpoint_seconds
    return {
        "sources": list(sources),
        "validation": settled.validation,
        "checkpoint_seconds": CHECKPOINT_SECONDS if seconds is None else seconds,
        "text": settled.text.to_json(),
        "network": settled.network.to_json(),
        "training": settled.training.to_json(),
        "corpus": corpus.fingerprint,
        "training_documents": len(corpus.training),
        "training_characters": corpus.training.total_characters,
        "machine": {
            "charloom": metadata.version("charloom"),
            "torch": metadata.version("torch"),
            **machine,
        },
    }


def _refuse_differences(
    path: Path, had: Settled, options: Mapping[str, Any], validation: str | None
) -> None:
    """Raise ResumeError, naming each, if options that are given are not those of the run."""
    before = {**had.text.to_json(), **had.network.to_json(), **had.training.to_json()}
    now = {name: tuple(v) if isinstance(v, list) else v for name, v in options.items()}
    if isinstance(now.get("prompts"), tuple):
        now["prompts"] = tuple(clean_prompt(str(p), had.text) for p in now["prompts"])
    different = {name for name in now if name not in _FREE and now[name] != before[name]}
    told = [
        f"{spelled(name)} was {_shown(before[name])} and is now {_shown(now[name])}"
        for name in sorted(different - set(BUDGETS))
    ]
    if budget := sorted(different & set(BUDGETS)):
        asked = " and ".join(f"{_shown(now[name])} {name}" for name in budget)
        told.append(f"the budget was {had.training.budget} and is now {asked}")
    if validation is not None and had.validation is None and not had.finished:
        told.append(f"valid was not given and is now {validation}")
    if told:
        raise ResumeError(
            f"the run in {path} cannot go on with other settings: {'; '.join(told)}; leave out "
            "what differs, or begin the run anew with --force."
        )


def _shown(value: object) -> str:
    if value is None:
        return "not given"
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value)) or "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    return repr(value) if isinstance(value, str) else f"{value}"


def check_texts(path: Path, run: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise ResumeError if the texts are not those of the run; both as ``describe_run`` tells."""
    if run["corpus"] == now["corpus"]:
        return
    before, after = (str(each["corpus"]).split("+") for each in (run, now))
    own = before[0] == after[0]
    counts = [
        f"{each['training_documents']:,} with {each['training_characters']:,} characters"
        for each in (run, now)
    ]
    change = (
        "it learned from as many, but they differ"
        if counts[0] == counts[1]
        else f"it learned from {counts[0]}, now there are {counts[1]}"
    )
    what = "the validation texts are" if own else "the texts are"
    raise ResumeError(
        f"{what} not those of the run in {path}{'' if own else ': ' + change}; "
        "give the same texts as before, or begin the run anew with --force."
    )


def notes(
    run: Mapping[str, Any], now: Mapping[str, Any], step: int, epoch: int, seconds: float
) -> list[str]:
    """Return what to tell of a run that goes on: where, and what is not as it was."""
    place = f"epoch {epoch:,}, {duration(seconds)} of training"
    told = [f"the run goes on after step {step:,} ({place})."]
    before, after = run["machine"], now["machine"]
    changes = [
        f"{name} was {before[name]} and is now {after[name]}"
        for name in sorted(after)
        if before.get(name) != after[name]
    ]
    if changes:
        told.append(
            f"{', '.join(changes)}: the weights will not be, bit for bit, those of a run that was "
            "never stopped."
        )
    return told
