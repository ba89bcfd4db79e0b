"""Limits on the size of modules and functions, and a test file for each module."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "charloom"
MODULES = sorted(PACKAGE.rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
TREES = {path: ast.parse(path.read_text("utf-8")) for path in (*MODULES, *TESTS)}
Function = ast.FunctionDef | ast.AsyncFunctionDef

MAX_PARAMETERS = 8
MANY_PARAMETERS = {
    "charloom/api.py:train",
    "charloom/cli/commands/compare.py:compare",
    "charloom/cli/commands/export.py:export",
    "charloom/cli/commands/score.py:score",
    "charloom/sklearn/line_scorer.py:__init__",
}
"""Public functions whose parameters are what a user can set."""
NO_LOGIC = {
    "__main__.py": "calls the command line",
    "cli/exit_codes.py": "constants",
    "cli/options/tables.py": "a selection of settings, tested by the commands that take them",
    "data/zstd.py": "imports a module",
    "errors.py": "classes, tested where they are raised",
    "evaluation/run_result.py": "a record",
    "exchange/names.py": "constants",
    "evaluation/scorer_arguments.py": "records",
    "runs/spec.py": "a record",
    "settings/limits.py": "constants",
    "settings/measurements.py": "constants",
    "settings/sampling_options.py": "a record",
    "training/backend.py": "a protocol",
    "training/stateful.py": "a protocol",
    "training/step_hook.py": "a protocol",
}
"""Modules without a test file, and why."""


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[Function]:
    yield from (node for node in ast.walk(TREES[path]) if isinstance(node, Function))


def length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def parameters(function: Function) -> int:
    """Return the number of parameters besides ``self`` and ``cls``."""
    arguments = function.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return sum(argument.arg not in ("self", "cls") for argument in named)


def test_modules_are_small() -> None:
    lines = {short(path): len(path.read_text("utf-8").splitlines()) for path in MODULES}
    assert not {name: count for name, count in lines.items() if count > 350}
    assert statistics.median(lines.values()) <= 150


def test_functions_are_small() -> None:
    lines = {
        f"{short(path)}:{function.name}": length(function)
        for path in MODULES
        for function in functions(path)
    }
    assert not {name: count for name, count in lines.items() if count > 60}
    assert statistics.median(lines.values()) <= 12


def test_functions_have_few_parameters() -> None:
    counts = {
        f"{path.relative_to(ROOT / 'src').as_posix()}:{function.name}": parameters(function)
        for path in MODULES
        for function in functions(path)
    }
    many = {name: count for name, count in counts.items() if count > MAX_PARAMETERS}
    assert not {name: count for name, count in many.items() if name not in MANY_PARAMETERS}


@pytest.mark.parametrize("path", MODULES, ids=short)
def test_docstrings_begin_with_a_short_line(path: Path) -> None:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(TREES[path]) if isinstance(node, documented)]
    first_lines = [(ast.get_docstring(node) or "").split("\n")[0] for node in nodes]
    assert not [line for line in first_lines if len(line) > 80]


@pytest.mark.parametrize("path", MODULES, ids=short)
def test_a_module_with_logic_has_a_test_file(path: Path) -> None:
    name = path.relative_to(PACKAGE)
    if path.name == "__init__.py" or name.as_posix() in NO_LOGIC:
        return
    mirror = ROOT / "tests" / "modules" / name.parent / f"test_{path.name}"
    command = ROOT / "tests" / "commands" / f"test_{path.name}"
    assert mirror.exists() or (name.parts[0] == "cli" and command.exists())


@pytest.mark.parametrize("path", TESTS, ids=short)
def test_private_names_are_not_patched(path: Path) -> None:
    patched = [
        node.args[1].value
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith(".setattr")
        and len(node.args) > 1
        and isinstance(node.args[1], ast.Constant)
        and isinstance(node.args[1].value, str)
    ]
    assert not [name for name in patched if name.startswith("_")]
