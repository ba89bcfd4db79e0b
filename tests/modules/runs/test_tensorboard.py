import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from records import record

from charloom.api import train
from charloom.errors import MissingPackageError, OutputError, SettingsError
from charloom.events import Sample, Step
from charloom.model_folder import format as model_folder
from charloom.model_folder.writer import ModelWriter, check_output_path
from charloom.runs.tensorboard import TensorBoardLog, check_log

SMALL: dict[str, Any] = {"dropout": 0.0, "hidden": 8, "input": 4, "batch_size": 4, "device": "cpu"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("texts") / "lines.txt"
    path.write_text("\n".join(f"the cat {n} sat" for n in range(100, 160)), encoding="utf-8")
    return path


def read(folder: Path) -> Any:
    """Return the content of a folder of event files as TensorBoard reads it."""
    from tensorboard.backend.event_processing.event_accumulator import (
        EventAccumulator,
    )

    accumulator = EventAccumulator(str(folder), size_guidance={"tensors": 0, "scalars": 0})
    accumulator.Reload()
    return accumulator


def scalars(folder: Path, tag: str) -> list[Any]:
    return [(event.step, event.value) for event in read(folder).Scalars(tag)]


def texts(folder: Path, tag: str) -> list[tuple[int, str]]:
    return [
        (event.step, event.tensor_proto.string_val[0].decode("utf-8"))
        for event in read(folder).Tensors(tag)
    ]


@pytest.fixture(scope="module")
def run(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "m"
    train(source, output=path, log="tensorboard", epochs=3, prompts=("the ",), seed=5, **SMALL)
    return path


@pytest.mark.needs("tensorboard")
def test_tensorboard_reads_what_metrics_jsonl_has(run: Path) -> None:
    lines = (run / "metrics.jsonl").read_text("utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    steps = [event for event in events if event["event"] == "step"]
    validations = [event for event in events if event["event"] == "validation"]
    assert steps
    assert len(validations) == 3
    log = run / "tensorboard"
    names = ("bits_per_character", "learning_rate", "characters_per_second", "memory_bytes")
    for name in names:
        assert scalars(log / "training", name) == [
            (event["step"], pytest.approx(event[name], rel=1e-6)) for event in steps
        ]
    assert scalars(log / "validation", "bits_per_character") == [
        (event["step"], pytest.approx(event["bits_per_character"], rel=1e-6))
        for event in validations
    ]
    samples = [event for event in events if event["event"] == "sample"]
    greedy = [event for event in samples if event["temperature"] == 0]
    assert texts(log, 'samples/greedy "the "') == [
        (event["step"], "\n".join("    " + line for line in event["text"].splitlines()))
        for event in greedy
    ]
    assert {tag for tag in read(log).Tags()["tensors"] if tag.startswith("samples/")} == {
        'samples/greedy "the "',
        'samples/temp 0.5 "the "',
        'samples/temp 1 "the "',
    }


@pytest.mark.needs("tensorboard")
def test_settings_are_a_text_and_hyperparameters(run: Path) -> None:
    from tensorboard.plugins.hparams.metadata import PLUGIN_NAME
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    [(step, text)] = texts(run / "tensorboard", "settings")
    assert step == 0
    lines = text.splitlines()
    assert {"    network.hidden: 8", "    training.seed: 5", "    text.level: char"} < set(lines)
    content = read(run / "tensorboard").summary_metadata["_hparams_/session_start_info"]
    assert content.plugin_data.plugin_name == PLUGIN_NAME
    data = HParamsPluginData.FromString(content.plugin_data.content)
    values = data.session_start_info.hparams
    assert values["network.hidden"].number_value == 8
    assert values["network.cell"].string_value == "lstm"
    assert values["text.clean"].bool_value is True
    assert values["training.minutes"].string_value == "None"


@pytest.mark.needs("tensorboard")
def test_a_folder_with_a_log_is_a_model_that_can_be_replaced(
    run: Path, source: Path, tmp_path: Path
) -> None:
    shutil.copytree(run, tmp_path / "m")
    assert model_folder.read(tmp_path / "m").training.seed == 5
    train(source, output=tmp_path / "m", force=True, steps=1, **SMALL)
    assert not (tmp_path / "m" / "tensorboard").exists()


@pytest.mark.needs("tensorboard")
def test_foreign_files_among_the_logs_are_kept(run: Path, tmp_path: Path) -> None:
    run = shutil.copytree(run, tmp_path / "m")
    check_output_path(run, force=True)
    (run / "tensorboard" / "training" / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError) as caught:
        check_output_path(run, force=True)
    assert str(caught.value) == (
        f"{run} holds a model and also tensorboard/training/notes.txt, which would be lost; "
        "move it away, or name another folder with --output."
    )


@pytest.mark.needs("tensorboard")
def test_file_names_do_not_contain_the_host_name(run: Path) -> None:
    names = {path.name for path in (run / "tensorboard").rglob("*") if path.is_file()}
    (name,) = names
    seconds = name.removeprefix("events.out.tfevents.").removesuffix(".charloom")
    assert seconds.isdecimal()


@pytest.mark.needs("tensorboard")
def test_gpu_memory_and_samples_of_several_lines_are_logged(tmp_path: Path) -> None:
    now = iter(range(1000, 2000))
    with ModelWriter(tmp_path / "m") as writer:
        log = TensorBoardLog(writer, record(), clock=lambda: float(next(now)))
        for step in range(1, 4):
            log(
                Step(
                    step=step,
                    seconds=step * 0.25,
                    epoch=1,
                    progress=0.1,
                    bits_per_character=2.0,
                    characters_per_second=1.0,
                    learning_rate=0.1,
                    memory_bytes=5,
                    device_memory_bytes=2**33,
                )
            )
        log(
            Sample(
                step=3, seconds=1.0, prompt="", temperature=0.5, label="x", text="# one\n*two*\n☃"
            )
        )
        (folder,) = tmp_path.glob(".charloom-*/tensorboard")
        assert scalars(folder / "training", "device_memory_bytes") == [(1, 2**33), (3, 2**33)]
        assert texts(folder, 'samples/x at 0.5 ""') == [(3, "    # one\n    *two*\n    ☃")]


@pytest.mark.needs("tensorboard")
def test_valid_logs_are_accepted() -> None:
    check_log(None, None)
    check_log("tensorboard", "m")


def test_an_unknown_log_is_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        check_log("wandb", "m")
    assert str(caught.value) == "log is 'wandb'; allowed: tensorboard."


def test_a_log_without_a_folder_is_refused(source: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        train(source, log="tensorboard", steps=1, **SMALL)
    assert str(caught.value) == (
        "--log tensorboard needs a model folder: add --output RUN, or drop --log."
    )


def test_without_the_package_one_line_says_so(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(MissingPackageError) as caught:
        train(source, output=tmp_path / "m", log="tensorboard", steps=1, **SMALL)
    assert str(caught.value) == (
        "--log tensorboard needs the package tensorboard, which is not installed; install it with "
        "pip install 'charloom[tensorboard]', or leave --log out."
    )
    assert not (tmp_path / "m").exists()
