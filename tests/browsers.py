"""A headless browser for the pages that charloom writes."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from optional import need, skip_or_fail

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# The sandbox needs privileges that containers lack. Background requests are switched off.
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def open_browser() -> Iterator["Browser"]:
    """Yield a browser; skip the test if none is installed."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        skip_or_fail(f"none of the browsers {', '.join(NAMES)} is installed: make browser")
    need("playwright")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(OPTIONS))
        try:
            yield opened
        finally:
            opened.close()
