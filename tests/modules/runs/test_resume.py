import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

import charloom
from charloom.api import train
from charloom.errors import CharloomError, SettingsError, TrainingError
from charloom.events import Event, Sample, Step, Validation
from charloom.model import Model
from charloom.model_folder import checkpoint
from charloom.runs.plan import Plan
from charloom.training.state_codec import all_finite, unpack

LINES = [f"the {a} {b}s the {c}" for a in ("cat", "dog", "cow") for b in "abcd" for c in "xyz"]
SMALL: dict[str, Any] = {
    "dropout": 0.0,
    "hidden": 8,
    "input": 4,
    "batch_size": 4,
    "device": "cpu",
    "learning_rate": 0.006,
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(LINES), encoding="utf-8")
    return path


def stop(event: Event) -> None:
    if isinstance(event, Step) and event.step == 3:
        signal.raise_signal(signal.SIGINT)


@pytest.fixture
def run(source: Path, tmp_path: Path) -> Path:
    """Return the folder of a run that was stopped after three of nine steps."""
    path = tmp_path / "m"
    train(source, output=path, listeners=[stop], steps=9, prompts=("the ",), **SMALL)
    return path


def refused(source: Path, run: Path, **options: Any) -> str:
    with pytest.raises(CharloomError) as caught:
        train(source, output=run, resume=True, **options)
    return str(caught.value)


def test_unchanged_options_are_accepted(source: Path, run: Path) -> None:
    options = {**SMALL, "prompts": ["the "], "steps": 9, "seed": 0, "layers": 1}
    model = charloom.train(source, output=run, resume=True, **options)
    assert model.record.training.steps == 9
    again = charloom.train(source, output=run, resume=True)
    assert again.generate(seed=1) == model.generate(seed=1), "what is finished is returned"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"learning_rate": 0.5}, "lr was 0.006 and is now 0.5"),
        ({"minutes": 2}, "the budget was 9 steps and is now 2 minutes"),
        ({"steps": 10}, "the budget was 9 steps and is now 10 steps"),
        ({"columns": ("1", "2")}, "columns was none and is now '1', '2'"),
        ({"label_column": "x"}, "label-column was not given and is now 'x'"),
        ({"index": False}, "index was on and is now off"),
        ({"prompts": ("a",)}, "prompts was 'the ' and is now 'a'"),
        ({"validation": "v.txt"}, "valid was not given and is now v.txt"),
        ({"cell": "gru", "seed": 3}, "cell was 'lstm' and is now 'gru'; seed was 0 and is now 3"),
    ],
)
def test_other_settings_are_refused_by_name(
    source: Path, run: Path, options: dict[str, Any], told: str
) -> None:
    before = {p.name: p.read_bytes() for p in run.iterdir() if p.is_file()}
    assert refused(source, run, **options) == (
        f"the run in {run} cannot go on with other settings: {told}; leave out what differs, or "
        "begin the run anew with --force."
    )
    assert before == {p.name: p.read_bytes() for p in run.iterdir() if p.is_file()}


def test_a_preset_is_compared_option_by_option(source: Path, run: Path) -> None:
    assert "hidden was 8 and is now 128" in refused(source, run, preset="lesson")
    assert refused(source, run, preset="x") == "preset is 'x'; there are: lesson."
    assert refused(source, run, hiden=8).startswith("there is no option 'hiden'; there are: ")


def test_other_texts_are_refused(source: Path, run: Path) -> None:
    source.write_text("\n".join([*LINES, "the end"]), "utf-8")
    told = refused(source, run)
    assert told.startswith(f"the texts are not those of the run in {run}: it learned from ")
    assert told.endswith("; give the same texts as before, or begin the run anew with --force.")
    assert ", now there are " in told
    source.write_text("\n".join([*LINES]).replace("dog", "dig"), "utf-8")
    assert f"{run}: it learned from as many, but they differ; give" in refused(source, run)


def test_another_validation_file_is_refused(source: Path, tmp_path: Path) -> None:
    own, path = tmp_path / "own.txt", tmp_path / "m"
    own.write_text("the cat as the x\nthe fox\n", "utf-8")
    train(source, output=path, validation=own, listeners=[stop], steps=9, **SMALL)
    own.write_text("the cat as the x\nthe fix\n", "utf-8")
    assert refused(source, path) == (
        f"the validation texts are not those of the run in {path}; "
        "give the same texts as before, or begin the run anew with --force."
    )
    own.write_text("the cat as the x\nthe fox\n", "utf-8")
    train(source, output=path, resume=True)


def test_a_model_without_a_checkpoint_is_refused(source: Path, run: Path, tmp_path: Path) -> None:
    Model.load(run).save(tmp_path / "copy")
    assert refused(source, tmp_path / "copy").startswith(
        f"there is no checkpoint in {tmp_path / 'copy'}, so there is nothing to resume; "
    )


def test_contradicting_save_options_are_refused(source: Path, tmp_path: Path) -> None:
    assert refused(source, tmp_path / "m", force=True) == (
        "--force and --resume contradict each other: a run is begun anew or goes on; "
        "give one of them."
    )
    for options, name in (({"resume": True}, "resume"), ({"checkpoint_seconds": 1}, None)):
        with pytest.raises(SettingsError) as caught:
            train(source, **options)
        assert str(caught.value) == (
            f"{name or 'checkpoint-seconds'} was given without a model folder, where alone a run "
            "is saved; name one with output, or leave it out."
        )
    for value, told in (
        (-1, "checkpoint-seconds is -1; it must be a number of at least 0."),
        ("x", "checkpoint-seconds is 'x'; allowed: a number."),
    ):
        with pytest.raises(SettingsError) as caught:
            train(source, output=tmp_path / "m", checkpoint_seconds=value)  # type: ignore[arg-type]
        assert str(caught.value) == told


def test_the_plan_notes_that_the_machine_changed(
    source: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from charloom.training.data_parallel import DataParallel

    monkeypatch.setattr(DataParallel, "total_threads", 64)
    plans: list[Plan] = []
    train(source, output=run, resume=True, on_start=plans.append)
    first, second = plans[0].notes
    assert first.startswith("the run goes on after step 3 (epoch 1, 0:0")
    assert second == (
        "threads was 1 and is now 64: the weights will not be, bit for bit, those of a run that "
        "was never stopped."
    )


def test_a_checkpoint_with_unknown_settings_is_refused(
    source: Path, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = checkpoint.read(run / "checkpoint")
    training = {**found.run["training"], "new": 1}
    changed = checkpoint.Checkpoint(
        run={**found.run, "training": training}, state=found.state, tensors=found.tensors
    )
    checkpoint.write(run / "checkpoint", changed)
    told = refused(source, run)
    assert told.startswith(f"the run in {run} was begun by charloom ")
    assert "which has other settings than this one (unknown setting 'new'; known: " in told
    assert told.endswith("; go on with that version, or begin the run anew with --force.")


def test_an_infinite_loss_keeps_the_last_finite_state(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "m"

    def spoil(event: Event) -> None:
        if isinstance(event, Step) and event.step == 12:
            assert (path / "checkpoint" / "state.json").is_file()
            raise_rate()

    def raise_rate() -> None:
        from charloom.training import trainer

        monkeypatch.setattr(trainer, "learning_rate", lambda settings, progress: 1e38)

    with pytest.MonkeyPatch.context() as monkeypatch, pytest.raises(TrainingError) as caught:
        options = {**SMALL, "optimizer": "sgd", "epochs": 9, "checkpoint_seconds": 0}
        train(source, output=path, listeners=[spoil], **options)
    told = str(caught.value)
    assert " at step 14; " in told or " by step 13; " in told or " at step 13; " in told
    assert told.endswith(
        f"try a smaller --lr, or --precision fp32; what was kept before is in {path}."
    )
    assert Model.load(path).record.metrics["step"] <= 13
    assert Model.load(path).generate(n=2)
    kept = checkpoint.read(path / "checkpoint")
    state = unpack(kept.state, kept.tensors)
    assert all_finite(state)
    assert state["trainer"]["counters"]["step"] in (12, 13)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_sigusr1_validates_samples_and_saves_after_the_step(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "m"
    events: list[Event] = []
    saved: list[int] = []

    def listen(event: Event) -> None:
        events.append(event)
        if isinstance(event, Step) and event.step == 5:
            signal.raise_signal(signal.SIGUSR1)
        if isinstance(event, Step) and event.step == 6:
            state = json.loads((path / "checkpoint" / "state.json").read_bytes())["state"]
            saved.append(state["trainer"]["counters"]["step"])

    before = signal.getsignal(signal.SIGUSR1)
    train(source, output=path, listeners=[listen], steps=7, **SMALL)
    assert [e.step for e in events if isinstance(e, Validation)] == [5, 7]
    assert {e.step for e in events if isinstance(e, Sample)} == {5, 7}
    assert saved == [5]
    assert signal.getsignal(signal.SIGUSR1) is before
