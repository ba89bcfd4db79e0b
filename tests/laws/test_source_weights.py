"""Sources with weights: counts in training, the same validation set, exact resuming, refusals."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import charloom
from charloom.errors import ResumeError, SettingsError
from charloom.events import Event, Stopped, Validation
from charloom.model_folder import checkpoint
from charloom.runs.plan import Plan

FIRST = [f"{a} {b} {c}" for a in "abcde" for b in ("sea", "tree") for c in "xy"]
SECOND = [f"{a}{b}" for a in ("one", "two", "three") for b in range(10)]
OPTIONS: dict[str, Any] = {"min_count": 1, "hidden": 8, "input": 4, "precision": "fp32"}
OPTIONS |= {"batch_size": 4, "window": 32, "dropout": 0.2, "valid_fraction": 0.2}


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "first.txt", tmp_path / "second.txt"]
    for path, texts in zip(paths, (FIRST, SECOND), strict=True):
        path.write_text("\n".join(texts), "utf-8")
    return paths


def tensors_equal(first: charloom.Model, second: charloom.Model) -> bool:
    ours, theirs = first.record.tensors, second.record.tensors
    return all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_weights_of_1_are_no_weights(sources: list[Path]) -> None:
    events: list[list[Event]] = [[], []]
    plain = charloom.train(sources, epochs=3, listeners=[events[0].append], **OPTIONS)
    weighted = charloom.train(
        sources, epochs=3, source_weights=[1, 1], listeners=[events[1].append], **OPTIONS
    )
    assert tensors_equal(plain, weighted)
    losses = [
        [event.bits_per_character for event in each if isinstance(event, Validation)]
        for each in events
    ]
    assert losses[0] == losses[1] and losses[0]


@pytest.mark.parametrize(("weights", "epochs"), [((3, 1), 2), ((0.5, 2.25), 4), ((1, 0.1), 3)])
def test_an_epoch_has_the_weighted_documents(
    sources: list[Path], weights: tuple[float, float], epochs: int
) -> None:
    plans: list[Plan] = []
    events: list[Event] = []
    charloom.train(
        sources,
        epochs=epochs,
        source_weights=weights,
        on_start=plans.append,
        listeners=[events.append],
        **OPTIONS,
    )
    [plan] = plans
    sizes = plan.corpus.source_documents
    assert sum(sizes) == len(plan.corpus.training)
    assert sizes[0] + sizes[1] + len(plan.corpus.validation) == len(FIRST) + len(SECOND)
    texts = [plan.corpus.training.text(number) for number in range(sum(sizes))]
    assert set(texts[: sizes[0]]) <= set(FIRST) and set(texts[sizes[0] :]) <= set(SECOND)
    places = sum(round(weight * size) for weight, size in zip(weights, sizes, strict=True))
    stopped = events[-1]
    assert isinstance(stopped, Stopped) and stopped.reason == "budget"
    assert stopped.step == epochs * -(-places // 4)


@pytest.mark.parametrize("level", ["char", "word"])
def test_a_stopped_run_resumes_exactly(sources: list[Path], tmp_path: Path, level: Any) -> None:
    options: dict[str, Any] = {"epochs": 4, "source_weights": (2.5, 0.7), "level": level}
    options |= OPTIONS | {"min_count": 2}
    whole = charloom.train(sources, output=tmp_path / "whole", **options)

    def stop(event: Event) -> None:
        if isinstance(event, Validation):
            raise KeyboardInterrupt

    cut = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        charloom.train(sources, output=cut, listeners=[stop], sample_every=0.01, **options)
    with pytest.raises(ResumeError) as caught:
        charloom.train(sources, output=cut, resume=True, source_weights=(1, 2))
    assert str(caught.value) == (
        f"the run in {cut} cannot be resumed with other settings: source-weights was 2.5, 0.7 and "
        "is now 1, 2; leave out what differs, or start the run anew with --force."
    )
    resumed = charloom.train(sources, output=cut, resume=True, **options)
    assert tensors_equal(whole, resumed)
    config = json.loads((cut / "config.json").read_text("utf-8"))
    assert config["training"]["source_weights"] == [2.5, 0.7]
    assert "\n- source weights: 2.5, 0.7\n" in (cut / "README.md").read_text("utf-8")
    longer = charloom.train(extend=cut, epochs=1)
    assert longer.record.training.source_weights == (2.5, 0.7)


def test_sources_that_are_named_otherwise_are_not_resumed(tmp_path: Path) -> None:
    """The files are the same, in the same order, but other documents would have the weights."""
    folder = tmp_path / "texts"
    folder.mkdir()
    for number, texts in enumerate((FIRST, SECOND, ["other 1", "other 2", "other 3"])):
        (folder / f"{number}.txt").write_text("\n".join(texts), "utf-8")
    files = [folder / f"{number}.txt" for number in range(3)]
    several: list[str | Path] = [str(folder / "[01].txt"), files[2]]
    options = {"epochs": 9, "source_weights": (2, 1), **OPTIONS}

    def stop(event: Event) -> None:
        if isinstance(event, Validation):
            raise KeyboardInterrupt

    cut = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        charloom.train(several, output=cut, listeners=[stop], sample_every=0.01, **options)
    with pytest.raises(ResumeError) as caught:
        charloom.train([files[0], str(folder / "[12].txt")], output=cut, resume=True)
    saved = checkpoint.read(cut / "checkpoint").run["source_documents"]
    old = ", ".join(map(str, saved))
    assert str(caught.value).startswith(
        f"the run in {cut} has sources of {old} documents with weights, and now they have "
    )
    assert str(caught.value).endswith(
        "; name the sources as before, or start the run anew with --force."
    )
    with pytest.raises(SettingsError) as refused:
        charloom.train(files, output=cut, resume=True)
    assert str(refused.value).startswith("source-weights are 2, 1 for 3 sources; ")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([0, 1], "source-weights is 0; it must be a number of more than 0 and at most 1000."),
        ([1, -2], "source-weights is -2; it must be a number of more than 0 and at most 1000."),
        (
            [1, float("nan")],
            "source-weights is nan; it must be a number of more than 0 and at most 1000.",
        ),
        (3, "source-weights is 3; allowed: a list of numbers, such as [0.5, 1]."),
        (
            [2],
            "source-weights are 2 for 2 sources; give one number for each SOURCE, in their order.",
        ),
        (
            [1, 2.5, 3],
            "source-weights are 1, 2.5, 3 for 2 sources; give one number for each SOURCE, in their "
            "order.",
        ),
    ],
)
def test_weights_that_do_not_fit_the_sources_are_refused(
    sources: list[Path], weights: Any, message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        charloom.train(sources, source_weights=weights)
    assert str(caught.value) == message


def test_texts_in_memory_and_streams_have_no_weights(sources: list[Path]) -> None:
    with pytest.raises(SettingsError) as caught:
        charloom.train(texts=FIRST, source_weights=[2])
    assert str(caught.value) == (
        "source-weights were given with texts in memory, which are one source; leave them out, or "
        "write the texts of each source to a file."
    )
    with pytest.raises(SettingsError) as caught:
        charloom.train(sources, unit="stream", source_weights=[2, 1])
    assert str(caught.value) == (
        "source-weights were given with unit stream, which reads all texts in order as one; leave "
        "them out, or use --unit line or --unit document."
    )
