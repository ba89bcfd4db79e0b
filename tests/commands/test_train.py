import dataclasses
import errno
import inspect
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from command_line import Charloom, start_process

from charloom.cli.commands.train import train
from charloom.cli.terminal import downloads
from charloom.events import Stopped
from charloom.model import Model
from charloom.runs import train as runs_train
from charloom.runs.request import TrainRequest
from charloom.runs.spec import RunSpec
from charloom.settings import NetworkSettings, TextSettings, TrainingSettings

LINES = [f"the {a} {b}s the {c}" for a in ("cat", "dog", "cow") for b in "abcd" for c in "xyz"]
SMALL = ("--hidden", "8", "--input", "one-hot", "--device", "cpu")
NOT_SETTINGS = {
    *("sources", "output", "valid", "preset", "settings_file"),
    *("force", "resume", "checkpoint_seconds", "log", "base", "extend"),
    *("checker", "checker_timeout"),
}


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(LINES), encoding="utf-8")
    return path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Replace training; return the arguments of its calls."""
    seen: list[dict[str, Any]] = []

    def record(request: TrainRequest, spec: RunSpec | None) -> None:
        arguments = vars(request) | {"sources": list(request.sources)}
        seen.append(arguments | arguments.pop("options"))

    monkeypatch.setattr(runs_train, "train_model", record)
    return seen


def test_there_is_an_option_for_every_setting() -> None:
    fields = {
        field.name
        for kind in (TextSettings, NetworkSettings, TrainingSettings)
        for field in dataclasses.fields(kind)
    }
    assert set(inspect.signature(train).parameters) == fields | NOT_SETTINGS


def test_options_left_out_do_not_reach_the_library(
    charloom: Charloom, calls: list[dict[str, Any]]
) -> None:
    done = charloom("train", "a.txt", "b/*.csv")
    [call] = calls
    assert (done.code, done.err) == (0, "")
    assert set(call) == {
        "sources",
        "texts",
        "validation_texts",
        "checker",
        "base",
        "extends",
        "output",
        "validation",
        "preset",
        "force",
        "resume",
        "checkpoint_seconds",
        "log",
        "listeners",
        "on_start",
        "on_read",
    }
    assert call["sources"] == ["a.txt", "b/*.csv"]
    assert (call["output"], call["force"], call["resume"]) == (Path("runs/a"), False, False)
    assert call["validation"] is call["preset"] is call["log"] is None
    assert call["checkpoint_seconds"] is None


@pytest.mark.needs("tensorboard")
def test_options_reach_the_library(charloom: Charloom, calls: list[dict[str, Any]]) -> None:
    given = (
        "--level word --unit document --column title,body --column 3 --label-column kind "
        "--no-header --encoding latin-1 --no-clean --min-count 4 --valid v.txt "
        "--checkpoint-seconds 2.5 --cell gru "
        "--hidden 7 --layers 2 --input 9 --dropout 0.1 --epochs 3 "
        "--batch-size 5 --window 6 --lr 0.5 --schedule constant --optimizer adamw "
        "--weight-decay 0.25 --clip-norm 2 --seed 8 --device cpu --precision fp32 "
        "--sample-every 1.5 --prompt A --prompt B --temperature 0 --temperature 1.25 --no-index "
        "--force --log tensorboard --preset lesson -o out"
    )
    assert charloom("train", "a.csv", *given.split()).code == 0
    [call] = calls
    for name in ("listeners", "on_start", "on_read"):
        del call[name]
    assert call == {
        "sources": ["a.csv"],
        "texts": None,
        "validation_texts": None,
        "checker": None,
        "base": None,
        "extends": False,
        "output": Path("out"),
        "validation": "v.txt",
        "preset": "lesson",
        "force": True,
        "resume": False,
        "checkpoint_seconds": 2.5,
        "log": "tensorboard",
        "level": "word",
        "unit": "document",
        "columns": ("title", "body", "3"),
        "label_column": "kind",
        "header": False,
        "encoding": "latin-1",
        "clean": False,
        "min_count": 4,
        "cell": "gru",
        "hidden": 7,
        "layers": 2,
        "input": 9,
        "dropout": 0.1,
        "epochs": 3,
        "batch_size": 5,
        "window": 6,
        "learning_rate": 0.5,
        "schedule": "constant",
        "optimizer": "adamw",
        "weight_decay": 0.25,
        "clip": 2.0,
        "seed": 8,
        "device": "cpu",
        "precision": "fp32",
        "sample_every": 1.5,
        "prompts": ("A", "B"),
        "temperatures": (0.0, 1.25),
        "index": False,
    }


def test_the_validation_fraction_reaches_the_library(
    charloom: Charloom, calls: list[dict[str, Any]]
) -> None:
    assert charloom("train", "a.csv", "--valid-fraction", 0.2).code == 0
    assert calls[0]["valid_fraction"] == 0.2


@pytest.mark.parametrize(("given", "value"), [("one-hot", "one-hot"), ("64", 64)])
def test_the_input_is_a_word_or_a_size(
    charloom: Charloom, calls: list[dict[str, Any]], given: str, value: str | int
) -> None:
    assert charloom("train", "a.csv", "--input", given).code == 0
    assert calls[0]["input"] == value


def test_training_writes_a_model_and_refuses_to_replace_it(
    charloom: Charloom, source: Path
) -> None:
    small = ("--hidden", 8, "--input", "one-hot", "--device", "cpu")
    done = charloom("train", source, *small, "--steps", 3, "--prompt", "the ")
    run = Path("runs/lines")
    assert (done.code, done.out) == (0, "")
    assert "one-hot input" in done.err
    assert done.err.splitlines()[-1] == f"Try: charloom generate {run} 'the ' -n 5"
    record = Model.load(run).record
    assert (record.network.hidden, record.network.input, record.training.steps) == (8, "one-hot", 3)
    assert record.training.prompts == ("the ",)
    events = (run / "metrics.jsonl").read_text("utf-8").splitlines()
    assert json.loads(events[-1])["event"] == "stopped"

    again = charloom("train", source, *small, "--steps", 1)
    assert (again.code, again.out) == (2, "")
    assert again.err == (
        f"charloom: {run} already holds a model; replace it with --force, "
        "or name another folder with --output.\n"
    )
    assert charloom("train", source, *small, "--steps", 1, "--force").code == 0
    assert Model.load(run).record.training.steps == 1


def test_training_does_not_load_torchs_compiler(source: Path) -> None:
    options = ["train", str(source), "--hidden", "8", "--steps", "2", "--device", "cpu"]
    program = (
        "import sys\n"
        "from charloom.cli.app import run\n"
        f"code = run({options!r})\n"
        "print(code, *sorted({'torch._dynamo', 'torch._inductor'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["0"]


def test_novel_texts_are_not_training_documents(charloom: Charloom, source: Path) -> None:
    assert charloom("train", source, *SMALL, "--steps", 3).code == 0
    run = Path("runs/lines")
    learned = Model.load(run).record.document_index
    assert learned is not None
    documents = [line for line in LINES if line in learned]
    assert (run / "documents.bin").stat().st_size == 5 * len(documents)
    # Any of 16 symbols may follow, all about as likely: 300 texts without a document occur once in
    # 1e8 runs.
    steering = ("--length", 1, "--temperature", 3, "--seed", 1, "-n", 300)
    prompt = documents[0][:-1]
    plain = charloom("generate", run, prompt, *steering).out.splitlines()
    assert set(documents) & set(plain)
    done = charloom("generate", run, prompt, *steering, "--novel")
    assert (done.code, len(done.out.splitlines())) == (0, 300)
    assert not set(documents) & set(done.out.splitlines())
    assert re.fullmatch(
        r"charloom: tried \d+ texts: [1-9]\d* in the texts of the sources "
        r"\([\d.]+ %\)\.\n",
        done.err,
    )


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        (
            ("--no-index",),
            "this model was trained with --no-index, and keeps no hashes of its documents; "
            "leave it out, or train again with --index.",
        ),
        (
            ("--unit", "stream"),
            "this model was trained on a stream, which has no documents to compare with; "
            "leave it out, or train with --unit line or --unit document.",
        ),
    ],
)
def test_novel_is_refused_for_a_model_without_hashes(
    charloom: Charloom, source: Path, option: tuple[str, ...], reason: str
) -> None:
    assert charloom("train", source, *SMALL, "--steps", 1).code == 0
    assert charloom("train", source, *SMALL, "--steps", 1, "--force", *option).code == 0
    run = Path("runs/lines")
    assert not (run / "documents.bin").exists()
    assert charloom("generate", run, "--length", 5, "--unique").code == 0
    done = charloom("generate", run, "--novel")
    assert (done.code, done.out) == (2, "")
    assert done.err == f"charloom: novel was asked for, but {reason}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--hidden", "0"], "hidden is 0; it must be a number of at least 1."),
        (["--cell", "elman"], "cell is 'elman'; allowed: lstm, gru, rnn."),
        (["--input", "x"], "input is 'x'; allowed: one-hot, or a size such as 64."),
        (["--lr", "nan"], "lr is nan; it must be a number of more than 0."),
        (["--clip-norm", "0"], "clip-norm is 0.0; it must be a number of more than 0."),
        (["--log", "wandb"], "log is 'wandb'; allowed: tensorboard."),
        (["--preset", "course"], "preset is 'course'; there are: lesson."),
        (
            ["--unit", "stream", "--index"],
            "index was given with unit stream, which has no documents; "
            "leave it out, or use --unit line or --unit document.",
        ),
    ],
)
def test_options_out_of_range_leave_no_folder(
    charloom: Charloom, source: Path, arguments: list[str], message: str
) -> None:
    done = charloom("train", source, *arguments)
    assert (done.code, done.out, done.err) == (2, "", f"charloom: {message}\n")
    assert not Path("runs").exists()


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace downloads; return the names of the corpora."""
    names: list[str] = []
    monkeypatch.setattr(downloads, "fetch_files", lambda corpus: names.append(corpus.name))
    return names


@pytest.mark.usefixtures("source", "calls")
def test_nothing_is_fetched_before_options_and_output_are_right(
    charloom: Charloom, fetched: list[str]
) -> None:
    wrong = charloom("train", "ag-news", "--hidden", 0)
    assert wrong.err == "charloom: hidden is 0; it must be a number of at least 1.\n"
    taken = charloom("train", "ag-news", "-o", "lines.txt")
    assert taken.err == (
        "charloom: lines.txt is a file; name a folder that does not exist yet with --output.\n"
    )
    assert (wrong.code, taken.code, fetched) == (2, 2, [])


@pytest.mark.usefixtures("source", "calls")
def test_the_validation_corpus_is_fetched_too(charloom: Charloom, fetched: list[str]) -> None:
    done = charloom("train", "tiny-shakespeare", "--valid", "names")
    assert (done.code, fetched) == (0, ["tiny-shakespeare", "names"])
    assert done.err == (
        "charloom: downloading tiny-shakespeare, 1.1 MB; later runs use the cached copy.\n"
        "charloom: downloading names, 0.2 MB; later runs use the cached copy.\n"
    )


def test_an_interrupted_run_ends_with_130(
    charloom: Charloom, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(request: TrainRequest, spec: RunSpec | None) -> None:
        event = Stopped(step=3, seconds=1.0, reason="interrupted", bits_per_character=2.0)
        for listener in request.listeners:
            listener(event)

    monkeypatch.setattr(runs_train, "train_model", interrupted)
    assert charloom("train", source).code == 130


def in_the_middle(source: Path) -> "subprocess.Popen[bytes]":
    """Start a run of hours; return after its first steps."""
    process = start_process("train", source, *SMALL, "--epochs", "1000000", "-o", "runs/m")
    while not any(Path("runs").glob("*/metrics.jsonl")):
        assert process.poll() is None
        time.sleep(0.05)
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signals")
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_ends_a_run_with_everything_saved(source: Path, name: str, code: int) -> None:
    if signal.getsignal(getattr(signal, name)) == signal.SIG_IGN:
        pytest.skip(f"these tests ignore {name}, as under nohup, and so does what they start")
    with in_the_middle(source) as process:
        process.send_signal(getattr(signal, name))
        out, err = process.communicate()
    assert (process.returncode, out) == (code, b"")
    assert b"\nInterrupted: the best weights, " in err
    assert b"Traceback" not in err
    assert set(Path("runs").iterdir()) == {Path("runs/m")}
    assert not [entry for entry in Path("runs/m").iterdir() if entry.name.startswith(".")]
    last = Path("runs/m/metrics.jsonl").read_text("utf-8").splitlines()[-1]
    event = json.loads(last)
    assert (event["event"], event["reason"]) == ("stopped", "interrupted")
    assert Model.load("runs/m").record.metrics["bits_per_character"] == event["bits_per_character"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signals")
def test_a_signal_before_the_first_step_leaves_no_folder(source: Path) -> None:
    os.mkfifo("texts.txt")
    with start_process("train", "texts.txt", *SMALL) as process, Path("texts.txt").open("w"):
        process.terminate()
        out, err = process.communicate()
    assert (process.returncode, out, err) == (143, b"", b"")
    assert not Path("runs").exists()


def test_a_run_continues_when_standard_error_is_closed(source: Path) -> None:
    with start_process("train", source, *SMALL, "--steps", "30", "-o", "runs/m") as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.stderr.close()
        assert process.wait() == 0
    last = Path("runs/m/metrics.jsonl").read_text("utf-8").splitlines()[-1]
    assert json.loads(last)["step"] == 30
    assert Model.load("runs/m").record.training.steps == 30


@pytest.mark.skipif(sys.platform != "linux", reason="terminals go away in other ways here")
def test_a_run_continues_when_its_terminal_closes(source: Path) -> None:
    ours, theirs = os.openpty()
    command = ("train", source, *SMALL, "--steps", "30", "-o", "runs/m")
    with start_process(*command, stderr=theirs, TERM="xterm") as process:
        os.close(theirs)
        assert os.read(ours, 1)
        os.close(ours)
        assert process.wait() == 0
    assert Model.load("runs/m").record.training.steps == 30


@pytest.mark.parametrize("arguments", [["a" * 300], ["t.txt", "-o", "a" * 300]])
def test_a_source_name_that_is_too_long_is_refused(
    charloom: Charloom, source: Path, arguments: list[str]
) -> None:
    Path("t.txt").write_text("text\n", "utf-8")
    done = charloom("train", *arguments)
    reason = os.strerror(errno.ENAMETOOLONG)
    message = (
        f"cannot be used ({reason}); name another folder with --output."
        if "-o" in arguments
        else f"cannot be read: {reason}; a file or folder that this user may read is needed; "
        "check its name and its permissions."
    )
    assert (done.code, done.out, done.err) == (2, "", f"charloom: {'a' * 300} {message}\n")
    assert not Path("runs").exists()


def test_a_source_and_a_prompt_that_are_no_utf8(tmp_path: Path) -> None:
    source = tmp_path / os.fsdecode(b"caf\xe9.txt")
    try:
        source.write_text("one two\nthree four\nfive six\n", encoding="utf-8")
    except OSError:
        pytest.skip("this file system has names in UTF-8 only")
    model = tmp_path / "m"
    options = ("--steps", "1", "--hidden", "4", "--device", "cpu", "-o", model)
    process = start_process("train", source, "--prompt", os.fsdecode(b"a\xff"), *options)
    assert (process.communicate()[0], process.returncode) == (b"", 0)
    record = Model.load(model).record
    assert record.provenance["sources"] == [str(tmp_path / "caf\ufffd.txt")]
    assert record.training.prompts == ("a\ufffd",)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signals")
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_a_run_that_was_ended_is_resumed(charloom: Charloom, source: Path, name: str) -> None:
    options = (*SMALL, "--steps", "100", "--checkpoint-seconds", "0", "-o", "runs/m")
    # The threads of the process that runs the tests.
    with start_process("train", source, *options, OMP_NUM_THREADS="1") as process:
        while not Path("runs/m/checkpoint/state.json").exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(getattr(signal, name))
        err = process.communicate()[1]
    assert process.returncode == {"SIGKILL": -9, "SIGTERM": 143}[name]
    if name == "SIGTERM":
        assert err.decode().splitlines()[-1] == (
            f"Resume: charloom train {source} -o runs/m --resume"
        )

    again = charloom("train", source, *SMALL, "--steps", 100, "-o", "runs/m")
    assert (again.code, again.err) == (
        2,
        "charloom: runs/m already holds a run that can be resumed; resume it with --resume, "
        "replace it with --force, or name another folder with --output.\n",
    )
    other = charloom("train", source, "--hidden", 9, "--epochs", 3, "-o", "runs/m", "--resume")
    assert (other.code, other.err) == (
        2,
        "charloom: the run in runs/m cannot be resumed with other settings: hidden was 8 and is "
        "now 9; the budget was 100 steps and is now 3 epochs; leave out what differs, or start the "
        "run anew with --force.\n",
    )

    given = ("--hidden", 8, "--steps", 100, "--checkpoint-seconds", 30)
    done = charloom("train", source, "-o", "runs/m", "--resume", *given)
    assert (done.code, done.out) == (0, "")
    assert re.search(r"      note  the run resumes after step \d+ \(epoch \d+, 0:\d\d of", done.err)
    assert not Path("runs/m/checkpoint").exists()
    if name == "SIGKILL":
        assert charloom("train", source, *SMALL, "--steps", 100, "-o", "runs/whole").code == 0
        weights = [Path("runs", run, "model.safetensors").read_bytes() for run in ("m", "whole")]
        assert weights[0] == weights[1]

    finished = charloom("train", source, "-o", "runs/m", "--resume")
    assert (finished.code, finished.out, finished.err) == (
        0,
        "",
        "charloom: the run in runs/m is finished, its budget of 100 steps is used: "
        "nothing was left to do.\n",
    )
    assert charloom("train", source, "-o", "runs/m", "--resume", "--steps", 500).err == (
        "charloom: the run in runs/m cannot be resumed with other settings: the budget was 100 "
        "steps and is now 500 steps; leave out what differs, or start the run anew with --force.\n"
    )


def test_resume_without_a_checkpoint_is_refused(charloom: Charloom, source: Path) -> None:
    done = charloom("train", source, "-o", "runs/m", "--resume")
    assert (done.code, done.out, done.err) == (
        2,
        "",
        "charloom: there is no checkpoint in runs/m, so there is nothing to resume; "
        "check the name, or begin the run without --resume.\n",
    )
    assert not Path("runs").exists()
