"""In a notebook, training has one display that is updated in place, and survives an interruption.

The notebooks run in a kernel of their own, as in Jupyter.
"""

import asyncio
import shutil
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import nbformat
import pytest
from displays import Page, check_is_safe
from nbclient import NotebookClient

import charloom

ROOT = Path(__file__).parents[2]
NEWCOMER = ROOT / "docs" / "notebooks" / "dataframe-to-model.ipynb"
MAX_NEWCOMER_LINES = 15
TIMEOUT = 120

PREPARE = """
import asyncio, charloom
texts = [f"line {k} of a story" for k in range(40)]
small = {"hidden": 8, "input": 4, "precision": "fp32", "temperatures": [0.5]}
"""

pytestmark = [pytest.mark.slow, pytest.mark.needs("ipykernel")]


@pytest.fixture(autouse=True)
def folders_of_the_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IPYTHONDIR", "JUPYTER_DATA_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))


def notebook(*sources: str) -> Any:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    return nbformat.v4.new_notebook(cells=cells)


def client(content: Any, folder: Path) -> NotebookClient:
    # The kernel is that of this Python, whatever is installed for the user.
    return NotebookClient(
        content,
        timeout=TIMEOUT,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )


def outputs(cell: Any, kind: str) -> list[Any]:
    return [output for output in cell.outputs if output.output_type == kind]


def execute(*sources: str, folder: Path) -> list[Any]:
    """Return the cells after they have run."""
    content = notebook(*sources)
    client(content, folder).execute()
    cells: list[Any] = content.cells
    return cells


def test_displays_of_training_models_and_symbols(tmp_path: Path) -> None:
    _, trained, silent, card, bars, figures, beside, states, history, thread, both = execute(
        PREPARE,
        "model = charloom.train(texts=texts, steps=30, **small)",
        "charloom.train(texts=texts, steps=3, progress=False, **small); None",
        "model",
        "model.next('line')",
        "model.evaluate(texts[:5])",
        "model.next('line').at_temperatures(0.3, 1.8)",
        "model.states('line 3')",
        "model.history",
        "await asyncio.to_thread(charloom.train, texts=texts, steps=3, **small); None",
        "runs = [asyncio.to_thread(charloom.train, texts=texts, steps=3, **small) for _ in 'ab']\n"
        "await asyncio.gather(*runs); None",
        folder=tmp_path,
    )
    # The display began without a result, and is the result now: it was updated in place.
    [display] = trained.outputs
    assert display.output_type == "display_data"
    assert display.data["text/plain"].startswith("Trained 0:")
    assert "Trained" in Page(display.data["text/html"]).texts
    assert len(Page(display.data["text/html"]).paths()) == 2
    check_is_safe(display.data["text/html"])
    assert silent.outputs == []
    shown = ((card, "charloom.Model"), (bars, "%"), (figures, "Evaluation"), (beside, "<b>1.8</b>"))
    for cell, text in (*shown, (states, "Hidden state"), (history, "sample, temp 0.5")):
        [result] = cell.outputs
        check_is_safe(result.data["text/html"])
        assert text in result.data["text/html"]
        assert "text/plain" in result.data
    assert Page(card.outputs[0].data["text/html"]).paths()
    assert [o.data["text/plain"][:7] for o in outputs(thread, "display_data")] == ["Trained"]
    assert [o.data["text/plain"][:7] for o in outputs(both, "display_data")] == ["Trained"] * 2
    assert len(both.outputs) == 2


def interrupt_when_shown(content: Any, running: int, text: str, folder: Path) -> None:
    """Run all cells; interrupt the kernel when a cell shows a text, and continue."""

    async def run() -> None:
        notebook_client = client(content, folder)
        async with notebook_client.async_setup_kernel():
            for index, cell in enumerate(content.cells):
                task = asyncio.ensure_future(notebook_client.async_execute_cell(cell, index))
                if index == running:
                    while not any(text in str(output) for output in cell.outputs):
                        assert not task.done(), cell.outputs
                        await asyncio.sleep(0.02)
                    assert notebook_client.km is not None
                    interruption: Any = notebook_client.km.interrupt_kernel()
                    if isinstance(interruption, Coroutine):
                        await interruption
                await task

    asyncio.run(run())


@pytest.mark.skipif(sys.platform == "win32", reason="kernels are interrupted by signals")
def test_an_interrupted_cell_returns_its_model_and_can_be_resumed(tmp_path: Path) -> None:
    content = notebook(
        PREPARE,
        "model = charloom.train(texts=texts, steps=10**6, output='m', **small)",
        "print(model.history.stop_reason, 0 < model.record.metrics['step'] < 10**6)\n"
        "print(charloom.load('m').generate(seed=3) == model.generate(seed=3))\n"
        "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)",
    )
    interrupt_when_shown(content, 1, "training", tmp_path)
    _, trained, checked = content.cells
    [display] = trained.outputs
    assert display.data["text/plain"].startswith("Interrupted 0:")
    assert display.data["text/plain"].endswith("with output='m', resume=True")
    assert (tmp_path / "m" / "checkpoint").is_dir()
    assert checked.outputs[0].text == "interrupted True\nTrue\nTrue\n"


@pytest.mark.needs("polars")
def test_the_notebook_for_newcomers_runs(tmp_path: Path) -> None:
    content = nbformat.read(NEWCOMER, as_version=4)
    nbformat.validate(content)
    code = [cell for cell in content.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    lines = [line for cell in code for line in cell.source.splitlines() if line.strip()]
    assert len(lines) <= MAX_NEWCOMER_LINES
    [training] = [cell for cell in code if "minutes=2" in cell.source]
    # The time of a reader is more than a test has.
    training.source = training.source.replace("minutes=2", "steps=20, hidden=16")
    client(content, tmp_path).execute()
    [display] = training.outputs
    assert display.data["text/plain"].startswith("Trained 0:")
    [card] = code[-1].outputs
    assert "charloom.Model" in card.data["text/html"]
    assert Page(card.data["text/html"]).paths()
    shutil.unpack_archive(tmp_path / "facts.zip", tmp_path / "unpacked")
    [generated] = next(cell for cell in code if "generate" in cell.source).outputs
    texts = charloom.load(tmp_path / "unpacked").generate("The ", n=5, temperature=0.7, seed=1)
    assert generated.text == "\n".join(texts) + "\n"
