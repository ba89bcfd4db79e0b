"""Displays of notebooks, read as a browser reads them, and a notebook that records them."""

import base64
import threading
from collections.abc import Mapping
from html.parser import HTMLParser

IMAGE = "data:image/svg+xml;base64,"
VOID = {"br", "img", "input", "hr"}


class Page(HTMLParser):
    """The tags, the attributes and the text of HTML whose tags are all closed in order."""

    def __init__(self, content: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.images: list[Page] = []
        self._open: list[str] = []
        self.feed(content)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)
        source = dict(attrs).get("src")
        if tag == "img" and source is not None:
            assert source.startswith(IMAGE)
            self.images.append(Page(base64.b64decode(source.removeprefix(IMAGE)).decode()))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def paths(self) -> list[list[tuple[float, float]]]:
        """Return the points of each line that the images draw, in pixels."""
        attributes = [pair for image in self.images for pair in image.attributes]
        drawn = [value for name, value in attributes if name == "d" and value]
        return [
            [(float(x), float(y)) for x, y in (pair.split() for pair in d[1:-2].split("L"))]
            for d in drawn
            if d.endswith("h0")
        ]


def check_is_safe(content: str) -> None:
    """Fail if HTML has a script, loads anything, or depends on the colors of a theme.

    Images are within the HTML. Boxes without content may have a color.
    """
    page = Page(content)
    for part in (page, *page.images):
        assert not {"script", "style", "link", "iframe", "object", "use"} & set(part.tags)
        for name, value in part.attributes:
            assert not name.startswith("on")
            assert name not in ("href", "id", "class")
            assert "url(" not in (value or "")
            if name == "style":
                declared = [declaration.split(":")[0] for declaration in (value or "").split(";")]
                assert "color" not in declared and "background" not in declared
                assert "background-color" not in declared or "height" in declared
    assert "svg" not in page.tags


class RecordingNotebook:
    """The output area of a cell, which records its displays; it fails after ``limit`` calls."""

    def __init__(self, limit: int | None = None) -> None:
        self.displays: list[str] = []
        """Displays that were made, in their last state."""
        self.calls: list[Mapping[str, str]] = []
        self.threads: set[int] = set()
        self._limit = limit

    @property
    def html(self) -> str:
        """The last state of the only display."""
        [display] = self.displays
        return display

    @property
    def text(self) -> str:
        """The text of the last state."""
        return self.calls[-1]["text/plain"]

    def display(self, data: Mapping[str, str], *, raw: bool) -> None:
        self._record(data, raw)
        self.displays.append(data["text/html"])

    def update(self, data: Mapping[str, str], *, raw: bool) -> None:
        self._record(data, raw)
        self.displays[-1] = data["text/html"]

    def _record(self, data: Mapping[str, str], raw: bool) -> None:
        assert raw
        assert set(data) == {"text/html", "text/plain"}
        self.threads.add(threading.get_ident())
        self.calls.append(data)
        if self._limit is not None and len(self.calls) > self._limit:
            raise RuntimeError("the browser is gone")
