"""What is to be done: settings from options, presets and an earlier run, before a text is read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from charloom.data.named_corpora import default_settings
from charloom.errors import SettingsError
from charloom.model_folder.atomic import recover
from charloom.model_folder.writer import check_output_path
from charloom.runs.resume import check_save_options, resume_spec
from charloom.runs.spec import RunSpec
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.settings.presets import merge_options, preset_options
from charloom.text.cleaning import clean_prompt

OPTIMIZERS_WITH_DECAY: Final = ("muon", "adamw")
"""Optimizers that have weight decay."""
_SETTINGS_CLASSES: Final = (TextSettings, NetworkSettings, TrainingSettings)
_FIELD_NAMES: Final = [
    {field.name for field in dataclasses.fields(kind)} for kind in _SETTINGS_CLASSES
]


def resolve_settings(
    sources: Sequence[str], preset: str | None, options: Mapping[str, Any]
) -> tuple[TextSettings, NetworkSettings, TrainingSettings]:
    """Return the settings of a run: options win over the preset, that over a named corpus' own.

    Prompts of samples are read as ``generate`` reads them. Raises SettingsError for a preset or an
    option that does not exist, and for one that would have no effect.
    """
    merged = _explicit_options(sources, preset, options)
    _check_option_names(merged)
    text, network, training = (
        kind(**{name: merged[name] for name in group if name in merged})
        for kind, group in zip(_SETTINGS_CLASSES, _FIELD_NAMES, strict=True)
    )
    if "weight_decay" in options and training.optimizer not in OPTIMIZERS_WITH_DECAY:
        raise SettingsError(
            f"weight-decay was given with optimizer {training.optimizer}, which has none; "
            f"leave it out, or use --optimizer {' or '.join(OPTIMIZERS_WITH_DECAY)}."
        )
    if "index" in options and training.index and text.unit == "stream":
        raise SettingsError(
            "index was asked for with unit stream; a stream has no documents to keep hashes of: "
            "leave it out, or use --unit line or --unit document."
        )
    prompts = tuple(clean_prompt(prompt, text) for prompt in training.prompts)
    return text, network, dataclasses.replace(training, prompts=prompts)


def _explicit_options(
    sources: Sequence[str], preset: str | None, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return all that is not left open."""
    preset_options = {} if preset is None else preset_options(preset)
    return merge_options(default_settings(sources) | preset_options, options)


def _check_option_names(options: Mapping[str, Any]) -> None:
    unknown = sorted(set(options) - set().union(*_FIELD_NAMES))
    if unknown:
        known = ", ".join(sorted(set().union(*_FIELD_NAMES)))
        raise SettingsError(f"there is no option {unknown[0]!r}; there are: {known}.")


def resolve_run(
    sources: Sequence[str],
    options: Mapping[str, Any],
    *,
    output: Path | None,
    validation: str | None = None,
    preset: str | None = None,
    force: bool = False,
    resume: bool = False,
    checkpoint_seconds: float | None = None,
) -> RunSpec:
    """Return what is to be done; the arguments are those of ``train``.

    With ``resume`` the settings are those of the run in ``output``, and options that are given must
    be the same. Raises SettingsError, OutputError and ResumeError.
    """
    check_save_options(output, force=force, resume=resume, checkpoint_seconds=checkpoint_seconds)
    if validation is not None and "valid_fraction" in options:
        raise SettingsError(
            "--valid-fraction and --valid contradict each other: with a file to measure on, "
            "nothing is set aside; give one of them."
        )
    if output is not None:
        recover(output)
        if resume:
            _check_option_names(options)
            asked = merge_options({} if preset is None else preset_options(preset), options)
            return resume_spec(output, asked, validation, checkpoint_seconds)
    text, network, training = resolve_settings(sources, preset, options)
    if output is not None:
        check_output_path(output, force=force)
    return RunSpec(
        text=text,
        network=network,
        training=training,
        validation=validation,
        checkpoint_seconds=checkpoint_seconds,
        explicit=frozenset(_explicit_options(sources, preset, options)),
    )
