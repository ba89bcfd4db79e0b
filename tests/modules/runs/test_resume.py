import dataclasses
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
    assert again.generate(seed=1) == model.generate(seed=1), "a finished run is returned"


def test_tensors_that_a_kill_left_of_a_finished_run_are_removed(source: Path, run: Path) -> None:
    """A checkpoint is removed with its state first, so a kill in between leaves the tensors."""
    checkpoint_folder = run / "checkpoint"
    (tensors,) = checkpoint_folder.glob("tensors-*")
    content = tensors.read_bytes()
    charloom.train(source, output=run, resume=True)
    assert not checkpoint_folder.exists()
    checkpoint_folder.mkdir()
    (checkpoint_folder / tensors.name).write_bytes(content)
    charloom.train(source, output=run, resume=True)
    assert not checkpoint_folder.exists()


@pytest.mark.parametrize(
    ("options", "difference"),
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
    source: Path, run: Path, options: dict[str, Any], difference: str
) -> None:
    before = {p.name: p.read_bytes() for p in run.iterdir() if p.is_file()}
    assert refused(source, run, **options) == (
        f"the run in {run} cannot be resumed with other settings: {difference}; leave out what "
        "differs, or start the run anew with --force."
    )
    assert before == {p.name: p.read_bytes() for p in run.iterdir() if p.is_file()}


def test_a_preset_is_compared_option_by_option(source: Path, run: Path) -> None:
    assert "hidden was 8 and is now 128" in refused(source, run, preset="lesson")
    assert refused(source, run, preset="x") == "preset is 'x'; there are: lesson."
    assert refused(source, run, hiden=8).startswith("there is no option 'hiden'; there are: ")


def test_other_texts_are_refused(source: Path, run: Path) -> None:
    source.write_text("\n".join([*LINES, "the end"]), "utf-8")
    message = refused(source, run)
    assert message.startswith(f"the texts are not those of the run in {run}: it was trained on ")
    assert message.endswith("; give the same texts as before, or start the run anew with --force.")
    assert ", and now there are " in message
    source.write_text("\n".join([*LINES]).replace("dog", "dig"), "utf-8")
    assert f"{run}: there are as many, but they differ; give" in refused(source, run)


def test_another_validation_file_is_refused(source: Path, tmp_path: Path) -> None:
    held_out, path = tmp_path / "held-out.txt", tmp_path / "m"
    held_out.write_text("the cat as the x\nthe fox\n", "utf-8")
    train(source, output=path, validation=held_out, listeners=[stop], steps=9, **SMALL)
    held_out.write_text("the cat as the x\nthe fix\n", "utf-8")
    assert refused(source, path) == (
        f"the validation texts are not those of the run in {path}; "
        "give the same texts as before, or start the run anew with --force."
    )
    held_out.write_text("the cat as the x\nthe fox\n", "utf-8")
    train(source, output=path, resume=True)


def test_a_model_without_a_checkpoint_is_refused(source: Path, run: Path, tmp_path: Path) -> None:
    Model.load(run).save(tmp_path / "copy")
    assert refused(source, tmp_path / "copy").startswith(
        f"there is no checkpoint in {tmp_path / 'copy'}, so there is nothing to resume; "
    )


def test_contradicting_save_options_are_refused(source: Path, tmp_path: Path) -> None:
    assert refused(source, tmp_path / "m", force=True) == (
        "--force and --resume contradict each other: one replaces the run, the other continues it; "
        "give one of them."
    )
    cases: list[tuple[dict[str, Any], str]] = [
        ({"resume": True}, "--resume"),
        ({"checkpoint_seconds": 1}, "--checkpoint-seconds"),
    ]
    for options, name in cases:
        with pytest.raises(SettingsError) as caught:
            train(source, **options)
        assert str(caught.value) == (
            f"{name} needs a model folder: add --output RUN, or drop {name}."
        )
    for value, message in (
        (-1, "checkpoint-seconds is -1; it must be a number of at least 0."),
        ("x", "checkpoint-seconds is 'x'; allowed: a number."),
    ):
        with pytest.raises(SettingsError) as caught:
            train(source, output=tmp_path / "m", checkpoint_seconds=value)  # type: ignore[arg-type]
        assert str(caught.value) == message


def change_checkpoint(run: Path, **changes: Any) -> None:
    """Replace fields of the description of the run in its checkpoint."""
    saved = checkpoint.read(run / "checkpoint")
    changed = dataclasses.replace(saved, run={**saved.run, **changes})
    checkpoint.write(run / "checkpoint", changed)


def test_the_plan_notes_that_the_machine_changed(source: Path, run: Path) -> None:
    machine = checkpoint.read(run / "checkpoint").run["machine"]
    change_checkpoint(run, machine=machine | {"threads": 64})
    plans: list[Plan] = []
    train(source, output=run, resume=True, on_start=plans.append)
    first, second = plans[0].notes
    assert first.startswith("the run resumes after step 3 (epoch 1, 0:0")
    assert second == (
        f"threads was 64 and is now {machine['threads']}: the weights will not be, bit for bit, "
        "those of a run that was never stopped."
    )


def test_a_checkpoint_with_unknown_settings_is_refused(source: Path, run: Path) -> None:
    training = checkpoint.read(run / "checkpoint").run["training"]
    change_checkpoint(run, training={**training, "new": 1})
    message = refused(source, run)
    assert message.startswith(f"the run in {run} was started by charloom ")
    assert "which has other settings than this one (unknown setting 'new'; known: " in message
    assert message.endswith("; resume it with that version, or start it anew with --force.")


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
    message = str(caught.value)
    assert any(where in message for where in (" at step 14; ", " by step 13; ", " at step 13; "))
    assert message.endswith(
        f"try a smaller --lr, or --precision fp32; earlier weights are saved in {path}."
    )
    assert Model.load(path).record.metrics["step"] <= 13
    assert Model.load(path).generate(n=2)
    saved = checkpoint.read(path / "checkpoint")
    state = unpack(saved.state, saved.tensors)
    assert all_finite(state)
    assert state["trainer"]["counters"]["step"] in (12, 13)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGUSR1")
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


def test_a_finished_run_is_not_resumed_with_other_texts(
    source: Path, run: Path, tmp_path: Path
) -> None:
    charloom.train(source, output=run, resume=True)
    missing = tmp_path / "missing.txt"
    assert refused(missing, run).startswith(f"no file, folder, glob or corpus is named '{missing}'")
    other = tmp_path / "other.txt"
    other.write_text("other texts\nof two lines\n", encoding="utf-8")
    texts = (
        f"the run in {run} has other training or validation texts than those given now; give the "
        "same, another folder with --output, or start the run anew with --force."
    )
    assert refused(other, run) == texts
    assert refused(source, run, validation=other) == texts
    copy = tmp_path / "copy.txt"
    copy.write_bytes(source.read_bytes())
    charloom.train(copy, output=run, resume=True)


def test_a_finished_run_cannot_keep_its_optimizer_later(source: Path, run: Path) -> None:
    charloom.train(source, output=run, resume=True)
    assert refused(source, run, keep_optimizer=True) == (
        f"the run in {run} cannot be resumed with other settings: keep-optimizer was off and is "
        "now on; leave out what differs, or start the run anew with --force."
    )
