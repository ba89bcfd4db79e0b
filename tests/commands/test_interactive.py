"""``charloom generate --interactive`` as a command; its dialogue has tests of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Charloom
from records import folder


def test_generating_to_the_end_writes_the_text_of_generate(charloom: Charloom, model: Path) -> None:
    options = ("bad", "--seed", 3, "--length", 30, "--temperature", 1.2, "--top-k", 5)
    done = charloom("generate", model, *options, "--interactive", stdin="r\nq\n")
    assert (done.code, done.out) == (0, charloom("generate", model, *options).out)
    begin, answer, end = done.err.split("\n> ")
    assert "\nbad\n  1  " in begin
    assert len(answer.splitlines()) == 4
    few = charloom("generate", model, "bad", "--interactive", "--choices", 2)
    assert len(few.err.splitlines()) == 1 + 2 + 2 + 2


def test_label_is_that_of_generate(charloom: Charloom, labelled: Path) -> None:
    options = ("--seed", 3, "--length", 30, "--label", "Sports")
    done = charloom("generate", labelled, *options, "--interactive", stdin="r")
    assert done.out == charloom("generate", labelled, *options).out


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
def test_ctrl_c_ends_the_command_with_130_and_keeps_the_text(tmp_path: Path) -> None:
    path = folder(tmp_path / "model")
    with subprocess.Popen(
        [sys.executable, "-m", "charloom", "generate", path, "bad", "--interactive"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None and process.stderr is not None
        process.stdin.write(b"+face\n")
        process.stdin.flush()
        seen = b""
        while b"badface" not in seen or not seen.endswith(b"> "):
            seen += process.stderr.read(1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert (process.returncode, out) == (130, b"badface\n")
    assert err == b"\ncharloom: interrupted.\n"
