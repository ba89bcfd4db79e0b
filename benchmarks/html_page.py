"""Measure the size of exported pages, and the time until Chromium has them ready.

Networks are random LSTMs of 128, 384 and 1,024 units with 89 symbols and an embedding of 64. Ready
means: the page is shown, its worker has the model, and the controls work; the time counts from the
start of the navigation. The first page of a browser is not counted. The last lines are the text's
speed in the page, and a line through all times, from which exports estimate the time to open.

    python benchmarks/html_page.py
"""

import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from javascript import random_model
from playwright.sync_api import Browser, sync_playwright

from charloom.exchange.names import STORED_TYPES
from charloom.model import Model

HIDDEN = (128, 384, 1024)
ROUNDS = 7
LENGTH = 20_000
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


def endless_model(hidden: int) -> Model:
    """Return a random model whose texts have their full length."""
    model = random_model(hidden)
    model.record.tensors["output.bias"][0] = -30
    return model


def open_page(browser: Browser, path: Path) -> float:
    """Return the seconds until the page is ready."""
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(path.as_uri() + "#length=1")
    page.locator("body[data-state=ready]").wait_for(timeout=60_000)
    milliseconds: Any = page.evaluate("performance.getEntriesByName('ready')[0].startTime")
    context.close()
    return float(milliseconds) / 1000


def characters_a_second(browser: Browser, path: Path) -> float:
    page = browser.new_page()
    page.goto(path.as_uri() + "#length=1")
    page.locator("body[data-state=ready]").wait_for(timeout=60_000)
    page.fill("#length", str(LENGTH))
    start = time.perf_counter()
    page.click("#write")
    page.locator(f"#status:text-matches('^{LENGTH} symbols')").wait_for(timeout=120_000)
    seconds = time.perf_counter() - start
    page.close()
    return LENGTH / seconds


def main() -> None:
    sizes, times = [], []
    path = shutil.which("chromium")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        print(f"Chromium {browser.version}\n\nLSTM  type     MB     ready, s (median, of {ROUNDS})")
        for hidden in HIDDEN:
            model = endless_model(hidden)
            for dtype in STORED_TYPES:
                file = Path(folder, f"{hidden}-{dtype}.html")
                size = model.export(file, dtype=dtype, force=True).bytes / 1e6
                open_page(browser, file)
                seconds = [open_page(browser, file) for _ in range(ROUNDS)]
                sizes.append(size)
                times.append(statistics.median(seconds))
                print(
                    f"{hidden:4}  {dtype:8} {size:5.2f}  {times[-1]:.3f}  "
                    f"(least {min(seconds):.3f})"
                )
        slope, start = np.polyfit(sizes, times, 1)
        print(f"\nready after {start:.3f} s and {slope:.4f} s a MB")
        for hidden in HIDDEN[:2]:
            rate = characters_a_second(browser, Path(folder, f"{hidden}-float32.html"))
            print(f"LSTM {hidden}, shown on the page: {rate:,.0f} characters/s")
        browser.close()


if __name__ == "__main__":
    main()
