import errno
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from command_line import Charloom, start_process

import charloom as package
from charloom.cli.app import _is_broken_pipe, app
from charloom.errors import CharloomError
from charloom.model import Model

COMMANDS = (
    "train",
    "generate",
    "temperatures",
    "next",
    "evaluate",
    "compare",
    "score",
    "memorisation",
    "diversity",
    "report",
    "summary",
    "corpora",
)
HEAVY = {"torch", "polars", "rich", "numba", "backports.zstd"}


def test_version_prints_the_version_of_the_package(charloom: Charloom) -> None:
    done = charloom("--version")
    assert (done.code, done.out, done.err) == (0, f"charloom {package.__version__}\n", "")


def test_no_arguments_print_the_help(charloom: Charloom) -> None:
    done = charloom()
    assert done.code == 0
    assert done.out == charloom("--help").out
    for command in COMMANDS:
        assert re.search(rf"^  {command} +[A-Z].+\.$", done.out, re.MULTILINE), command


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_plain_and_ends_with_examples_that_parse(charloom: Charloom, command: str) -> None:
    done = charloom(command, "--help")
    assert done.code == 0
    assert done.out.startswith(f"Usage: charloom {command}")
    assert "\x1b" not in done.out
    _, _, examples = re.split(r"(Examples?):\n", done.out)
    lines = [line.strip() for line in examples.splitlines() if line.strip()]
    assert lines
    group = typer.main.get_command(app)
    for line in lines:
        words = shlex.split(line.split("<")[0])
        assert words[:2] == ["charloom", command]
        parsed = group.commands[command]  # type: ignore[attr-defined]
        parsed.make_parser(parsed.context_class(parsed)).parse_args(words[2:])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["grow"], "No such command 'grow'. See: charloom --help"),
        (["trian"], "No such command 'trian'. Did you mean 'train'? See: charloom --help"),
        (["compare"], "Missing argument 'SOURCE...'. See: charloom compare --help"),
        (
            ["train"],
            "no SOURCE was given; name files, folders, corpora or - for standard input.",
        ),
        (
            ["train", "x", "--hidden", "many"],
            "Invalid value for '--hidden': 'many' is not a whole number. "
            "See: charloom train --help",
        ),
        (
            ["train", "x", "--lr", "high"],
            "Invalid value for '--lr': 'high' is not a number. See: charloom train --help",
        ),
        (
            ["generate", "x", "-n", "0"],
            "Invalid value for '-n': 0 is too small, it must be at least 1. "
            "See: charloom generate --help",
        ),
        (
            ["summary", "x", "--colour"],
            "No such option: --colour. See: charloom summary --help",
        ),
        (
            ["generate", "x", "--json"],
            "No such option: --json. See: charloom generate --help",
        ),
        (
            ["generate", "x", "--lenght", "9"],
            "No such option: --lenght (Possible options: --length). See: charloom generate --help",
        ),
        (
            ["summary", "no/such"],
            f"there is no model folder {Path('no/such')}; "
            "name one that charloom train made, such as runs/facts.",
        ),
    ],
)
def test_a_wrong_command_line_is_refused_with_one_line(
    charloom: Charloom, arguments: list[str], message: str
) -> None:
    done = charloom(*arguments)
    assert (done.code, done.out, done.err) == (2, "", f"charloom: {message}\n")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (CharloomError("first\nsecond"), "first second"),
        (
            OSError(errno.ENOSPC, "No space left on device", "runs/x"),
            "runs/x: the disk is full; free some space, or choose another place.",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "the output: the disk is full; free some space, or choose another place.",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "runs/x"),
            "runs/x: permission denied; choose a file or folder that you may use.",
        ),
        (
            OSError(errno.EROFS, "Read-only file system", "runs/x"),
            "runs/x: the disk can only be read; choose another place.",
        ),
    ],
)
def test_an_error_of_the_system_is_reported_in_one_line(
    charloom: Charloom, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    def fail(path: Path) -> Model:
        raise error

    monkeypatch.setattr(Model, "load", fail)
    done = charloom("next", "runs/x", "a")
    assert (done.code, done.err) == (2, f"charloom: {message}\n")


def test_an_unexpected_error_is_not_caught(
    charloom: Charloom, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> Model:
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(Model, "load", fail)
    with pytest.raises(OSError, match="Bad file descriptor"):
        charloom("next", "runs/x", "a")


def test_an_interruption_ends_with_130(charloom: Charloom, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(path: Path) -> Model:
        raise KeyboardInterrupt

    monkeypatch.setattr(Model, "load", interrupt)
    done = charloom("next", "runs/x", "a")
    assert (done.code, done.out, done.err) == (130, "", "charloom: interrupted.\n")


def test_generating_loads_nothing_heavy(model: Path) -> None:
    program = (
        "import sys\n"
        "from charloom.cli.app import run\n"
        f"code = run(['generate', {str(model)!r}, 'a', '--length', '5', '--seed', '1'])\n"
        f"print(code, *sorted({HEAVY} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0"


def test_help_loads_no_numpy() -> None:
    program = (
        "import sys\n"
        "from charloom.cli.app import run\n"
        "code = run(['train', '--help'])\n"
        f"print(code, *sorted({HEAVY | {'numpy'}} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0"


def test_a_closed_pipe_ends_the_command_without_a_message(model: Path) -> None:
    process = start_process("generate", model, "-n", "3000", "--length", "50")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 0


def test_windows_reports_a_closed_pipe_as_an_invalid_argument(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed = OSError(errno.EINVAL, "Invalid argument")
    about_a_file = OSError(errno.EINVAL, "Invalid argument", "a:b")
    assert not _is_broken_pipe(closed)
    monkeypatch.setattr(os, "name", "nt")
    told = [_is_broken_pipe(error) for error in (closed, about_a_file)]
    monkeypatch.undo()
    assert told == [True, False]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_behind_standard_output_is_reported(model: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "charloom", "next", str(model), "a"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == (
        b"charloom: the output: the disk is full; free some space, or choose another place.\n"
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_output_is_utf8_whatever_the_locale_says(model: Path, encoding: str) -> None:
    process = start_process(
        "next", model, "é", "--top", "20", LC_ALL="C", PYTHONIOENCODING=encoding, PYTHONUTF8="0"
    )
    out, err = process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert "█" in out.decode("utf-8")
    assert '"\U0001f600"' in out.decode("utf-8")


def test_bytes_of_a_prompt_that_are_not_utf8_become_unknown_symbols(model: Path) -> None:
    if os.name != "posix" or sys.platform == "darwin":
        pytest.skip("arguments are text here")
    process = start_process("generate", model, os.fsdecode(b"a\xff"), "--length", "3")
    out, err = process.communicate()
    assert process.returncode == 0
    assert out.decode("utf-8").startswith("a\ufffd")
    assert err.decode("utf-8") == (
        'charloom: the model does not know "\ufffd": <unk> is fed in its place.\n'
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the address space")
def test_memory_that_runs_out_is_one_line(tmp_path: Path) -> None:
    source = tmp_path / "long.txt"
    source.write_bytes(b"ab" * 50_000_000 + b"\ncd\nef\n")
    program = (
        "import resource, sys\n"
        "from charloom.__main__ import main\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000,) * 2)\n"
        "main()"
    )
    arguments = ["train", str(source), "--steps", "1", "-o", str(tmp_path / "run")]
    before = set(tmp_path.iterdir())
    environment = os.environ | {"CHARLOOM_CACHE": str(tmp_path / "cache"), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 2
    line = done.stderr.splitlines()[-1]
    assert line.startswith("charloom: memory ran out")
    assert line.endswith(
        "; less is needed with shorter texts (--unit stream reads a long one in parts), or a "
        "smaller --hidden, --batch-size or --beam."
    )
    assert "Traceback" not in done.stderr
    left = [path for path in set(tmp_path.rglob("*")) - before if path.is_file()]
    # Digests of files are cached before their text is read, compiled code while it is encoded.
    assert not [path for path in left if not {"compiled", "digests"} & set(path.parts)]


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_failure(tmp_path: Path, closed: str) -> None:
    source = tmp_path / "lines.txt"
    source.write_text("".join(f"line {n} of a text\n" for n in range(60)), "utf-8")
    run = tmp_path / "run"
    for arguments in (
        ["train", str(source), "--steps", "1", "--hidden", "8", "-o", str(run), "--force"],
        ["generate", str(run), "-n", "2"],
        ["score", str(run), str(source)],
    ):
        command = shlex.join([sys.executable, "-m", "charloom", *arguments])
        done = subprocess.run(["bash", "-c", f"{command} {closed}"], check=False)
        assert done.returncode == 0
    assert {path.name for path in run.iterdir()} >= {"config.json", "model.safetensors"}


def test_ctrl_c_while_modules_load_writes_no_traceback() -> None:
    """The command is interrupted when it has just begun to import the command line."""
    program = (
        "import os, signal, sys\n"
        "from charloom.__main__ import main\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == sys.argv[1]:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "name, sys.argv[1:] = sys.argv[1], ['generate', 'none']\n"
        "sys.argv.insert(1, name)\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "main()"
    )
    for name in ("charloom.cli.app", "typer", "charloom.cli.commands.train"):
        done = subprocess.run(
            [sys.executable, "-c", program, name], capture_output=True, text=True, check=False
        )
        assert done.returncode in (-signal.SIGINT, 130)
        assert "Traceback" not in done.stderr
