"""``charloom train``: learn from texts, and show what is learned on the way."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from charloom.cli.options import training as given
from charloom.cli.options.shared import (
    Columns,
    Encoding,
    Header,
    LabelColumn,
    Sources,
    split_columns,
)
from charloom.cli.terminal import output as terminal
from charloom.errors import ProcessError
from charloom.files import is_dir

USER_ERROR = 2
_RUN_OPTIONS = (
    "sources",
    "output",
    "valid",
    "preset",
    "force",
    "resume",
    "checkpoint_seconds",
    "log",
)


def train(
    sources: Sources,
    *,
    output: given.Output = None,
    preset: given.PresetName = None,
    force: given.Force = False,
    resume: given.Resume = False,
    checkpoint_seconds: given.CheckpointSeconds = None,
    log: given.Log = None,
    level: given.LevelName = None,
    unit: given.UnitName = None,
    columns: Columns = None,
    label_column: LabelColumn = None,
    header: Header = None,
    encoding: Encoding = None,
    clean: given.Clean = None,
    min_count: given.MinCount = None,
    valid: given.Valid = None,
    valid_fraction: given.ValidFraction = None,
    cell: given.CellName = None,
    hidden: given.Hidden = None,
    layers: given.Layers = None,
    input: given.Input = None,
    dropout: given.Dropout = None,
    minutes: given.Minutes = None,
    epochs: given.Epochs = None,
    steps: given.Steps = None,
    batch_size: given.BatchSize = None,
    window: given.Window = None,
    learning_rate: given.LearningRate = None,
    schedule: given.ScheduleName = None,
    optimizer: given.OptimizerName = None,
    weight_decay: given.WeightDecay = None,
    clip: given.Clip = None,
    average: given.Average = None,
    seed: given.TrainingSeed = None,
    device: given.Device = None,
    precision: given.PrecisionName = None,
    sample_every: given.SampleEvery = None,
    prompts: given.SamplePrompts = None,
    temperatures: given.SampleTemperatures = None,
    index: given.Index = None,
) -> None:
    """Train a network on texts, showing samples while it learns.

    The weights that predict best are kept, also after Ctrl-C; --resume goes on where a run ended
    before its time. The key s, or SIGUSR1, measures, shows samples and saves without stopping.
    """
    options = {name: value for name, value in dict(locals()).items() if name not in _RUN_OPTIONS}
    _run_training(
        sources,
        settings_options(options),
        output=output or default_output(sources),
        validation=valid,
        preset=preset,
        force=force,
        resume=resume,
        checkpoint_seconds=checkpoint_seconds,
        log=log,
    )


def _run_training(sources: list[str], options: Mapping[str, Any], **place: Any) -> None:
    """Train under the eyes of the user; end with exit code 130 if interrupted.

    Another signal than Ctrl-C ends the process by itself, when all is kept.
    """
    from charloom.cli.terminal.downloads import fetch_corpora
    from charloom.cli.terminal.keys import KeyListener
    from charloom.progress.watch import choose_view
    from charloom.runs import train as recipe
    from charloom.runs.resolve import resolve_run
    from charloom.runs.tensorboard import check_log
    from charloom.training.distributed.launch import process_info_from_torchrun

    launch, validation, log = process_info_from_torchrun(), place["validation"], place.pop("log")
    if launch.rank == 0:
        # A mistake is told before megabytes are fetched.
        check_log(log, place["output"])
        settled = resolve_run(sources, options, **place)
        validation = settled.validation
        if settled.finished:
            terminal.note(
                f"the run in {place['output']} is finished, its budget of "
                f"{settled.training.budget} is used: nothing was left to do."
            )
            if launch.world_size == 1:
                return
    if launch.local_rank == 0:
        fetch_corpora([*sources, *filter(None, [validation])])
    silent = launch.rank > 0
    with choose_view(silent=silent) as view, KeyListener(silent or "-" in sources) as keys:
        try:
            recipe.train(
                sources,
                listeners=[view, keys],
                on_start=view.start,
                on_read=view.on_read,
                log=log,
                **place,
                **options,
            )
        except ProcessError as error:
            if error.already_reported:
                raise typer.Exit(USER_ERROR) from None
            raise
    if view.interrupted:
        raise typer.Exit(130)


def settings_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those options that were given, as the fields of settings that they are named after."""
    chosen = {name: value for name, value in options.items() if value is not None}
    if "columns" in chosen:
        chosen["columns"] = split_columns(chosen["columns"])
    if str(chosen.get("input")).isdecimal():
        chosen["input"] = int(chosen["input"])
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in chosen.items()
    }


def default_output(sources: list[str]) -> Path:
    """Return the folder of a model that is named after the first source.

    >>> default_output(["texts/titles.csv.gz"]).as_posix()
    'runs/titles'
    >>> default_output(["poems/*.txt"]).as_posix()
    'runs/poems'

    Raises SourceError if the system does not let it be looked at.
    """
    if sources[0] == "-":
        return Path("runs", "stdin")
    path = Path(sources[0])
    while re.search(r"[*?\[]", path.name):
        path = path.parent
    try:
        if is_dir(path):
            stem = path.resolve().name
        else:
            stem = Path(re.sub(r"\.(gz|zst)$", "", path.name)).stem
    except OSError as error:
        from charloom.data.text_files import unreadable_error

        raise unreadable_error(sources[0], error) from error
    return Path("runs", stem.strip(".") or "texts")
