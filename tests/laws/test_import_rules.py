"""Import rules, checked by reading the source.

Modules are named as Python names them ("charloom.text.sources"); the package's own __init__ is
"charloom". A module's imports are listed wherever they stand, in functions too.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"

LAYERS = (
    "charloom.errors",
    "charloom.units",
    "charloom.events",
    "charloom.randomness",
    "charloom.formatting",
    "charloom.files",
    "charloom.settings",
    "charloom.text",
    "charloom.network",
    "charloom.data",
    "charloom.model_folder",
    "charloom.generation",
    "charloom.training",
    "charloom.evaluation",
    "charloom.model",
    "charloom.runs",
    "charloom.report",
    "charloom.api",
    "charloom.progress",
    "charloom",
    "charloom.cli",
    "charloom.__main__",
)
"""From the ground up: a module imports from its own layer and from those before it."""

TERMINAL = ("charloom.cli", "charloom.progress")
TORCH = (
    "charloom.network.autograd",
    # The CPU path still uses torch's tensors in these.
    "charloom.network.backprop.batch",
    "charloom.network.backprop.compiled_pass",
    "charloom.network.backprop.dropout",
    "charloom.network.backprop.matmul",
    "charloom.training.batches",
    "charloom.training.data_parallel",
    "charloom.training.device",
    "charloom.training.distributed.process_group",
    "charloom.training.distributed.torch_backend",
    "charloom.training.generators",
    "charloom.training.memory",
    "charloom.training.optim",
    "charloom.training.shard_states",
    "charloom.training.state_codec",
    "charloom.training.threads",
    "charloom.training.throughput",
)
"""Modules and packages that import torch."""
GROUND = tuple(
    f"charloom.{name}" for name in ("errors", "events", "units", "randomness", "formatting")
)
SERIALISERS = {"pickle", "marshal", "shelve", "copyreg", "dill", "cloudpickle", "joblib"}
HEAVY = ("torch", "numba", "outlines_core", "polars", "zstandard", "regex")
"""What generating has no use for, and would wait for."""


def name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {
    name_of(path): ast.parse(path.read_text("utf-8"))
    for path in sorted((SOURCE / "charloom").rglob("*.py"))
}
modules = pytest.mark.parametrize("module", TREES)


def targets(module: str, node: ast.AST) -> Iterator[str]:
    """Return the modules that one statement imports; none if it imports nothing."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"{module} line {node.lineno}: imports are absolute here"
        assert node.module is not None
        members = [f"{node.module}.{alias.name}" for alias in node.names]
        inner = [member for member in members if member in TREES]
        yield from inner
        if len(inner) < len(members):
            yield node.module


def imports(module: str) -> set[str]:
    """Return all modules that a module imports, at its top or in its functions."""
    nodes = ast.walk(TREES[module])
    return set(chain.from_iterable(targets(module, node) for node in nodes))


def is_for_types_only(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports_at_once(module: str) -> set[str]:
    """Return the modules that are loaded as soon as a module is imported."""
    found: set[str] = set()
    waiting: list[ast.stmt] = list(TREES[module].body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or is_for_types_only(node):
            continue
        found.update(targets(module, node))
        waiting.extend(child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt))
    return found


def loaded_at_once(module: str) -> set[str]:
    """Return all modules that are loaded, also by others, as soon as a module is imported."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        new = imports_at_once(waiting.pop()) - found
        found |= new
        waiting.extend(new & TREES.keys())
    return found


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def layer(module: str) -> int:
    place = max((name for name in LAYERS if within(module, name)), key=len)
    assert place != "charloom" or module == place, f"{module} has no place in LAYERS: give it one"
    return LAYERS.index(place)


def calls(module: str) -> Iterator[tuple[ast.Call, str]]:
    """Return every call in a module, with the dotted name of what is called."""
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func)


@modules
def test_imports_go_one_way(module: str) -> None:
    upwards = {
        target
        for target in imports(module)
        if within(target, "charloom") and layer(target) > layer(module)
    }
    assert not upwards


def test_no_module_imports_itself_in_a_circle() -> None:
    try:
        TopologicalSorter({module: imports(module) - {module} for module in TREES}).prepare()
    except CycleError as error:
        pytest.fail(f"modules import each other: {error.args[1]}")


@modules
def test_only_listed_modules_import_torch(module: str) -> None:
    if not within(module, *TORCH):
        assert not [target for target in imports(module) if within(target, "torch")]


def test_every_listed_module_imports_torch() -> None:
    assert not [
        name
        for name in TORCH
        if not any(
            within(target, "torch")
            for module in TREES
            if within(module, name)
            for target in imports(module)
        )
    ]


@modules
def test_one_module_imports_torch_distributed(module: str) -> None:
    if module != "charloom.training.distributed.torch_backend":
        known = [node for node in ast.walk(TREES[module]) if isinstance(node, ast.Attribute)]
        assert not [t for t in imports(module) if within(t, "torch.distributed")]
        assert not [n.lineno for n in known if ast.unparse(n) == "torch.distributed"]


@modules
def test_torch_is_loaded_by_functions_only(module: str) -> None:
    if not within(module, "charloom.network", "charloom.training"):
        assert not [target for target in loaded_at_once(module) if within(target, "torch")]


@modules
def test_text_and_network_import_ground_and_settings_only(module: str) -> None:
    for package in ("charloom.text", "charloom.network"):
        if within(module, package):
            allowed = (*GROUND, "charloom.settings", package)
            inner = [t for t in imports(module) if within(t, "charloom")]
            assert not [t for t in inner if not within(t, *allowed)]


@modules
def test_training_imports_neither_generation_nor_evaluation(module: str) -> None:
    if within(module, "charloom.training"):
        forbidden = ("charloom.generation", "charloom.evaluation")
        assert not [target for target in imports(module) if within(target, *forbidden)]


@modules
def test_nothing_imports_the_command_line(module: str) -> None:
    if not within(module, "charloom.cli", "charloom.__main__"):
        assert not [target for target in imports(module) if within(target, "charloom.cli")]


@modules
def test_only_the_terminal_s_rooms_print_or_parse_arguments(module: str) -> None:
    if within(module, *TERMINAL):
        return
    assert not [node.lineno for node, name in calls(module) if name == "print"]
    streams = [
        node.lineno
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"sys.stdout", "sys.stderr"}
    ]
    assert not streams
    assert not [t for t in imports(module) if within(t, "rich", "typer", "argparse", "click")]


@modules
def test_nothing_that_is_read_can_run_code(module: str) -> None:
    assert not [target for target in imports(module) if target.split(".")[0] in SERIALISERS]
    for node, name in calls(module):
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        assert given.get("allow_pickle", "False") == "False", f"{module} line {node.lineno}"
        if name == "torch.load":
            assert given.get("weights_only") == "True", f"{module} line {node.lineno}"


@modules
def test_ln_2_stands_in_units_only(module: str) -> None:
    if module == "charloom.units":
        return
    logarithms = {"log2", "exp2", "logaddexp2", "logsumexp2"}
    for node in ast.walk(TREES[module]):
        where = f"{module} line {getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Attribute | ast.Name):
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            assert name not in logarithms, where
        if isinstance(node, ast.ImportFrom):
            assert not logarithms & {alias.name for alias in node.names}, where
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            assert not 0.693 <= node.value <= 0.6932, where
            assert not 1.442 <= node.value <= 1.443, where
    for node, name in calls(module):
        if name.split(".")[-1] == "log":
            numbers = [
                argument.value for argument in node.args if isinstance(argument, ast.Constant)
            ]
            assert 2 not in numbers, f"{module} line {node.lineno}"


@pytest.mark.parametrize("module", ["charloom.model", "charloom.cli.app"])
def test_what_generating_needs_loads_nothing_heavy(module: str) -> None:
    program = f"import sys, {module}; print(*sorted(set({HEAVY}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
