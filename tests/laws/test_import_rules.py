"""Import rules of the package, checked by reading the source.

Modules have their dotted names, such as "charloom.data.sources"; "charloom" is the __init__ of the
package. Imports inside functions count too, unless a test says otherwise.
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
    "charloom.records",
    "charloom.events",
    "charloom.extras",
    "charloom.randomness",
    "charloom.formatting",
    "charloom.files",
    "charloom.jit",
    "charloom.settings",
    "charloom.text",
    "charloom.network",
    "charloom.data",
    "charloom.model_folder",
    "charloom.generation",
    "charloom.pages",
    "charloom.displays",
    "charloom.training",
    "charloom.evaluation",
    "charloom.exchange",
    "charloom.report",
    "charloom.inspection",
    "charloom.model",
    "charloom.mixture",
    "charloom.runs",
    "charloom.progress",
    "charloom.api",
    "charloom.sklearn",
    "charloom",
    "charloom.cli",
    "charloom.__main__",
)
"""A module imports from its own layer and from those before it. Every module is in a layer."""

GROUND = LAYERS[: LAYERS.index("charloom.settings")]
"""Modules that every package may import."""
PRINTERS = ("charloom.cli", "charloom.progress")
"""The packages that write to the terminal."""
TORCH = (
    "charloom.network.autograd",
    "charloom.training.device",
    "charloom.training.distributed.torch_collectives",
    "charloom.training.torch_backend",
    "charloom.training.torch_optimizer",
)
"""Modules and packages that import torch."""
SERIALISERS = {"pickle", "marshal", "shelve", "copyreg", "dill", "cloudpickle", "joblib"}
HEAVY = (
    "torch",
    "numba",
    "outlines_core",
    "polars",
    "sklearn",
    "backports.zstd",
    "regex",
    "pydantic",
)
"""Packages that generating does not need, and that take long to import."""


def name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {
    name_of(path): ast.parse(path.read_text("utf-8"))
    for path in sorted((SOURCE / "charloom").rglob("*.py"))
}
modules = pytest.mark.parametrize("module", TREES)


def targets(module: str, node: ast.AST) -> Iterator[str]:
    """Yield the modules that one statement imports."""
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
    """Return all modules that a module imports, at its top or inside functions."""
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


def reachable(module: str) -> set[str]:
    """Return all modules that a module may import at any time, also through others."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        new = imports(waiting.pop()) - found
        found |= new
        waiting.extend(new & TREES.keys())
    return found


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(package + ".") for package in packages)


def layer(module: str) -> int:
    place = max((name for name in LAYERS if within(module, name)), key=len)
    assert place != "charloom" or module == place, f"{module} is in no layer: add it to LAYERS"
    return LAYERS.index(place)


def calls(module: str) -> Iterator[tuple[ast.Call, str]]:
    """Yield every call in a module, with the dotted name of the function."""
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func)


@modules
def test_modules_import_from_lower_layers_only(module: str) -> None:
    upwards = {
        target
        for target in imports(module)
        if within(target, "charloom") and layer(target) > layer(module)
    }
    assert not upwards


def test_imports_have_no_cycles() -> None:
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
def test_only_the_backend_uses_torch_distributed(module: str) -> None:
    if module != "charloom.training.distributed.torch_collectives":
        attributes = [node for node in ast.walk(TREES[module]) if isinstance(node, ast.Attribute)]
        assert not [t for t in imports(module) if within(t, "torch.distributed")]
        assert not [n.lineno for n in attributes if ast.unparse(n) == "torch.distributed"]


@modules
def test_other_packages_load_torch_inside_functions_only(module: str) -> None:
    if not within(module, "charloom.network", "charloom.training"):
        assert not [target for target in loaded_at_once(module) if within(target, "torch")]


@modules
def test_only_its_own_package_imports_scikit_learn(module: str) -> None:
    foreign = [t for t in imports(module) if within(t, "sklearn", "charloom.sklearn", "scipy")]
    assert not foreign or within(module, "charloom.sklearn")
    assert module != "charloom.sklearn" or "sklearn.base" not in loaded_at_once(module)


def test_generating_and_scoring_never_import_torch() -> None:
    assert not [target for target in reachable("charloom.model") if within(target, "torch")]


@modules
def test_text_and_network_import_ground_and_settings_only(module: str) -> None:
    for package in ("charloom.text", "charloom.network"):
        if within(module, package):
            allowed = (*GROUND, "charloom.settings", package)
            inner = [t for t in imports(module) if within(t, "charloom")]
            assert not [t for t in inner if not within(t, *allowed)]


@modules
def test_text_uses_no_files(module: str) -> None:
    if within(module, "charloom.text"):
        assert not [t for t in imports(module) if within(t, "charloom.files", "pathlib", "io")]
        assert not [node.lineno for node, name in calls(module) if name == "open"]


@modules
def test_training_imports_neither_generation_nor_evaluation(module: str) -> None:
    if within(module, "charloom.training"):
        forbidden = ("charloom.generation", "charloom.evaluation")
        assert not [target for target in imports(module) if within(target, *forbidden)]


@modules
def test_exchange_imports_no_training_and_no_torch(module: str) -> None:
    """It reads model records; automata may come from generation, scores from evaluation."""
    if within(module, "charloom.exchange"):
        above = ("charloom.training", "charloom.runs", "charloom.report", "charloom.progress")
        assert not [target for target in imports(module) if within(target, *above)]
        assert not [target for target in reachable(module) if within(target, "torch")]


@modules
def test_nothing_imports_the_command_line(module: str) -> None:
    if not within(module, "charloom.cli", "charloom.__main__"):
        assert not [target for target in imports(module) if within(target, "charloom.cli")]


@modules
def test_only_the_command_line_parses_arguments(module: str) -> None:
    if not within(module, "charloom.cli"):
        assert not [t for t in imports(module) if within(t, "typer", "argparse", "click")]


@modules
def test_only_the_command_line_and_progress_views_print(module: str) -> None:
    if within(module, *PRINTERS):
        return
    assert not [node.lineno for node, name in calls(module) if name == "print"]
    streams = [
        node.lineno
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.Attribute) and ast.unparse(node) in {"sys.stdout", "sys.stderr"}
    ]
    assert not streams
    assert not [t for t in imports(module) if within(t, "rich")]


@modules
def test_no_file_that_is_read_can_run_code(module: str) -> None:
    assert not [target for target in imports(module) if target.split(".")[0] in SERIALISERS]
    for node, name in calls(module):
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        assert name not in {"eval", "exec"}, f"{module} line {node.lineno}"
        assert given.get("allow_pickle", "False") == "False", f"{module} line {node.lineno}"
        if name == "torch.load":
            assert given.get("weights_only") == "True", f"{module} line {node.lineno}"


@modules
def test_only_units_contains_ln_2(module: str) -> None:
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
def test_generating_starts_without_slow_imports(module: str) -> None:
    program = f"import sys, {module}; print(*sorted(set({HEAVY}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
