"""Run the examples of the documentation, and write their output into the pages.

    python docs/run_examples.py                  copy docs/ to build/docs-source, with new outputs
    python docs/run_examples.py --record         write new outputs into the pages of docs/ as well
    python docs/run_examples.py --list           list the examples that are not run, and why
    python docs/run_examples.py start.md         these pages only

Blocks `console` and `python` of the pages are run; a block `text` directly after one is its output,
and so are lines after a command. Lines `...` stand for lines left out. Comments on a page say more:

    <!-- needs: titles, names-run -->         files and models, of docs/examples/preparations.py
    <!-- not run: needs a terminal -->        above a block: it is not run, for this reason
    <!-- not compared: depends on luck -->    above a block: messages may differ from the page
    <!-- picture: runs/titles -->             above an image: the curves of this run
    <!-- file: titles.html -->                an HTML file of a command: generators/titles.html

With CHARLOOM_DOCS_BUDGET below 1 in the environment, trainings last a moment: outputs are compared
with the pages, and the copy keeps those of the pages.
"""

import argparse
import os
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).parent
if str(DOCS) not in sys.path:
    sys.path.insert(0, str(DOCS))

from examples.errors import ExampleError  # noqa: E402
from examples.page import Page, read_page  # noqa: E402
from examples.preparations import are_as_recorded, in_order  # noqa: E402
from examples.runner import check_outputs, page_outputs, run_page  # noqa: E402
from examples.workshop import Workshop  # noqa: E402

BUILD: Final = DOCS.parent / "build"
GENERATORS: Final = "extra/generators"
"""Folder of the HTML files within the copy of the documentation; the site has what is in extra."""
PAGES: Final = ("index.md", "start.md", "lesson/*.md", "guide/*.md", "recipes/*.md")
BUDGET: Final = "CHARLOOM_DOCS_BUDGET"
MAX_WORKERS: Final = 4


def pages_of(docs: Path, names: Sequence[str] = ()) -> dict[str, Page]:
    """Return the pages with examples, by their path in the folder without a suffix."""
    paths = [docs / name for name in names]
    paths = paths or sorted(path for pattern in PAGES for path in docs.glob(pattern))
    return {path.relative_to(docs).with_suffix("").as_posix(): read_page(path) for path in paths}


def not_run(pages: dict[str, Page]) -> list[str]:
    """Return a line for each example that is not run: page, line, reason, command."""
    return [
        f"{name}.md:{command.line}: {command.not_run}: {command.source.splitlines()[0]}"
        for name, page in pages.items()
        for command in page.commands
        if command.not_run is not None
    ]


def run_pages(pages: dict[str, Page], workshop: Workshop, *, record: bool) -> dict[str, str]:
    """Run all examples, one page on each core; return the text of each file that they change.

    Files are pages and their pictures, by their path in the folder of the documentation.

    Raises:
        ExampleError: An example failed, or a record is wrong.
    """

    def run(name: str) -> dict[str, str]:
        page = pages[name]
        begin = time.monotonic()
        result = run_page(page, name, workshop)
        if record:  # the page may have been edited while its examples ran
            page = read_page(page.path)
            result = run_page(page, name, workshop)
        if not record:
            # In full, the site shows the new outputs, and chance decides on some messages.
            presence_only = workshop.in_full or not are_as_recorded(page.needs)
            check_outputs(page, result.outputs, presence_only=presence_only)
        print(f"{time.monotonic() - begin:6.1f} s  {name}", file=sys.stderr)
        files = {f"{GENERATORS}/{file}": text for file, text in result.files.items()}
        if not workshop.in_full:
            return files
        texts = {page.path.name: page.with_outputs(page_outputs(result.outputs)), **result.pictures}
        if record:
            write_files(page.path.parent, texts)
        return files | {str(Path(name).parent / file): text for file, text in texts.items()}

    needs = in_order([need for page in pages.values() for need in page.needs])
    cores = _cores()
    count = max(1, min(MAX_WORKERS, len(cores)))
    shares = [set(cores[k::count]) for k in range(count)]
    lock = threading.Lock()

    def pin() -> None:
        """Run the thread, and the processes that it starts, on cores of its own."""
        with lock:
            share = shares.pop()
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, share)

    with ThreadPoolExecutor(count, initializer=pin) as pool:
        prepared = [pool.submit(workshop.prepared, need) for need in needs]
        # Pages with many commands first, so that no core waits for a long page at the end.
        longest_first = sorted(pages, key=lambda name: -len(pages[name].commands))
        futures = [pool.submit(run, name) for name in longest_first]
        try:
            for each in prepared:
                each.result()
            return {file: text for each in futures for file, text in each.result().items()}
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _cores() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def copy_docs(docs: Path, target: Path, texts: dict[str, str]) -> None:
    """Copy the folder of the documentation, with new files."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(docs, target, ignore=shutil.ignore_patterns("__pycache__"))
    write_files(target, texts)


def write_files(folder: Path, texts: dict[str, str]) -> None:
    """Write files by their path in a folder."""
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = argparse.ArgumentParser(description="Run the examples of the documentation.")
    parser.add_argument("pages", nargs="*", help="pages below docs/; all pages if left out")
    parser.add_argument("--record", action="store_true", help="write new outputs into the pages")
    parser.add_argument("--list", action="store_true", help="list the examples that are not run")
    given = parser.parse_args(arguments)
    in_full = float(os.environ.get(BUDGET, "1")) >= 1
    if given.record and not in_full:
        parser.error(f"--record needs the full budget: unset {BUDGET}")
    try:
        pages = pages_of(DOCS, given.pages)
        if given.list:
            print("\n".join(not_run(pages)))
            return 0
        texts = run_pages(pages, Workshop(BUILD / "examples", in_full=in_full), record=given.record)
    except ExampleError as error:
        print(error, file=sys.stderr)
        return 1
    copy_docs(DOCS, BUILD / "docs-source", texts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
