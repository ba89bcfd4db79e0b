"""A real browser without a window, for the pages that charloom writes."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
REQUIRED = "CHARLOOM_TEST_BROWSER"
"""Set to anything: a browser that is missing fails the tests, instead of leaving them out."""
# Without a sandbox of its own, which needs rights that containers do not give; and no calls home.
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Give a browser; the test is left out where there is none."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        message = f"none of the browsers {', '.join(NAMES)} is installed: make browser"
        if REQUIRED in os.environ:
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(OPTIONS))
        try:
            yield opened
        finally:
            opened.close()
