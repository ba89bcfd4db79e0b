"""The lesson covers the original, runs at any budget, and says the same in both languages.

The pages of docs/lesson/ are notebooks in Markdown. The site executes them; ``make soak`` also does
here with a small budget, on the installed facts.
"""

import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from soak import SOAK

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
ENGLISH = DOCS / "lesson"
SWEDISH = ENGLISH / "sv"
PAGES = sorted(path.name for path in ENGLISH.glob("*.md"))
NOTEBOOKS = sorted(path.name for path in ENGLISH.glob("[0-9]-*.md"))
MAX_NOTEBOOKS = 5

FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CELL = re.compile(r"^```\{code-cell\}\n.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s#]*)(?:#[^)\s]*)?\)")
SPAN = re.compile(r"`[^`\n]+`")
EXERCISE = re.compile(r"^\*\*(\d)\.\*\*", re.MULTILINE)

ORIGINAL = {
    "text before cell 1": ("1-symbols.md", "In the original: introduction"),
    "cell 1": ("1-symbols.md", "120,000 titles"),
    "cell 2": ("1-symbols.md", "`Tokenizer`"),
    "cell 3": ("1-symbols.md", "`<eos>` is added as 83"),
    "cell 4": ("1-symbols.md", "Hello, world!"),
    "cell 5": ("1-symbols.md", "def keras_minibatch"),
    "cell 6": ("1-symbols.md", "`py_function`"),
    "cell 7, one-hot": ("1-symbols.md", "np.eye(84)"),
    "cell 7": ("2-training.md", "recurrent + output == 119_892"),
    "cell 10": ("1-symbols.md", "no entry for the padding"),
    "cell 12, greedy": ("2-training.md", "longest_repeat"),
    "cell 12, cost": ("2-training.md", "again_and_again"),
    "cell 12, one list": ("2-training.md", "[7, 8, 9, 9]"),
    "cell 13": ("2-training.md", "In the original: cell 13"),
    "text: full texts": ("4-improving.md", "`num_chars`"),
    "text: layers and cells": ("4-improving.md", '"layers": 3'),
    "text: too large or too small": ("4-improving.md", "**overfitting**"),
    "text: why to draw": ("3-generating.md", 'model.next("play")'),
    "cell 33": ("3-generating.md", "Little red riding hood"),
    "cell 33, padding": ("3-generating.md", "KeyError"),
    "text: limits of the temperature": ("3-generating.md", "Towards\ninfinity"),
}
"""The parts of the original, and a text of the page that covers it."""

CALLS = (
    "Tokenizer",
    "pad_sequences",
    "one_hot",
    "py_function",
    "Masking",
    "LSTM(128",
    "softmax",
    "compile",
    "fit(",
    "LambdaCallback",
    "argmax",
    "multinomial",
)
"""Calls of the original that the page From Keras to charloom maps."""


@pytest.fixture
def extension(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(DOCS))
    import lesson_notebooks

    yield lesson_notebooks
    del sys.modules["lesson_notebooks"]


def blocks(path: Path) -> list[str]:
    """Return the paragraphs, lists, headings and fences of a page."""
    text = FRONT_MATTER.sub("", path.read_text("utf-8"))
    fences = FENCE.findall(text)
    parts = re.split(r"\n\n+", FENCE.sub("\0", text).strip())
    remaining = iter(fences)
    return [re.sub("\0", lambda _: next(remaining), part) for part in parts]


def shape(block: str) -> tuple[object, ...]:
    """Return all of a block that its translation keeps."""
    if block.startswith("```"):
        return ("fence", block)
    flat = " ".join(block.split())
    first = flat.split(" ", 1)[0]
    kind = first if re.fullmatch(r"#+|>|-|\|", first) else "text"
    items = len(re.findall(r"^(?:- |\|)", block, re.MULTILINE))
    links = [re.sub(r"^(\.\./)+|^sv/", "", link) for link in LINK.findall(flat)]
    return (kind, items, links, sorted(SPAN.findall(flat)), EXERCISE.findall(flat))


@pytest.mark.parametrize("name", PAGES)
def test_the_translation_has_the_structure_the_code_and_the_links(name: str) -> None:
    english, swedish = blocks(ENGLISH / name), blocks(SWEDISH / name)
    for own, translated in zip(english, swedish, strict=False):
        assert shape(translated) == shape(own)
    assert len(swedish) == len(english)


@pytest.mark.parametrize("name", PAGES)
def test_text_is_translated(name: str) -> None:
    """No paragraph is the same in both languages, but for code, tables of names and links."""
    english = {block for block in blocks(ENGLISH / name) if len(block.split()) > 8}
    same = english.intersection(blocks(SWEDISH / name))
    assert not [block for block in same if not block.startswith("```")]


@pytest.mark.parametrize("part", ORIGINAL)
def test_each_part_of_the_original_is_covered(part: str) -> None:
    page, text = ORIGINAL[part]
    assert text in (ENGLISH / page).read_text("utf-8")


@pytest.mark.parametrize("call", CALLS)
def test_each_call_of_the_original_has_its_twin(call: str) -> None:
    rows = (ENGLISH / "from-keras.md").read_text("utf-8").splitlines()
    assert [row for row in rows if row.startswith("|") and call in row]


def test_there_are_few_pages_and_each_has_exercises_with_solutions() -> None:
    assert 1 <= len(NOTEBOOKS) <= MAX_NOTEBOOKS
    for name in NOTEBOOKS:
        text = (ENGLISH / name).read_text("utf-8")
        assert len(EXERCISE.findall(text)) >= 2
        assert len(EXERCISE.findall(text)) == text.count(":tags: [hide-cell]")


def notebook(name: str) -> Any:
    from myst_nb.core.read import read_myst_markdown_notebook

    return read_myst_markdown_notebook((ENGLISH / name).read_text("utf-8"))


@pytest.mark.needs("myst_nb", "matplotlib", "ipykernel")
@pytest.mark.soak
@pytest.mark.skipif(SOAK == 1, reason="make docs runs the lesson; this is for make soak")
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_page_runs_alone_on_facts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbclient import NotebookClient

    for folder in ("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(folder, str(tmp_path / folder.lower()))
    monkeypatch.setenv("CHARLOOM_LESSON_BUDGET", "0.02")
    monkeypatch.delenv("CHARLOOM_LESSON_DATA", raising=False)
    content = notebook(name)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(content, timeout=300, kernel_name="python3", resources=resources).execute()
    outputs = [cell.outputs for cell in content.cells if cell.cell_type == "code"]
    assert any(outputs)
    if name == "4-improving.md":
        images = [str(output) for each in outputs for output in each if "<img" in str(output)]
        assert len(images) >= 3
        assert all('alt="' in image for image in images)


@pytest.mark.needs("myst_nb", "nbformat")
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_downloaded_notebook_is_valid_and_holds_no_checks(name: str, extension: Any) -> None:
    import nbformat

    content = notebook(name)
    prepared = extension.prepare(content)
    nbformat.validate(prepared)
    tags = [cell.metadata.get("tags", []) for cell in prepared.cells]
    assert ["remove-cell"] not in tags
    folded = [cell for cell in prepared.cells if "hide-cell" in cell.metadata.get("tags", [])]
    assert folded
    assert all(cell.metadata["jupyter"]["source_hidden"] for cell in folded)
    text = "".join(cell.source for cell in prepared.cells if cell.cell_type == "markdown")
    assert not re.findall(r"\]\([^)]*\.md", text)
    assert re.findall(r"\]\([^)]*\.(?:ipynb|html)", text)


@pytest.mark.needs("myst_nb", "nbformat")
def test_outputs_are_cached_by_code_data_and_budget(extension: Any, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("a = 1")
    first = extension.cache_folder(tmp_path, {})
    assert first.parent == tmp_path / "build" / "lesson-cache"
    assert extension.cache_folder(tmp_path, {"CHARLOOM_LESSON_BUDGET": "1"}) == first
    others = [
        extension.cache_folder(tmp_path, {"CHARLOOM_LESSON_BUDGET": "0.05"}),
        extension.cache_folder(tmp_path, {"CHARLOOM_LESSON_DATA": "test.csv"}),
    ]
    (tmp_path / "src" / "a.py").write_text("a = 2")
    others.append(extension.cache_folder(tmp_path, {}))
    assert len({first, *others}) == 4


@pytest.mark.needs("myst_nb", "nbformat")
def test_the_data_beside_the_checkout_are_used(
    extension: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "CHARLOOM_LESSON_DATA", "own.csv")
    file = tmp_path / "shared" / "data" / "ag_news" / "test.csv"
    file.parent.mkdir(parents=True)
    file.write_text("")
    extension.set_environment(tmp_path / "checkout")
    assert os.environ["CHARLOOM_LESSON_DATA"] == "own.csv"
    monkeypatch.delitem(os.environ, "CHARLOOM_LESSON_DATA")
    extension.set_environment(tmp_path / "elsewhere" / "checkout")
    assert "CHARLOOM_LESSON_DATA" not in os.environ
    extension.set_environment(tmp_path / "checkout")
    assert os.environ["CHARLOOM_LESSON_DATA"] == str(file)


@pytest.mark.needs("myst_nb", "nbformat")
def test_the_budget_is_that_of_the_site(
    extension: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "CHARLOOM_DOCS_BUDGET", "0.05")
    monkeypatch.setitem(os.environ, "CHARLOOM_LESSON_BUDGET", "0.5")
    extension.set_environment(tmp_path)
    assert os.environ["CHARLOOM_LESSON_BUDGET"] == "0.5"
    monkeypatch.delitem(os.environ, "CHARLOOM_LESSON_BUDGET")
    extension.set_environment(tmp_path)
    assert os.environ["CHARLOOM_LESSON_BUDGET"] == "0.05"


def site(folder: Path, *pages: str) -> Any:
    """Return the parts of a Sphinx application that the extension reads."""
    metadata = {page: {"kernelspec": {"name": "python3"}} for page in pages}
    return SimpleNamespace(
        outdir=folder / "site",
        builder=SimpleNamespace(format="html"),
        config=SimpleNamespace(nb_execution_cache_path=str(folder / "cache")),
        env=SimpleNamespace(metadata={"index": {}, "lesson/index": {}, **metadata}),
    )


@pytest.mark.needs("myst_nb", "nbformat")
def test_the_site_has_the_notebooks_of_both_languages(extension: Any, tmp_path: Path) -> None:
    import nbformat
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    pages = ("lesson/1-symbols", "lesson/sv/1-symbols")
    cells = [
        nbformat.v4.new_markdown_cell("[next](2-training.md), [keras](from-keras.md#text)"),
        nbformat.v4.new_code_cell("assert True", metadata={"tags": ["remove-cell"]}),
        nbformat.v4.new_code_cell("print(1)"),
    ]
    for page in pages:
        executed = tmp_path / "jupyter_execute" / f"{page}.ipynb"
        executed.parent.mkdir(parents=True)
        nbformat.write(nbformat.v4.new_notebook(cells=cells), executed)
        (tmp_path / "site" / page).parent.mkdir(parents=True)
    app = site(tmp_path, *pages)
    extension.copy_notebooks(app, ValueError("the build failed"))
    assert not list((tmp_path / "site").rglob("*.ipynb"))
    printed = nbformat.v4.new_output("stream", text="1\n")
    filled = nbformat.v4.new_notebook(cells=[*cells[:2], {**cells[2], "outputs": [printed]}])
    bundle = CacheBundleIn(nb=nbformat.from_dict(filled), uri="page")
    get_cache(tmp_path / "cache").cache_notebook_bundle(bundle, check_validity=False)
    extension.copy_notebooks(app, None)
    for page in pages:
        copied = nbformat.read(tmp_path / "site" / f"{page}.ipynb", as_version=4)
        text, code = copied.cells
        assert text.source == "[next](2-training.ipynb), [keras](from-keras.html#text)"
        assert code.source == "print(1)"
        assert code.outputs == [printed]


@pytest.mark.needs("myst_nb", "nbformat")
@pytest.mark.parametrize(
    ("page", "start"),
    [
        ("lesson/1-symbols", '<section id="a"><h1>A</h1>\n<p><a href="1-symbols.ipynb" download>'),
        ("lesson/sv/1-symbols", '<section lang="sv" id="a"><h1>A</h1>\n<p><a href="1-symbols.ip'),
        ("lesson/index", '<section id="a"><h1>A</h1><p>'),
        ("lesson/sv/index", '<section lang="sv" id="a"><h1>A</h1><p>'),
        ("index", '<section id="a"><h1>A</h1><p>'),
    ],
)
def test_a_page_names_its_language_and_links_to_its_notebook(
    extension: Any, tmp_path: Path, page: str, start: str
) -> None:
    fold = '<summary aria-label="Toggle hidden content">'
    context = {"body": f'<section id="a"><h1>A</h1><p>{fold}text</p></section>'}
    app = site(tmp_path, "lesson/1-symbols", "lesson/sv/1-symbols")
    extension.add_link(app, page, "page.html", context, None)
    assert context["body"].startswith(start)
    text = "<summary>text" if page != "index" else f"{fold}text"
    assert context["body"].endswith(f"{text}</p></section>")
