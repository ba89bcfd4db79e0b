"""The public function that trains a model."""

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Unpack

from charloom.data.source_file import SourceFile, Sources, source_names
from charloom.data.spool import looks_like_text, spool
from charloom.errors import OutputError, SettingsError, SourceError
from charloom.generation.checker import make_checker
from charloom.jit.notice import on_compilation
from charloom.model import Model
from charloom.model_folder.format import ModelRecord
from charloom.runs.extend import extend_request
from charloom.runs.request import TrainRequest
from charloom.runs.train import train_model
from charloom.runs.train_options import RunOptions, TrainOptions

Texts = Iterable[Any]
"""Texts in memory; see ``train``."""

_ARGUMENTS: Final = tuple(RunOptions.__annotations__)


def train(
    sources: Sources = (),
    *,
    texts: Texts | None = None,
    validation_texts: Texts | None = None,
    column: str | Sequence[str] | None = None,
    base: Model | str | Path | None = None,
    extend: Model | str | Path | None = None,
    progress: bool | None = None,
    **options: Unpack[TrainOptions],
) -> Model:
    """Train a model on texts and return it with its best weights by validation.

    Args:
        sources: Files, folders, globs, ``"-"`` (standard input) or names of corpora.
        texts: Texts in memory instead of ``sources``: a list, any iterable of texts or of pairs of
            a text and a label, a column of pandas or polars, or a table of pandas, polars, pyarrow
            or datasets with ``column`` and ``label_column``. An iterator is read once.
        validation_texts: The same for validation, instead of the file ``validation``.
        column: The column of the texts in a table, or several; the setting ``columns``.
        base: A model, or its folder, whose weights the run starts from. Cell, sizes, level and
            cleaning are those of the model; new symbols and labels are added to its own.
        extend: A model, or its folder, to train longer: on its own texts, with its settings and a
            new budget. Of a folder, ``output`` is by default one beside it with a number.
        progress: Show the run in place, in a notebook or on a terminal (its main thread). True
            prints lines elsewhere; False shows nothing.
        **options: The folder to write and other arguments of ``runs.train_options.RunOptions``, and
            fields of TextSettings, NetworkSettings and TrainingSettings.

    In the main thread, Ctrl-C (in a notebook, interrupting the cell) stops after the current step,
    validates, saves everything and returns the model; while texts are read, it raises
    KeyboardInterrupt. A second one leaves out the validation. SIGTERM and SIGHUP do the same, and
    have their previous effect afterwards. SIGUSR1 validates, writes samples and saves.

    Under torchrun, several processes train one model. Each calls this function with the same
    arguments and its own listeners. Only process 0 uses ``output``; all return the same model.

    Raises a subclass of CharloomError for every mistake that a user can correct.
    """
    names, validation = source_names(sources), options.get("validation")
    _check_texts_once(names, texts, validation, validation_texts)
    settings: dict[str, Any] = dict(options)
    arguments = {name: settings.pop(name) for name in _ARGUMENTS if name in settings}
    _add_column(settings, column)
    request = _request(names, settings, arguments, base)
    if extend is not None:
        if texts is not None or validation_texts is not None:
            raise SettingsError(
                "extend was given with texts, and a run is extended on its own; leave them out, or "
                "start from the model with base=."
            )
        request = extend_request(request, _model_or_folder(extend))
    with (
        _spooled("texts", texts, settings) as spooled,
        _spooled("validation_texts", validation_texts, settings) as held_out,
    ):
        request = dataclasses.replace(request, texts=spooled, validation_texts=held_out)
        return _train_in_view(request, progress)


def _train_in_view(request: TrainRequest, progress: bool | None) -> Model:
    """Train, with a view of the run where a person looks."""
    from charloom.progress.library_view import library_view

    view = library_view(progress)
    if view is None:
        return train_model(request)
    request = dataclasses.replace(
        request,
        listeners=(view, *request.listeners),
        on_start=_both(view.start, request.on_start),
        on_read=_both(view.on_read, request.on_read),
    )
    with view, on_compilation(view.on_compile, outermost=True):
        return train_model(request)


def _both(first: Callable[..., None], second: Callable[..., None] | None) -> Callable[..., None]:
    """Return a function that calls one function, and then another if there is one."""

    def call(*arguments: Any) -> None:
        first(*arguments)
        if second is not None:
            second(*arguments)

    return call


def _request(
    names: tuple[str, ...],
    settings: Mapping[str, Any],
    arguments: Mapping[str, Any],
    base: Model | str | Path | None,
) -> TrainRequest:
    output, validation = arguments.get("output"), arguments.get("validation")
    checker, timeout = arguments.get("checker"), arguments.get("checker_timeout")
    if checker is None and timeout is not None:
        raise SettingsError("checker_timeout was given without a checker; give that too.")
    converted = {
        "output": None if output is None else Path(output),
        "validation": None if validation is None else str(validation),
        "listeners": tuple(arguments.get("listeners", ())),
        "checker": None if checker is None else make_checker(checker, timeout),
        "base": None if base is None else _model_or_folder(base),
    }
    known = {**arguments, **converted}
    known.pop("checker_timeout", None)
    return TrainRequest(sources=names, options=settings, **known)


def _add_column(settings: dict[str, Any], column: str | Sequence[str] | None) -> None:
    if column is not None:
        if "columns" in settings:
            raise SettingsError("column and columns were both given; give one of them.")
        settings["columns"] = (column,) if isinstance(column, str) else tuple(column)


def _check_texts_once(
    names: Sequence[str],
    texts: Texts | None,
    validation: str | Path | None,
    validation_texts: Texts | None,
) -> None:
    """Raise SettingsError for texts that are given twice.

    Raises SourceError for a text in the place of a name.
    """
    if names and texts is not None:
        raise SettingsError("sources and texts were both given; give one of them.")
    if validation is not None and validation_texts is not None:
        raise SettingsError("validation and validation_texts were both given; give one of them.")
    for name in names:
        if looks_like_text(name):
            first_line = name.strip().partition("\n")[0]
            raise SourceError(
                f"the source is {first_line!r:.60}, which is no file; to train on texts in memory, "
                "pass texts=[...]."
            )


@contextlib.contextmanager
def _spooled(
    argument: str, texts: Texts | None, options: Mapping[str, Any]
) -> Iterator[SourceFile | None]:
    """Return the temporary file of texts in memory; None if there are none.

    The file exists within a context.
    """
    if texts is None:
        yield None
        return
    columns, label_column = options.get("columns", ()), options.get("label_column")
    with tempfile.TemporaryDirectory(prefix="charloom-", ignore_cleanup_errors=True) as folder:
        try:
            file = spool(
                texts,
                Path(folder, "texts.jsonl"),
                argument=argument,
                columns=columns,
                label_column=label_column,
            )
        except OSError as error:
            raise OutputError(
                f"{argument} cannot be written to {folder} ({error.strerror or error}): free some "
                "space, or set TMPDIR to a folder that can be written."
            ) from error
        yield file


def _model_or_folder(model: Model | str | Path) -> ModelRecord | Path:
    return model.record if isinstance(model, Model) else Path(model)
