"""What is to be done: settings from options, presets and an earlier run, before a text is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from charloom.data.named_corpora import defaults
from charloom.errors import SettingsError
from charloom.model_folder.atomic import recover
from charloom.model_folder.writer import check_free
from charloom.runs.resume import check_keeping, go_on
from charloom.runs.spec import Settled
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.settings.presets import options_of, with_options
from charloom.text.cleaning import clean_prompt

DECAYING: Final = ("muon", "adamw")
"""Optimizers that have weight decay."""
_KINDS: Final = (TextSettings, NetworkSettings, TrainingSettings)
_GROUPS: Final = [{field.name for field in dataclasses.fields(kind)} for kind in _KINDS]


def choose(
    sources: Sequence[str], preset: str | None, options: Mapping[str, Any]
) -> tuple[TextSettings, NetworkSettings, TrainingSettings]:
    """Return the settings of a run: options win over the preset, that over a named corpus' own.

    Prompts of samples are read as ``generate`` reads them. Raises SettingsError for a preset or an
    option that does not exist, and for one that would have no effect.
    """
    chosen = _given(sources, preset, options)
    _check_names(chosen)
    text, network, training = (
        kind(**{name: chosen[name] for name in group if name in chosen})
        for kind, group in zip(_KINDS, _GROUPS, strict=True)
    )
    if "weight_decay" in options and training.optimizer not in DECAYING:
        raise SettingsError(
            f"weight-decay was given with optimizer {training.optimizer}, which has none; "
            f"leave it out, or use --optimizer {' or '.join(DECAYING)}."
        )
    if "index" in options and training.index and text.unit == "stream":
        raise SettingsError(
            "index was asked for with unit stream; a stream has no documents to keep hashes of: "
            "leave it out, or use --unit line or --unit document."
        )
    prompts = tuple(clean_prompt(prompt, text) for prompt in training.prompts)
    return text, network, dataclasses.replace(training, prompts=prompts)


def _given(
    sources: Sequence[str], preset: str | None, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return all that is not left open."""
    kit = {} if preset is None else options_of(preset)
    return with_options(defaults(sources) | kit, options)


def _check_names(options: Mapping[str, Any]) -> None:
    strange = sorted(set(options) - set().union(*_GROUPS))
    if strange:
        known = ", ".join(sorted(set().union(*_GROUPS)))
        raise SettingsError(f"there is no option {strange[0]!r}; there are: {known}.")


def settle(
    sources: Sequence[str],
    options: Mapping[str, Any],
    *,
    output: Path | None,
    validation: str | None = None,
    preset: str | None = None,
    force: bool = False,
    resume: bool = False,
    checkpoint_seconds: float | None = None,
) -> Settled:
    """Return what is to be done; the arguments are those of ``train``.

    With ``resume`` the settings are those of the run in ``output``, and options that are given must
    be the same. Raises SettingsError, OutputError and ResumeError.
    """
    check_keeping(output, force=force, resume=resume, checkpoint_seconds=checkpoint_seconds)
    if validation is not None and "valid_fraction" in options:
        raise SettingsError(
            "--valid-fraction and --valid contradict each other: with a file to measure on, "
            "nothing is set aside; give one of them."
        )
    if output is not None:
        recover(output)
        if resume:
            _check_names(options)
            asked = with_options({} if preset is None else options_of(preset), options)
            return go_on(output, asked, validation, checkpoint_seconds)
    text, network, training = choose(sources, preset, options)
    if output is not None:
        check_free(output, force=force)
    return Settled(
        text=text,
        network=network,
        training=training,
        validation=validation,
        checkpoint_seconds=checkpoint_seconds,
        given=frozenset(_given(sources, preset, options)),
    )
