"""Each run of a comparison equals that of train alone; finished runs are not repeated."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

import charloom
from charloom.errors import ResumeError, SettingsError, SourceError
from charloom.events import Event, Step
from charloom.model_folder.format import METRICS
from charloom.runs.compare import Comparison, RunInterrupted, grid_trials

LINES = [f"line {k} of a story, {k * k}" for k in range(60)]
OPTIONS: dict[str, Any] = {"steps": 4, "device": "cpu", "dropout": 0.0}
GRID: dict[str, list[Any]] = {"hidden": [6, 4], "cell": ["gru", "rnn"]}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(LINES), "utf-8")
    return path


def test_a_grid_has_one_trial_per_combination() -> None:
    made = grid_trials({"hidden": [64, 128], "layers": [1, 2], "cell": ["lstm"]})
    assert [(trial.name, trial.number, trial.count) for trial in made] == [
        ("lstm-1-layer-64-units", 1, 4),
        ("lstm-1-layer-128-units", 2, 4),
        ("lstm-2-layers-64-units", 3, 4),
        ("lstm-2-layers-128-units", 4, 4),
    ]
    assert made[2].options == {"cell": "lstm", "layers": 2, "hidden": 64}
    assert len(grid_trials({"cell": ["gru", "gru"]})) == 1


@pytest.mark.parametrize(
    ("grid", "named"), [({"window": [1]}, "window"), ({"cell": []}, "an empty list")]
)
def test_an_unknown_or_empty_axis_is_refused(grid: dict[str, list[Any]], named: str) -> None:
    with pytest.raises(SettingsError) as error:
        grid_trials(grid)
    assert str(error.value) == (
        f"{named} cannot be compared; give one or more of cell, layers, hidden, each with its "
        "values."
    )


def test_each_result_equals_that_of_train_alone(tmp_path: Path, source: Path) -> None:
    test = tmp_path / "test.txt"
    test.write_text("line 3 and 4\na story\n", "utf-8")
    made = Comparison(source, GRID, output=tmp_path / "c", test=test, **OPTIONS)
    results = [made.run(trial) for trial in made.trials]
    assert results == made.results
    for result, trial in zip(results, made.trials, strict=True):
        alone = charloom.train(source, **OPTIONS, **trial.options)
        kept = charloom.load(tmp_path / "c" / trial.name)
        assert result.validation == alone.record.metrics["bits_per_character"]
        assert kept.record.metrics["bits_per_character"] == result.validation
        assert result.test == alone.bits_per_character(["line 3 and 4", "a story"])
        assert result.parameters == sum(t.size for t in alone.record.tensors.values())
        training = alone.record.metrics["training_bits_per_character"]
        assert result.gap == pytest.approx(result.validation - training)
        assert (result.cell, result.hidden, result.layers) == (
            trial.options["cell"],
            trial.options["hidden"],
            1,
        )
        assert result.writing_rate > 0
    table = json.loads((tmp_path / "c" / "comparison.json").read_text("utf-8"))
    assert table == [one.to_json() for one in results]


def test_finished_runs_are_not_repeated(tmp_path: Path, source: Path) -> None:
    first = Comparison(source, GRID, output=tmp_path / "c", **OPTIONS)
    before = [first.run(trial) for trial in first.trials]
    written = {path: path.read_bytes() for path in (tmp_path / "c").glob(f"*/{METRICS}")}
    assert len(written) == 4
    again = Comparison(source, GRID, output=tmp_path / "c", **OPTIONS)
    steps: list[Event] = []
    after = [again.run(trial, listeners=[steps.append]) for trial in again.trials]
    assert steps == []
    assert {path: path.read_bytes() for path in written} == written
    assert [one.validation for one in after] == [one.validation for one in before]


def test_other_settings_are_refused(tmp_path: Path, source: Path) -> None:
    first = Comparison(source, GRID, output=tmp_path / "c", **OPTIONS)
    first.run(first.trials[0])
    other = Comparison(source, GRID, output=tmp_path / "c", **OPTIONS | {"steps": 5})
    with pytest.raises(ResumeError, match="steps"):
        other.run(other.trials[0])


def test_a_finished_run_of_other_texts_is_refused(tmp_path: Path, source: Path) -> None:
    first = Comparison(source, GRID, output=tmp_path / "c", **OPTIONS)
    first.run(first.trials[0])
    held_out = tmp_path / "held-out.txt"
    held_out.write_text("another story\nof other lines\n", "utf-8")
    others = [
        Comparison(source, GRID, output=tmp_path / "c", validation=held_out, **OPTIONS),
        Comparison(held_out, GRID, output=tmp_path / "c", **OPTIONS),
    ]
    for other in others:
        with pytest.raises(ResumeError) as error:
            other.run(other.trials[0])
        assert str(error.value) == (
            f"the run in {tmp_path / 'c' / other.trials[0].name} has other training or validation "
            "texts than those given now; give the same, another folder with --output, or start "
            "the run anew with --force."
        )


@pytest.mark.parametrize("given", [{"sources": "-"}, {"validation": "-"}, {"test": "-"}])
def test_standard_input_is_refused(tmp_path: Path, source: Path, given: dict[str, str]) -> None:
    options: dict[str, Any] = {"sources": source, "grid": GRID, "output": tmp_path / "c"} | given
    with pytest.raises(SettingsError) as error:
        Comparison(**options)
    assert str(error.value) == (
        "standard input can be read only once, but each run reads the texts; save them to a file, "
        "and name that."
    )


def test_test_texts_are_checked_before_training(tmp_path: Path, source: Path) -> None:
    made = Comparison(source, GRID, output=tmp_path / "c", test=tmp_path / "none", **OPTIONS)
    with pytest.raises(SourceError, match="none"):
        made.run(made.trials[0])
    assert not (tmp_path / "c").exists()


def test_the_test_metric_can_be_added_later(tmp_path: Path, source: Path) -> None:
    first = Comparison(source, GRID, output=tmp_path / "c", **OPTIONS)
    result = first.run(first.trials[0])
    later = Comparison(source, GRID, output=tmp_path / "c", test=source, **OPTIONS)
    assert result.test is None
    tested = later.with_test_metric(result)
    assert tested.test == charloom.load(tmp_path / "c" / result.name).bits_per_character(LINES)
    assert later.with_test_metric(tested) == tested
    assert first.with_test_metric(result) == result
    elsewhere = dataclasses.replace(result, name="elsewhere")
    assert later.with_test_metric(elsewhere) == elsewhere


def test_an_interrupted_run_is_resumed(tmp_path: Path, source: Path) -> None:
    """Ctrl-C saves the model and the state of the run."""
    first = Comparison(source, GRID, output=tmp_path / "c", **OPTIONS)

    def interrupt(event: Event) -> None:
        if isinstance(event, Step) and event.step == 2:
            import _thread

            _thread.interrupt_main()

    with pytest.raises(RunInterrupted):
        first.run(first.trials[0], listeners=[interrupt])
    assert first.results == []
    again = Comparison(source, GRID, output=tmp_path / "c", **OPTIONS)
    steps: list[int] = []
    result = again.run(
        again.trials[0],
        listeners=[lambda event: steps.append(event.step) if isinstance(event, Step) else None],
    )
    assert steps[0] > 1
    assert steps[-1] == 4
    alone = charloom.train(source, **OPTIONS, **again.trials[0].options)
    assert result.validation == alone.record.metrics["bits_per_character"]


def test_settings_are_checked_before_any_run(tmp_path: Path, source: Path) -> None:
    with pytest.raises(SettingsError, match="hidden is 0"):
        Comparison(source, {"hidden": [4, 0]}, output=tmp_path / "c", **OPTIONS)
    assert not (tmp_path / "c").exists()
