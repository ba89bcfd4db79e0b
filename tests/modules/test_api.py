import asyncio
import copy
import inspect
import json
import pickle
import re
import signal
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from displays import RecordingNotebook, check_is_safe

import charloom
from charloom import api
from charloom.errors import OutputError, ResumeError, SettingsError, SourceError
from charloom.events import Event, Step, Stopped
from charloom.model import Model
from charloom.progress import notebook_view
from charloom.runs.plan import Plan
from charloom.runs.request import TrainRequest
from charloom.runs.spec import RunSpec
from charloom.runs.train_options import RunOptions


def ignore(event: Event) -> None:
    pass


def test_train_passes_every_argument_on(monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[TrainRequest] = []

    def record(request: TrainRequest, spec: RunSpec | None = None) -> None:
        requests.append(request)

    monkeypatch.setattr(api, "train_model", record)
    charloom.train(
        ["a.txt", Path("b.txt")],
        output="runs/m",
        validation=Path("v.txt"),
        preset="lesson",
        force=True,
        resume=True,
        checkpoint_seconds=2,
        log="tensorboard",
        listeners=[ignore],
        on_start=print,
        on_read=print,
        hidden=3,
        seed=4,
    )
    assert requests == [
        TrainRequest(
            sources=("a.txt", "b.txt"),
            options={"hidden": 3, "seed": 4},
            output=Path("runs/m"),
            validation="v.txt",
            preset="lesson",
            force=True,
            resume=True,
            checkpoint_seconds=2,
            log="tensorboard",
            listeners=(ignore,),
            on_start=print,
            on_read=print,
        )
    ]


def test_train_has_an_argument_for_every_field_of_a_request() -> None:
    arguments = {*inspect.signature(charloom.train).parameters, *RunOptions.__annotations__}
    # They become fields of others: columns, the base with its texts, the listeners, the checker.
    # A request to extend a run has its base, and the mark that it extends.
    fields = {*inspect.signature(TrainRequest).parameters} - {"extends"}
    assert arguments - {"column", "extend", "progress", "checker_timeout"} == fields


def test_the_public_names_are_those_of_the_modules() -> None:
    assert charloom.train is api.train
    assert charloom.Model is Model


COLOURS = [f"{a} {b}" for a in ("red", "blue", "green") for b in ("sea", "tree", "bee", "hill")]
QUICK: dict[str, Any] = {"steps": 3, "hidden": 8, "input": 8, "precision": "fp32"}


def test_texts_in_memory_train_the_model_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(map(json.dumps, COLOURS)), "utf-8")
    of_file = charloom.train(path, **QUICK)
    of_list = charloom.train(texts=iter(COLOURS), output=tmp_path / "m", **QUICK)
    for name, tensor in of_file.record.tensors.items():
        assert np.array_equal(of_list.record.tensors[name], tensor), name
    assert of_list.record.provenance["sources"] == []
    again = charloom.train(texts=COLOURS, output=tmp_path / "m", resume=True, **QUICK)
    assert again.record.metrics == of_list.record.metrics
    with pytest.raises(ResumeError, match="has other training or validation texts"):
        charloom.train(texts=COLOURS[:5], output=tmp_path / "m", resume=True, **QUICK)


def test_pairs_of_text_and_label_train_labels() -> None:
    held_out = [("red bee", "warm"), ("blue bee", "cold")]
    pairs = [(text, "warm" if text < "c" else "cold") for text in COLOURS]
    made = charloom.train(texts=pairs, validation_texts=held_out, **QUICK)
    assert made.record.labels == ("cold", "warm")
    assert made.record.metrics["validation_documents"] == 2


def test_a_column_of_a_table(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["id,name", *(f"{n},{t}" for n, t in enumerate(COLOURS))]), "utf-8")
    assert charloom.train(path, column="name", **QUICK).record.text.columns == ("name",)
    with pytest.raises(SettingsError, match="^column and columns were both given"):
        charloom.train(path, column="name", columns=("name",))


def test_a_trained_model_is_pickled_and_copied() -> None:
    made = charloom.train(texts=COLOURS, **QUICK)
    expected = made.generate(n=3, seed=1, length=12, novel=True)
    for again in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert again.generate(n=3, seed=1, length=12, novel=True) == expected
        assert again.score(COLOURS) == made.score(COLOURS)
        index, again_index = made.record.document_index, again.record.document_index
        assert index is not None and again_index is not None
        assert all(text in again_index for text in COLOURS) and again_index.packed == index.packed


def test_numbers_of_numpy_are_numbers() -> None:
    options = QUICK | {"steps": np.int64(2), "hidden": np.int32(8), "dropout": np.float32(0.25)}
    options["temperatures"] = np.array([0.0, 1.0])
    made = charloom.train(texts=COLOURS, **options)
    assert (made.record.training.steps, made.record.network.dropout) == (2, 0.25)
    assert made.record.training.temperatures == (0.0, 1.0)
    drawn: dict[str, Any] = {"seed": np.int64(3), "length": np.int16(5)}
    assert len(made.generate(**drawn)[0]) <= 5


def test_texts_and_bases_may_be_given_once_only(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        charloom.train("a.txt", texts=["a"])
    assert str(error.value) == "sources and texts were both given; give one of them."
    with pytest.raises(SettingsError) as error:
        charloom.train(texts=["a"], extend=tmp_path)
    assert str(error.value) == (
        "extend was given with texts, and a run is extended on its own; leave them out, or start "
        "from the model with base=."
    )
    with pytest.raises(SettingsError) as error:
        charloom.train("a.txt", validation="v.txt", validation_texts=["a"])
    assert str(error.value) == (
        "validation and validation_texts were both given; give one of them."
    )


def test_a_text_in_the_place_of_a_name_is_recognised() -> None:
    with pytest.raises(SourceError) as error:
        charloom.train("To be, or not to be, that is the question:\nWhether 'tis nobler")
    assert str(error.value) == (
        "the source is 'To be, or not to be, that is the question:', which is no file; to train on "
        "texts in memory, pass texts=[...]."
    )


def test_a_full_disk_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(api, "spool", full)
    with pytest.raises(OutputError) as error:
        charloom.train(texts=["a"])
    assert re.fullmatch(
        r"texts cannot be written to \S+ \(No space left on device\): free some space, or set "
        r"TMPDIR to a folder that can be written\.",
        str(error.value),
    )


def show_in(monkeypatch: pytest.MonkeyPatch, notebook: RecordingNotebook) -> None:
    monkeypatch.setattr(notebook_view, "find_notebook", lambda: notebook)


def test_a_run_is_shown_and_the_callbacks_of_the_caller_are_called(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    notebook = RecordingNotebook()
    show_in(monkeypatch, notebook)
    events: list[Event] = []
    plans: list[Plan] = []
    read: list[int] = []
    source = tmp_path / "colours.txt"
    source.write_text("\n".join([*COLOURS, "black sea"]), "utf-8")
    made = charloom.train(
        source,
        listeners=[events.append],
        on_start=plans.append,
        on_read=lambda size, total: read.append(size),
        **QUICK,
    )
    assert len(plans) == 1
    assert sum(read) == source.stat().st_size
    assert isinstance(events[-1], Stopped)
    bits = made.record.metrics["bits_per_character"]
    assert f"best {bits:.3f}" in notebook.text
    assert notebook.text.startswith("Trained 0:")
    check_is_safe(notebook.html)


def test_progress_false_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = RecordingNotebook()
    show_in(monkeypatch, notebook)
    charloom.train(texts=COLOURS, progress=False, **QUICK)
    assert notebook.displays == []


def test_a_script_is_silent_by_default(capfd: pytest.CaptureFixture[str]) -> None:
    charloom.train(texts=COLOURS, **QUICK)
    assert capfd.readouterr() == ("", "")
    charloom.train(texts=COLOURS, progress=True, **QUICK)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "epoch 1, validation" in captured.err


def test_two_runs_at_once_in_threads_have_a_display_each(monkeypatch: pytest.MonkeyPatch) -> None:
    notebooks = {width: RecordingNotebook() for width in (8, 9)}
    found = iter(notebooks.values())
    monkeypatch.setattr(notebook_view, "find_notebook", lambda: next(found))
    before = signal.getsignal(signal.SIGINT)

    async def train_both() -> list[Model]:
        runs = [
            asyncio.to_thread(charloom.train, texts=COLOURS, **QUICK | {"hidden": hidden})
            for hidden in notebooks
        ]
        return await asyncio.gather(*runs)

    models = asyncio.run(train_both())
    assert signal.getsignal(signal.SIGINT) is before
    for made, hidden in zip(models, notebooks, strict=True):
        alone = charloom.train(texts=COLOURS, progress=False, **QUICK | {"hidden": hidden})
        assert made.record.metrics["bits_per_character"] == pytest.approx(
            alone.record.metrics["bits_per_character"]
        )
    shown = {re.findall(r"1 layer of (\d)", notebook.html)[0] for notebook in notebooks.values()}
    assert shown == {"8", "9"}
    for notebook in notebooks.values():
        assert notebook.threads.isdisjoint({threading.get_ident()})
        assert notebook.text.startswith("Trained 0:")


def test_an_interrupted_run_returns_its_model_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    notebook = RecordingNotebook()
    show_in(monkeypatch, notebook)

    def interrupt(event: Event) -> None:
        if isinstance(event, Step) and event.step == 5:
            signal.raise_signal(signal.SIGINT)

    options = QUICK | {"steps": 12}
    made = charloom.train(texts=COLOURS, listeners=[interrupt], **options)
    assert made.record.metrics["step"] == 5
    assert made.history.stop_reason == "interrupted"
    assert notebook.text.startswith("Interrupted 0:")
    assert notebook.text.splitlines()[-1].endswith(
        "are returned. A run with output= can be resumed."
    )

    path = tmp_path / "m"
    charloom.train(texts=COLOURS, output=path, listeners=[interrupt], **options)
    assert notebook.text.splitlines()[-1] == (
        f"Resume: the same call of charloom.train with output={str(path)!r}, resume=True"
    )
    resumed = charloom.train(texts=COLOURS, output=path, resume=True, **options)
    whole = charloom.train(texts=COLOURS, **options)
    assert resumed.history.stop_reason == "budget"
    for name, tensor in whole.record.tensors.items():
        assert np.array_equal(resumed.record.tensors[name], tensor), name


def test_an_interruption_before_the_first_step_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    notebook = RecordingNotebook()
    show_in(monkeypatch, notebook)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def interrupt(size: int, total: int) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        charloom.train(
            texts=[*COLOURS, "white sea"],
            output=tmp_path / "runs" / "m",
            on_read=interrupt,
            **QUICK,
        )
    assert list(temporary.iterdir()) == []
    assert list(tmp_path.iterdir()) == [temporary]
    assert not notebook.displays or notebook.text.startswith("Stopped by KeyboardInterrupt")


@pytest.mark.parametrize("progress", ["bar", 1, print])
def test_an_invalid_progress_is_refused(progress: Any) -> None:
    with pytest.raises(SettingsError) as error:
        charloom.train(texts=COLOURS, progress=progress)
    assert str(error.value) == (
        f"progress is {progress!r:.80}; it must be True, False or None: for a function that is "
        "called with the events of the run, pass listeners=[...]."
    )


def test_a_time_of_a_checker_without_a_checker_is_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        charloom.train(texts=["ab"], checker_timeout=5)
    assert str(caught.value) == ("checker_timeout was given without a checker; give that too.")


def test_the_folder_of_a_trained_model_is_found_after_changing_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = charloom.train(texts=COLOURS, output="m", **QUICK)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert model.history.stop_reason == "budget"
