"""The Python examples of the documents pass a type checker and run.

The type checker is strict and reads charloom as a user's would. Examples run with few steps and
small networks, on texts made here; otherwise as they are.
"""

import dataclasses
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from optional import need

import charloom
from charloom import api
from charloom.extras import EXTRAS, is_installed
from charloom.model import Model
from charloom.runs.request import TrainRequest
from charloom.runs.spec import RunSpec
from charloom.runs.train import train_model
from charloom.runs.train_options import TrainOptions
from charloom.settings import SamplingOptions

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARKDOWN = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.md")]
DOCUMENTS = sorted(path for path in MARKDOWN if FENCE.search(path.read_text("utf-8")))
PACKAGE = ROOT / "src" / "charloom" / "__init__.py"

TITLES = [f"Today the {animal} sees {n}" for n in range(20) for animal in ("fox", "hen", "cat")]
UNTYPED = "from typing import Any; frame: Any; series: Any; other_series: Any; "
NAMES = UNTYPED + "usual: list[str]; new_texts: list[str]"
"""Declarations of the names that examples take from their readers' programs."""

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


class Frame:
    """A table with the interface of a DataFrame of pandas."""

    columns = ("title", "kind")

    def __len__(self) -> int:
        return len(TITLES)

    def __getitem__(self, name: str) -> list[str]:
        return TITLES if name == "title" else ["new" if "fox" in t else "old" for t in TITLES]


def examples(document: Path) -> list[str]:
    """Return the examples of a document, each at its own lines, for messages that name them."""
    text = document.read_text("utf-8")
    return ["\n" * text.count("\n", 0, match.start(1)) + match[1] for match in FENCE.finditer(text)]


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
    modules = {name: NAMES + text for name, text in modules.items()}
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
def in_a_moment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[TrainRequest]]:
    """Train with a few steps and a small network; return the requests."""
    requests: list[TrainRequest] = []

    def train_quickly(request: TrainRequest, spec: RunSpec | None = None) -> Model:
        requests.append(request)
        kept = {k: v for k, v in request.options.items() if k not in ("minutes", "epochs")}
        is_new = request.base is None
        small = {"hidden": 8, "temperatures": (), "precision": "fp32"} if is_new else {}
        options = {**small, **kept, "steps": 3}
        return train_model(dataclasses.replace(request, options=options), spec)

    monkeypatch.setattr(api, "train_model", train_quickly)
    monkeypatch.chdir(tmp_path)
    Path("titles.txt").write_text("\n".join(TITLES), "utf-8")
    yield requests


def lacks_a_package(block: str) -> str | None:
    """Return the optional package that an example imports and the environment lacks."""
    missing = (name for name in EXTRAS if not is_installed(name))
    imports = r"^(from|import) "
    return next((name for name in missing if re.search(rf"{imports}{name}\b", block, re.M)), None)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_examples_run(document: Path, in_a_moment: list[TrainRequest]) -> None:
    for name in ("titles", "plays"):
        charloom.train("titles.txt", output=f"runs/{name}")
    names: dict[str, Any] = {"frame": Frame(), "series": TITLES[:40], "other_series": TITLES[40:]}
    names |= {"usual": TITLES, "new_texts": TITLES[:9]}
    skipped = []
    for block in examples(document):
        if package := lacks_a_package(block):
            skipped.append(package)
        else:
            exec(compile(block, str(document), "exec"), names)
    # Examples that train are run by a stand-in, which shows that no model is loaded in its place.
    trains = "charloom.train(" in document.read_text("utf-8")
    assert len(in_a_moment) > 2 or not trains
    for package in skipped:
        need(package)


def test_the_example_of_the_package_runs(in_a_moment: list[TrainRequest]) -> None:
    names: dict[str, Any] = {}
    exec(compile(docstring_example(), str(PACKAGE), "exec"), names)
    assert [request.sources for request in in_a_moment] == [("titles.txt",)]
    assert isinstance(names["model"], charloom.Model)


def test_an_example_that_fails_is_noticed(tmp_path: Path) -> None:
    document = tmp_path / "guide.md"
    document.write_text("# A\n\n```python\nx = 1\n```\n\ntext\n\n```python\nx.y\n```\n", "utf-8")
    first, second = examples(document)
    assert merge([first, second]).splitlines() == ["", "", "", "x = 1", "", "", "", "", "", "x.y"]
    names: dict[str, Any] = {}
    exec(compile(first, "guide.md", "exec"), names)
    with pytest.raises(AttributeError) as error:
        exec(compile(second, "guide.md", "exec"), names)
    assert error.traceback[-1].lineno == 9  # counted from 0
