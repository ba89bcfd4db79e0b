"""The exported page in a headless browser, opened from disk without a network."""

import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

TIMEOUT = 60_000
"""Milliseconds; a busy machine is slow."""


@contextmanager
def opened_page(
    browser: "Browser", path: Path, fragment: str = "", script: str = "", **context: Any
) -> Iterator["Page"]:
    """Yield the page of a file, loaded; fail on errors, and on requests beside the file.

    ``script`` runs before the page's own.
    """
    environment = browser.new_context(offline=True, **context)
    page = environment.new_page()
    faults: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    if script:
        page.add_init_script(script)
    page.goto(path.as_uri() + fragment)
    page.locator("body:not([data-state=loading])").wait_for(timeout=TIMEOUT)
    page.locator("#status:not(:text('Loading'))").wait_for(timeout=TIMEOUT)
    try:
        yield page
    finally:
        environment.close()
    assert faults == []
    others = [url for url in requests if not url.startswith(("blob:", "data:"))]
    assert [url.split("#")[0] for url in others] == [path.as_uri()]


def fragment(**values: object) -> str:
    """Return the fragment of a link."""
    return "#" + urllib.parse.urlencode({key: str(value) for key, value in values.items()})


def text_of(page: "Page") -> str:
    """Return the text that the page has written, when it is complete."""
    page.locator("#stop:disabled").wait_for(timeout=TIMEOUT)
    return page.locator("output#text").text_content() or ""
