"""JSON of a model folder has fixed bytes; digests are BLAKE2b of 16 bytes."""

import subprocess
import sys

import pytest

from charloom.model_folder.encoding import checkpoint_json, digest, model_json


def test_the_digest_of_nothing_is_the_published_one() -> None:
    # BLAKE2b-128 of the empty string.
    assert digest(b"") == "cae66941d9efbd404e4d88758ea67670"


def test_json_of_a_model_is_utf8_and_that_of_a_checkpoint_ascii() -> None:
    assert model_json({"b": 1, "a": "é"}) == '{\n  "a": "é",\n  "b": 1\n}\n'.encode()
    assert checkpoint_json({"b": 1, "a": "\udce9"}) == b'{\n "a": "\\udce9",\n "b": 1\n}\n'
    with pytest.raises(ValueError, match="JSON compliant"):
        checkpoint_json(float("nan"))


def test_the_command_line_starts_without_numpy() -> None:
    program = "import sys, charloom.cli.app; print('numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
