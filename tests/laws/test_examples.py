"""The Python examples of the documents pass a type checker and run.

The type checker is strict and reads charloom as a user's would. Here, trainings of examples have a
few steps; `make docs` runs them in full.
"""

import dataclasses
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import run_examples
from examples.page import PYTHON, read_page
from examples.runner import run_page
from examples.workshop import Workshop
from optional import need

import charloom
from charloom.runs.train_options import TrainOptions
from charloom.settings import SamplingOptions

ROOT = Path(__file__).parents[2]
PYTHON_BLOCK = re.compile(r"^```python$", re.MULTILINE)
MARKDOWN = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.md")]
DOCUMENTS = sorted(path for path in MARKDOWN if PYTHON_BLOCK.search(path.read_text("utf-8")))

NOT_RUN = [
    "guide/exporting.md: needs a model of Keras",
    "guide/exporting.md: needs a model of PyTorch",
    "guide/exporting.md: needs an account of the hub",
    "guide/generating.md: needs a terminal",
    "guide/library.md: trains for an hour",
    "guide/several-processes.md: needs PyTorch, and two machines",
    "guide/training.md: a server, which does not end",
    "recipes/molecules.md: needs RDKit",
    "start.md: installs charloom",
]
"""Pages and reasons of examples that are not run."""

MYPY_INI = f"""
[mypy]
strict = true
follow_imports = skip
mypy_path = {ROOT / "src"}
[mypy-charloom,charloom.*]
follow_imports = silent
[mypy-sklearn.*]
ignore_missing_imports = true
"""
MISTAKES = """
import charloom
model = charloom.train("titles.txt", minute=2)  # call-arg
charloom.train("titles.txt", cell="lstn")  # arg-type
charloom.train(texts=["a"], minutes="2")  # arg-type
model.generate("Today ", temprature=0.8)  # call-arg
model.stream(top_k="three")  # arg-type
model.scores(["a line"])  # attr-defined
charloom.no_such_name  # attr-defined
def report(event: charloom.Event) -> None:
    match event:
        case charloom.Validation(second=_):  # misc
            pass
from charloom.sklearn import LineScorer, TextScorer  # attr-defined
LineScorer(epoch=10)  # call-arg
"""
"""Each line with a comment has a mistake of that kind."""


def examples(document: Path) -> list[str]:
    """Return the examples of a document, each at its own lines, for messages that name them."""
    commands = [command for command in read_page(document).commands if command.kind == PYTHON]
    checked = [c for c in commands if not (c.not_run or "").startswith("needs ")]
    return ["\n" * (command.line - 1) + command.source + "\n" for command in checked]


def merge(blocks: list[str]) -> str:
    """Return one module with the lines of all blocks in their places."""
    lines: list[str] = []
    for block in blocks:
        lines += block.splitlines()[len(lines) :]
    return "\n".join(lines) + "\n"


def docstring_example() -> str:
    """Return the indented lines of the docstring of the package."""
    lines = (charloom.__doc__ or "").splitlines()
    return textwrap.dedent("\n".join(line for line in lines if not line or line[:4] == "    "))


def one_call_for_each_option() -> str:
    """Return a program in which every option has a value of no allowed type."""
    train = [f"charloom.train('a', {name}=object())" for name in TrainOptions.__annotations__]
    sampling = [f"model.generate({name}=object())" for name in SamplingOptions.__annotations__]
    return "\n".join(["import charloom; model = charloom.load('runs/a')", *train, *sampling])


@pytest.fixture(scope="module")
def errors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[int, str]]]:
    """Return line and kind of the errors of each module, from one run of mypy."""
    need("mypy")
    folder = tmp_path_factory.mktemp("examples")
    modules = {document.stem.lower(): merge(examples(document)) for document in DOCUMENTS}
    modules |= {"docstring": docstring_example(), "mistakes": MISTAKES}
    modules["options"] = one_call_for_each_option()
    for name, text in modules.items():
        (folder / f"{name}_example.py").write_text(text, "utf-8")
    (folder / "mypy.ini").write_text(MYPY_INI, "utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--no-pretty", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    found: dict[str, list[tuple[int, str]]] = {name: [] for name in modules}
    for line in done.stdout.splitlines():
        if match := re.match(r"(\w+)_example\.py:(\d+): error: .*\[([\w-]+)\]$", line):
            found[match[1]].append((int(match[2]), match[3]))
    assert f"(checked {len(modules)} source files)" in done.stdout, done.stdout + done.stderr
    return found


@pytest.mark.slow
def test_examples_have_no_type_errors(errors: dict[str, list[tuple[int, str]]]) -> None:
    assert {document.name for document in DOCUMENTS} >= {"README.md", "library.md"}
    others = {name: lines for name, lines in errors.items() if name not in ("mistakes", "options")}
    assert others == {name: [] for name in others}
    assert {"readme", "library", "continuing", "docstring"} <= set(others)


@pytest.mark.slow
def test_mistakes_in_examples_are_type_errors(errors: dict[str, list[tuple[int, str]]]) -> None:
    lines = enumerate(MISTAKES.splitlines(), 1)
    assert errors["mistakes"] == [(n, text.split("  # ")[1]) for n, text in lines if "  # " in text]


@pytest.mark.slow
def test_every_option_of_train_and_generate_has_a_type(
    errors: dict[str, list[tuple[int, str]]],
) -> None:
    count = len(TrainOptions.__annotations__) + len(SamplingOptions.__annotations__)
    assert errors["options"] == [(2 + n, "arg-type") for n in range(count)]


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path, in_full=False)


def test_the_examples_of_the_readme_run(workshop: Workshop) -> None:
    page = read_page(ROOT / "README.md")
    python = tuple(command for command in page.commands if command.kind == PYTHON)
    assert python
    run_page(dataclasses.replace(page, commands=python, needs=("titles",)), "readme", workshop)


def test_the_example_of_the_package_runs(workshop: Workshop, tmp_path: Path) -> None:
    path = tmp_path / "docstring.md"
    path.write_text(f"<!-- needs: titles -->\n```python\n{docstring_example()}\n```\n", "utf-8")
    page = read_page(path)
    assert "charloom.train(" in page.commands[0].source
    run_page(page, "docstring", workshop)


@pytest.mark.slow
@pytest.mark.needs("h5py", "polars", "sklearn", "tensorboard", "optuna")
def test_the_examples_of_all_pages_run() -> None:
    """In CI, this finds the results of `make docs`, and takes no time."""
    workshop = Workshop(run_examples.BUILD / "examples", in_full=False)
    run_examples.run_pages(run_examples.pages_of(ROOT / "docs"), workshop, record=False)


def test_few_examples_are_not_run() -> None:
    """Each of them is here, so that another one is a decision and no accident."""
    lines = run_examples.not_run(run_examples.pages_of(ROOT / "docs"))
    reasons = [re.sub(r":\d+: ", ": ", line).rpartition(": ")[0] for line in lines]
    assert sorted(set(reasons)) == NOT_RUN


def test_examples_keep_their_lines(tmp_path: Path) -> None:
    document = tmp_path / "guide.md"
    document.write_text("# A\n\n```python\nx = 1\n```\n\ntext\n\n```python\nx.y\n```\n", "utf-8")
    assert merge(examples(document)).splitlines() == [
        "",
        "",
        "",
        "x = 1",
        "",
        "",
        "",
        "",
        "",
        "x.y",
    ]
    document.write_text("<!-- not run: needs RDKit -->\n```python\nimport rdkit\n```\n", "utf-8")
    assert examples(document) == []
