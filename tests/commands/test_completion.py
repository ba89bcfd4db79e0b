"""Shell completion by the protocol of Typer's scripts: variables of the environment."""

import os
import subprocess
import sys

import pytest


def complete(line: str, *, shell: str = "bash") -> list[str]:
    """Return the words that complete the last word of a command line."""
    words = line.split(" ")
    variables = {
        "bash": {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": line},
        "fish": {"_TYPER_COMPLETE_ARGS": line, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }
    program = "import sys; from charloom.cli.app import run; sys.exit(run([]))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | variables[shell] | {"_CHARLOOM_COMPLETE": f"complete_{shell}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    lines = [text for text in done.stdout.splitlines() if text]
    if shell == "zsh":
        return [part.split('"')[1] for part in lines if '"' in part]
    return [part.partition("\t")[0] for part in lines]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("charloom su", ["summary"]),
        ("charloom train facts --weight", ["--weight-decay"]),
        ("charloom train facts --le", ["--level"]),
        ("charloom train facts --level ", ["char", "byte", "grapheme", "word", "closed-word"]),
        ("charloom train facts --level by", ["byte"]),
        ("charloom train facts --unit ", ["line", "document", "stream"]),
        ("charloom train facts --cell ", ["lstm", "gru", "rnn"]),
        ("charloom train facts --optimizer ", ["muon", "adamw", "rmsprop", "sgd"]),
        ("charloom train facts --schedule c", ["constant"]),
        ("charloom train facts --precision ", ["auto", "fp32", "bf16"]),
        ("charloom train facts --preset ", ["lesson"]),
        ("charloom train facts --log t", ["tensorboard"]),
        ("charloom train facts --settings ", []),
        ("charloom compare facts --cell g", ["gru"]),
        ("charloom compare facts --cell rnn,l", ["rnn,lstm"]),
        ("charloom generate runs/a --format j", ["jsonl"]),
        ("charloom generate runs/a --repetition-", ["--repetition-penalty", "--repetition-span"]),
    ],
)
def test_options_and_values_are_completed(line: str, expected: list[str]) -> None:
    assert complete(line) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_the_values(shell: str) -> None:
    assert complete("charloom train facts --optimizer a", shell=shell) == ["adamw"]


@pytest.mark.parametrize(
    ("shell", "words"),
    [
        ("bash", "complete -o default -F _charloom_completion charloom"),
        ("zsh", "compdef _charloom_completion charloom"),
        ("fish", "complete --command charloom"),
        ("powershell", "Register-ArgumentCompleter -Native -CommandName charloom"),
    ],
)
def test_the_script_of_a_shell_is_shown(shell: str, words: str) -> None:
    environment = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "charloom", "--show-completion", shell],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert words in done.stdout
    assert "_CHARLOOM_COMPLETE" in done.stdout


def test_completing_loads_nothing_heavy() -> None:
    program = (
        "import os, sys\n"
        "os.environ |= {'_CHARLOOM_COMPLETE': 'complete_bash', 'COMP_CWORD': '1',\n"
        "               'COMP_WORDS': 'charloom tr'}\n"
        "from charloom.cli.app import run\n"
        "try:\n"
        "    run([])\n"
        "except SystemExit:\n"
        "    print(*{'numpy', 'torch', 'numba', 'polars'} & set(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["train", ""]
