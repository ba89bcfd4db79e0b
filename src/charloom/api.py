"""The public function that trains a model."""

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from charloom.data.source_file import SourceFile
from charloom.data.spool import looks_like_text, spool
from charloom.errors import OutputError, SettingsError, SourceError
from charloom.events import Listener
from charloom.model import Model
from charloom.model_folder.format import ModelRecord
from charloom.runs.extend import extend_request
from charloom.runs.plan import Plan
from charloom.runs.request import Sources, TrainRequest, source_names
from charloom.runs.train import train_model

Texts = Iterable[Any]
"""Texts in memory; see ``train``."""


def train(
    sources: Sources = (),
    *,
    texts: Texts | None = None,
    validation_texts: Texts | None = None,
    column: str | Sequence[str] | None = None,
    base: Model | str | Path | None = None,
    extend: Model | str | Path | None = None,
    output: str | Path | None = None,
    validation: str | Path | None = None,
    preset: str | None = None,
    force: bool = False,
    resume: bool = False,
    checkpoint_seconds: float | None = None,
    log: str | None = None,
    listeners: Sequence[Listener] = (),
    on_start: Callable[[Plan], None] | None = None,
    on_read: Callable[[int, int], None] | None = None,
    **options: Any,
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
        output: The model folder to create. Without one the model stays in memory.
        validation: A file of validation texts. Otherwise a fraction of the documents is set aside.
        preset: The name of a set of settings.
        force: Replace the model in ``output``.
        resume: Continue the run in ``output`` after its last checkpoint, however it ended. Settings
            left out are those of the run. Of a run that has used its budget, return the model.
        checkpoint_seconds: Seconds between two checkpoints in ``output``; 30 if left out.
        log: ``"tensorboard"`` also writes event files for TensorBoard into ``output``.
        listeners: Called with every event, in turn and between two steps. A Validation comes after
            the best weights are saved. A listener that raises gets no more events, and the run
            stops as with Ctrl-C. Its exception is raised after everything is saved.
        on_start: Called with the plan before the first step.
        on_read: Called while sources are read for the first time, with the bytes read since the
            last call and the bytes of all sources.
        **options: Fields of TextSettings, NetworkSettings and TrainingSettings. Settings left out
            are chosen from the corpus, the budget and a short benchmark of the machine.

    Ctrl-C stops after the current step, validates and saves everything. A second one leaves out the
    validation. SIGTERM and SIGHUP do the same, and have their previous effect afterwards. SIGUSR1
    validates, writes samples and saves after the current step.

    Under torchrun, several processes train one model. Each calls this function with the same
    arguments and its own listeners. Only process 0 uses ``output``; all return the same model.

    Raises a subclass of CharloomError for every mistake that a user can correct.
    """
    if column is not None:
        if "columns" in options:
            raise SettingsError("column and columns were both given; give one of them.")
        options["columns"] = (column,) if isinstance(column, str) else tuple(column)
    names = source_names(sources)
    _check_source_names(names, texts, validation, validation_texts)
    request = TrainRequest(
        sources=names,
        options=options,
        output=None if output is None else Path(output),
        validation=None if validation is None else str(validation),
        preset=preset,
        force=force,
        resume=resume,
        checkpoint_seconds=checkpoint_seconds,
        log=log,
        listeners=tuple(listeners),
        on_start=on_start,
        on_read=on_read,
        base=None if base is None else _model_or_folder(base),
    )
    if extend is not None:
        request = extend_request(request, _model_or_folder(extend))
    with (
        _spooled("texts", texts, options) as spooled,
        _spooled("validation_texts", validation_texts, options) as held_out,
    ):
        return train_model(dataclasses.replace(request, texts=spooled, validation_texts=held_out))


def _check_source_names(
    names: Sequence[str],
    texts: Texts | None,
    validation: str | Path | None,
    validation_texts: Texts | None,
) -> None:
    """Raise SettingsError for texts given twice, SourceError for a text in the place of a name."""
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
    """Return the temporary file of texts in memory within a context; None if there are none."""
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
