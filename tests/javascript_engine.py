"""The JavaScript engine in node: models, tasks and their results as JSON.

tests/javascript/tasks.mjs has the tasks.
"""

import json
import math
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from optional import skip_or_fail

from charloom.exchange.automaton_json import automaton_object
from charloom.exchange.forbidden_json import forbidden_object
from charloom.exchange.model_json import model_object
from charloom.model_folder.format import ModelRecord
from charloom.text.vocabulary import Vocabulary

ENGINE: Final = Path(__file__).parents[1] / "src/charloom/exchange/javascript"
TASKS: Final = Path(__file__).parent / "javascript"

FORBID_OPTIONS: Final = {
    "forbid_whole_words": "whole_words",
    "forbid_ignore_case": "ignore_case",
}

Task = dict[str, Any]


def find_node() -> str:
    """Return the path of node; skip the test if it is missing."""
    path = shutil.which("node") or shutil.which("nodejs")
    if path is None:
        skip_or_fail("node is not installed: make browser")
    return path


def to_payload(models: Sequence[Any], tasks: Sequence[Task]) -> str:
    """Return models and tasks as JSON, in which numbers such as NaN are texts."""
    objects = [model_object(m) if isinstance(m, ModelRecord) else m for m in models]
    return json.dumps(_encode({"models": objects, "tasks": list(tasks)}))


def run_node(models: Sequence[Any], tasks: Sequence[Task], folder: Path) -> list[Any]:
    """Run tasks in node, with a file in ``folder``; return the result of each."""
    path = folder / "tasks.json"
    path.write_text(to_payload(models, tasks), "utf-8")
    command = [find_node(), str(TASKS / "node.mjs"), str(ENGINE), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    results: list[Any] = json.loads(done.stdout)
    return results


def options_of(sampling: Mapping[str, Any], vocabulary: Vocabulary | None = None) -> dict[str, Any]:
    """Return fields of SamplingSettings as the options of JavaScript.

    The vocabulary is needed for ``forbid`` alone.
    """
    shipped = ("match", "forbid", *FORBID_OPTIONS)
    options = {_camel(name): value for name, value in sampling.items() if name not in shipped}
    if "match" in sampling:
        options["match"] = automaton_object(sampling["match"])
    if "forbid" in sampling:
        assert vocabulary is not None
        how = {name: sampling.get(option, False) for option, name in FORBID_OPTIONS.items()}
        options["forbid"] = forbidden_object(sampling["forbid"], vocabulary, **how)
    return options


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def _encode(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return f"@{'NaN' if math.isnan(value) else 'Infinity' if value > 0 else '-Infinity'}"
    if isinstance(value, Mapping):
        return {key: _encode(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_encode(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value
