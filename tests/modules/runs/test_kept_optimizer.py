"""A longer run takes the first step of an optimizer that was never stopped."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from records import folder

import charloom
from charloom.errors import SettingsError
from charloom.events import Event, Validation
from charloom.model_folder.optimizer_file import OPTIMIZER, read_optimizer
from charloom.runs.plan import Plan

TEXTS = [f"{a} {b}" for a in ("red", "blue", "green", "grey") for b in ("sea", "tree", "bee")]
KEPT = "the optimizer starts from the moments that the run before it has kept."
OPTIONS: dict[str, Any] = {
    "min_count": 1,
    "hidden": 12,
    "input": 6,
    "layers": 2,
    "precision": "fp32",
    "device": "cpu",
    "schedule": "constant",
    "average": False,
    "dropout": 0.0,
    "batch_size": 64,
    "temperatures": [],
}
"""Each epoch is one minibatch of all texts, whose order matters for rounding only."""
RATES = {"muon": 0.003, "adamw": 0.002, "rmsprop": 0.001, "sgd": 0.05}
EPOCHS = 7
"""Not a multiple of the steps after which Muon changes a matrix."""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(TEXTS), "utf-8")
    return path


def difference(first: charloom.Model, second: charloom.Model) -> float:
    ours, theirs = first.record.tensors, second.record.tensors
    return max(float(np.abs(ours[name] - theirs[name]).max()) for name in ours)


@pytest.mark.parametrize("optimizer", RATES)
def test_the_first_step_is_that_of_an_uninterrupted_run(
    optimizer: Any, source: Path, tmp_path: Path
) -> None:
    """One run of eight steps is the oracle of a run of seven and a longer one of one step."""
    options = OPTIONS | {"optimizer": optimizer, "learning_rate": RATES[optimizer]}
    if optimizer in ("muon", "adamw"):
        options["weight_decay"] = 0.05
    same: dict[str, Any] = {"learning_rate": RATES[optimizer], "batch_size": 64}
    same |= {"weight_decay": 0.05} if "weight_decay" in options else {}
    whole = charloom.train(source, epochs=EPOCHS + 1, **options)
    run = tmp_path / "run"
    first = charloom.train(source, epochs=EPOCHS, output=run, keep_optimizer=True, **options)
    assert first.record.metrics["step"] == EPOCHS, "the kept weights are the last ones"
    plans: list[Plan] = []
    longer = charloom.train(extend=run, epochs=1, on_start=plans.append, **same)
    assert longer.record.metrics["step"] == 1 and plans[0].notes == (KEPT,)
    assert (tmp_path / "run-2" / OPTIMIZER).is_file(), "the setting is that of the run"
    (run / OPTIMIZER).unlink()
    without = charloom.train(extend=run, epochs=1, on_start=plans.append, force=True, **same)
    assert plans[1].notes == ()
    # Sums of float32 in another order; a step of rate 0.001 or more changes weights by more.
    assert difference(longer, whole) < 2e-5
    assert difference(without, whole) > 20 * difference(longer, whole)


def test_the_state_is_kept_of_a_finished_run_only(source: Path, tmp_path: Path) -> None:
    run, options = tmp_path / "run", OPTIONS | {"epochs": 30, "optimizer": "adamw"}

    def stop(event: Event) -> None:
        if isinstance(event, Validation) and event.step > 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        charloom.train(
            source, output=run, listeners=[stop], sample_every=0.001, keep_optimizer=True, **options
        )
    assert not (run / OPTIMIZER).exists() and (run / "checkpoint").is_dir()
    model = charloom.train(source, output=run, resume=True, **options)
    kept = read_optimizer(run)
    assert kept is not None and kept.optimizer == "adamw" and kept.steps["matrix"] == 30
    size = sum(tensor.nbytes for tensor in model.record.tensors.values())
    assert sum(tensor.nbytes for tensor in kept.tensors.values()) == 2 * size
    assert not (run / "checkpoint").exists()
    plain = charloom.train(source, output=tmp_path / "plain", **options)
    assert not (tmp_path / "plain" / OPTIMIZER).exists()
    assert difference(plain, model) == 0
    charloom.train(source, output=run, force=True, **options)
    assert not (run / OPTIMIZER).exists(), "a replaced model leaves nothing behind"


def test_an_interrupted_longer_run_resumes_from_its_checkpoint(
    source: Path, tmp_path: Path
) -> None:
    run, options = tmp_path / "run", OPTIONS | {"keep_optimizer": True}
    charloom.train(source, output=run, epochs=5, **options)
    whole = charloom.train(extend=run, output=tmp_path / "whole", epochs=9, batch_size=4)

    def stop(event: Event) -> None:
        if isinstance(event, Validation) and event.step > 3:
            raise KeyboardInterrupt

    cut = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        charloom.train(extend=run, output=cut, epochs=9, batch_size=4, listeners=[stop])
    resumed = charloom.train(source, output=cut, resume=True)
    assert difference(resumed, whole) == 0


def test_moments_of_another_optimizer_start_at_zero(source: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    charloom.train(source, output=run, epochs=2, keep_optimizer=True, **OPTIONS)
    plans: list[Plan] = []
    charloom.train(extend=run, epochs=1, optimizer="sgd", on_start=plans.append)
    assert plans[0].notes == (
        "the moments that were kept are those of muon, and the optimizer is sgd: they start at "
        "zero.",
    )
    # A run on other texts has a base, but no moments.
    charloom.train(source, base=run, epochs=1, min_count=1, on_start=plans.append)
    assert plans[1].notes == ()


def test_a_model_in_memory_keeps_no_optimizer(source: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        charloom.train(source, keep_optimizer=True)
    assert str(caught.value) == (
        "--keep-optimizer needs a model folder: add --output RUN, or drop --keep-optimizer."
    )
    run = tmp_path / "run"
    model = charloom.train(source, output=run, epochs=2, keep_optimizer=True, **OPTIONS)
    plans: list[Plan] = []
    charloom.train(extend=model, epochs=1, on_start=plans.append)
    assert plans[0].notes == ()


def test_a_folder_is_read_without_the_state(tmp_path: Path) -> None:
    run = folder(tmp_path / "m")
    (run / OPTIMIZER).write_bytes(b"damaged")
    assert charloom.load(run).score(["abc"])
