"""Resolve a request into a run specification, before any text is read.

Settings come from options, the preset, named corpora and, to resume, from the checkpoint.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from charloom.data.named_corpora import default_settings
from charloom.errors import SettingsError
from charloom.extras import check_device
from charloom.model_folder.atomic import recover
from charloom.model_folder.optimizer_file import read_optimizer
from charloom.model_folder.writer import check_output_path
from charloom.runs.base import Base, check_freeze, inherit_settings, read_base
from charloom.runs.request import TrainRequest, check_source_weights
from charloom.runs.resume import check_save_options, resume_spec
from charloom.runs.spec import RunSpec
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings
from charloom.settings.presets import merge_options, preset_options
from charloom.settings.training import CHECKED_TEXTS
from charloom.text.cleaning import clean_prompt

OPTIMIZERS_WITH_DECAY: Final = ("muon", "adamw")
_SETTINGS_CLASSES: Final = (TextSettings, NetworkSettings, TrainingSettings)
_FIELD_NAMES: Final = [{field.name for field in dataclasses.fields(c)} for c in _SETTINGS_CLASSES]


def resolve(request: TrainRequest) -> RunSpec:
    """Return the specification of the run that is requested.

    With ``resume`` the settings are those of the run in ``output``, and explicit options must equal
    them. The checkpoint is read here, once. An interrupted replacement of ``output`` is completed.

    Raises SettingsError, OutputError, ResumeError, and MissingPackageError for a GPU without torch.
    """
    check_save_options(request)
    _check_validation(request)
    if request.output is not None:
        recover(request.output)
        if request.resume:
            _check_option_names(request.options)
            preset = {} if request.preset is None else preset_options(request.preset)
            options = merge_options(preset, request.options)
            spec = resume_spec(request.output, request, options)
            check_source_weights(request, spec.text, spec.training)
            if not spec.finished:
                check_device(spec.training.device)
                _check_checker(request, spec.training)
            return spec
    explicit = _explicit_options(request.sources, request.preset, request.options)
    base, name = None, None
    if request.base is not None:
        record, name = read_base(request.base)
        explicit = inherit_settings(record, name, explicit)
        base = Base.from_record(record, name, is_extended=request.extends)
        if request.extends and name is not None:
            base = dataclasses.replace(base, optimizer=read_optimizer(Path(name)))
    text, network, training = _build_settings(explicit, request.options)
    _check_checker(request, training)
    check_source_weights(request, text, training)
    if training.keep_optimizer and request.output is None:
        raise SettingsError(
            "--keep-optimizer needs a model folder: add --output RUN, or drop --keep-optimizer."
        )
    if request.base is None:
        _check_starts_from_nothing(training)
    else:
        check_freeze(training.freeze, network, name)
    if request.output is not None:
        check_output_path(request.output, force=request.force)
    return RunSpec(
        text=text,
        network=network,
        training=training,
        validation=request.validation,
        checkpoint_seconds=request.checkpoint_seconds,
        explicit=frozenset(explicit),
        base=base,
    )


def resolve_settings(
    sources: Sequence[str], preset: str | None, options: Mapping[str, Any]
) -> tuple[TextSettings, NetworkSettings, TrainingSettings]:
    """Return settings from ``options``, the preset and named corpora.

    Options take precedence over the preset, and the preset over the settings of named corpora.
    Sample prompts are cleaned as those of ``generate``. Raises SettingsError for an unknown preset
    or option, and for an option without effect; MissingPackageError for a GPU without torch.
    """
    text, network, training = _build_settings(_explicit_options(sources, preset, options), options)
    _check_starts_from_nothing(training)
    return text, network, training


def _build_settings(
    explicit: Mapping[str, Any], options: Mapping[str, Any]
) -> tuple[TextSettings, NetworkSettings, TrainingSettings]:
    """Return the settings with the ``explicit`` values.

    ``options`` are the values that the user gave: they must have an effect.
    """
    _check_option_names(explicit)
    text, network, training = (
        settings_class(**{name: explicit[name] for name in names if name in explicit})
        for settings_class, names in zip(_SETTINGS_CLASSES, _FIELD_NAMES, strict=True)
    )
    if "weight_decay" in options and training.optimizer not in OPTIMIZERS_WITH_DECAY:
        raise SettingsError(
            f"weight-decay was given with optimizer {training.optimizer}, which has none; "
            f"leave it out, or use --optimizer {' or '.join(OPTIMIZERS_WITH_DECAY)}."
        )
    if "index" in options and training.index and text.unit == "stream":
        raise SettingsError(
            "index was given with unit stream, which has no documents; "
            "leave it out, or use --unit line or --unit document."
        )
    check_device(training.device)
    prompts = tuple(clean_prompt(prompt, text) for prompt in training.prompts)
    return text, network, dataclasses.replace(training, prompts=prompts)


def _check_validation(request: TrainRequest) -> None:
    """Raise SettingsError for two ways to set validation texts aside."""
    has_validation = request.validation_source(None) is not None
    if has_validation and "valid_fraction" in request.options:
        raise SettingsError(
            "--valid-fraction and --valid contradict each other: with a validation file, nothing "
            "else is set aside; give one of them."
        )
    if has_validation and request.options.get("valid_tail"):
        raise SettingsError(
            "--valid-tail and --valid contradict each other: with a validation file, nothing else "
            "is set aside; give one of them."
        )


def _check_checker(request: TrainRequest, training: TrainingSettings) -> None:
    """Raise SettingsError for settings that need a checker where there is none."""
    if request.checker is not None:
        return
    if training.keep_best == "accepted":
        raise SettingsError(
            "keep-best is accepted, which needs a checker; give --checker, also when a run is "
            "resumed or extended, since no model folder holds it."
        )
    # A settings file may have all settings, with their defaults.
    if "checked_texts" in request.options and training.checked_texts != CHECKED_TEXTS:
        raise SettingsError("checked-texts was given without a checker; give --checker too.")


def _check_starts_from_nothing(training: TrainingSettings) -> None:
    """Raise SettingsError for settings that only a run from a model can have."""
    if training.freeze != "none":
        raise SettingsError(
            f"freeze is {training.freeze}, but the run starts from no model, and random weights "
            "need training; start from one with --from, or leave --freeze out."
        )


def _explicit_options(
    sources: Sequence[str], preset: str | None, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return all options that keep their values; the others are chosen automatically."""
    values = {} if preset is None else preset_options(preset)
    return merge_options(default_settings(sources) | values, options)


def _check_option_names(options: Mapping[str, Any]) -> None:
    known = set().union(*_FIELD_NAMES)
    unknown = sorted(set(options) - known)
    if unknown:
        raise SettingsError(
            f"there is no option {unknown[0]!r}; there are: {', '.join(sorted(known))}."
        )
