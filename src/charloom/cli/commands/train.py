"""``charloom train``: train a network and show samples during training."""

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from charloom.cli.exit_codes import INTERRUPTED, USER_ERROR
from charloom.cli.options.checker import CheckerOptions
from charloom.cli.options.declared import SettingOptions, select, takes_options
from charloom.cli.options.run import RunOptions, Valid
from charloom.cli.options.shared import OptionalSources
from charloom.cli.terminal import output as terminal
from charloom.cli.terminal.inputs import default_output, run_settings
from charloom.errors import ProcessError, SettingsError
from charloom.jit.notice import on_compilation
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings


@takes_options(
    run_options=RunOptions,
    checker_options=CheckerOptions,
    options=[*select(TextSettings), *select(NetworkSettings), *select(TrainingSettings)],
)
def train(
    sources: OptionalSources = None,
    *,
    run_options: RunOptions,
    checker_options: CheckerOptions,
    options: SettingOptions,
    valid: Valid = None,
) -> None:
    """Train a network on texts and show samples during training.

    The weights with the lowest validation loss are kept, also after Ctrl-C. --resume continues an
    unfinished run, --extend trains a finished one longer, --from starts from another model. Press
    s, or send SIGUSR1, to validate, show samples and save without stopping. Order of precedence:
    command line, settings file, preset, named corpus, defaults.
    """
    names, extend = sources or [], run_options.extend
    if not names and extend is None:
        raise SettingsError(
            "no SOURCE was given; name files, folders, corpora or - for standard input."
        )
    _run_training(
        names,
        run_settings(run_options.settings_file, options),
        extend=extend,
        output=run_options.output or (default_output(names) if extend is None else None),
        base=run_options.base,
        validation=valid,
        preset=run_options.preset,
        force=run_options.force,
        resume=run_options.resume,
        checkpoint_seconds=run_options.checkpoint_seconds,
        log=run_options.log,
        checker=checker_options.make(),
    )


def _run_training(
    sources: list[str], options: Mapping[str, Any], extend: Path | None, **arguments: Any
) -> None:
    """Train with a view on the terminal; exit with INTERRUPTED after Ctrl-C.

    ``extend`` is the run to train longer, None for a run of its own. ``arguments`` are the other
    fields of a TrainRequest. A signal other than Ctrl-C ends the process after everything is saved.
    """
    from charloom.cli.terminal.downloads import fetch_corpora
    from charloom.cli.terminal.keys import KeyListener
    from charloom.progress.live_view import choose_view
    from charloom.runs.extend import extend_request
    from charloom.runs.request import TrainRequest
    from charloom.runs.resolve import resolve
    from charloom.runs.tensorboard import check_log
    from charloom.runs.train import train_model
    from charloom.training.distributed.launch import process_info_from_torchrun

    request = TrainRequest(sources=tuple(sources), options=options, **arguments)
    if extend is not None:
        request = extend_request(request, extend)
    process, spec, validation = process_info_from_torchrun(), None, request.validation
    if process.rank == 0:
        # Mistakes are reported before megabytes are downloaded.
        check_log(request.log, request.output)
        spec = resolve(request)
        validation = spec.validation
        if spec.finished:
            terminal.note(
                f"the run in {request.output} is finished, its budget of "
                f"{spec.training.budget} is used: nothing was left to do."
            )
            if process.world_size == 1:
                return
    if process.local_rank == 0:
        fetch_corpora([*request.sources, *filter(None, [validation])])
    silent = process.rank > 0
    stdin = None if silent or "-" in request.sources else sys.stdin
    with choose_view(silent=silent) as view, KeyListener(stdin, sys.stderr) as keys:
        request = dataclasses.replace(
            request, listeners=(view, keys), on_start=view.start, on_read=view.on_read
        )
        try:
            with on_compilation(view.on_compile):
                train_model(request, spec)
        except ProcessError as error:
            if error.already_reported:
                raise typer.Exit(USER_ERROR) from None
            raise
    if view.interrupted:
        raise typer.Exit(INTERRUPTED)
