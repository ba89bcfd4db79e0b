"""The documentation site: built strictly, opened page by page in a browser, nothing from elsewhere.

Each page is loaded once, from its file, and axe-core (https://github.com/dequelabs/axe-core) checks
it. The rule on contrast takes most of the time, so it looks at one element for each distinct
combination of colors, size and weight, in both themes: the contrast depends on nothing else. The
width matters to a few rules. The parts that only one width shows, such as the header of telephones,
are the same on all pages: the landing page is checked by all rules at both widths.
"""

import doctest
import html
import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browsers import open_browser
from optional import need
from records import record
from soak import SOAK

import charloom
from charloom.model import Model
from charloom.settings.declaration import settings_of
from charloom.settings.tables import TABLES

if TYPE_CHECKING:
    from playwright.sync_api import Page

DOCS = Path(__file__).parents[2] / "docs"
GENERATORS = "extra/generators"
EXTENSIONS = sorted(path.stem for path in (DOCS / "extensions").glob("[a-z]*.py"))
WIDTHS = (1280, 360)
THEMES = ("light", "dark")
KINDS = ("index", "3-generating", "texts-and-tables", "tunes", "how-it-works", "api", "search")
"""The landing page, a notebook, tables, drawings, equations, the library, the search."""
PACKAGES = ("sphinx", "furo", "myst_nb", "sphinx_copybutton")

LAYOUT = """axe.run(document, {
  preload: false, resultTypes: ["violations"],
  runOnly: ["scrollable-region-focusable", "target-size", "link-in-text-block"],
})"""
RULES = """axe.run(document, {
  preload: false, resultTypes: ["violations"], rules: {"color-contrast": {enabled: false}},
})"""
CONTRAST = """async known => {
  const behind = element => {
    const layers = [];
    for (; element; element = element.parentElement) {
      const style = getComputedStyle(element);
      layers.push(style.backgroundColor + style.backgroundImage + style.opacity);
    }
    return layers.filter((layer, index) => layer !== layers[index - 1]);
  };
  const found = new Map();
  for (const element of document.body.querySelectorAll("*")) {
    const hasText = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
    if (!hasText || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const key = [style.color, style.fontSize, style.fontWeight, behind(element)].join("|");
    if (!known.includes(key) && !found.has(key)) found.set(key, element);
  }
  if (!found.size) return [[], []];
  const results = await axe.run({include: [...found.values()]}, {
    preload: false, resultTypes: ["violations"], runOnly: ["color-contrast"],
  });
  const nodes = results.violations.flatMap(rule => rule.nodes);
  return [[...found.keys()], nodes.map(node => "color-contrast: " + node.html.slice(0, 200))];
}"""
VIOLATIONS = """%s.then(results => results.violations.flatMap(
  rule => rule.nodes.map(node => rule.id + ": " + node.html.slice(0, 200))
))"""

pytestmark = [pytest.mark.slow, *(pytest.mark.needs(package) for package in PACKAGES)]


def build(source: Path, folder: Path) -> None:
    """Build strictly, but execute no notebook."""
    options = ["--quiet", "--fail-on-warning", "--keep-going", "-D", "nb_execution_mode=off"]
    command = [sys.executable, "-m", "sphinx", *options, str(source), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    source = folder / "docs"
    shutil.copytree(DOCS, source, ignore=shutil.ignore_patterns("__pycache__"))
    # `make docs` makes the page of a model, and the pictures of runs.
    Model(record()).export(source / GENERATORS / "titles.html")
    for page in source.rglob("*.md"):
        for target in re.findall(r"!\[[^]]*\]\(([\w./-]+\.svg)\)", page.read_text("utf-8")):
            picture = page.parent / target
            if not picture.exists():
                picture.parent.mkdir(exist_ok=True)
                picture.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    build(source, folder / "html")
    return folder / "html"


@pytest.fixture(scope="module")
def pages(site: Path) -> list[Path]:
    found = sorted(site.rglob("*.html"))
    assert len(found) > len(list(DOCS.rglob("*.md")))  # and a notebook, the index, the search
    return found


@pytest.fixture(scope="module")
def page() -> Iterator["Page"]:
    with open_browser() as browser:
        yield browser.new_page()


class Loaded(HTMLParser):
    """Collects the addresses that a browser loads by itself: all but those of links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = ("src", "srcset", "data", "poster") if tag == "a" else ("src", "srcset", "href")
        self.found += [value or "" for name, value in attrs if name in names]


def test_no_page_loads_anything_from_another_host(site: Path, pages: list[Path]) -> None:
    for path in pages:
        for address in Loaded(path.read_text("utf-8")).found:
            assert not re.match(r"(?:[a-z]+:)?//", address), (path.name, address)
    for path in site.rglob("*.css"):
        addresses = re.findall(r"url\(([^)]*)\)|@import\s+(\S+)", path.read_text("utf-8"))
        assert not [a for a in addresses if re.match(r"[\"']?(?:https?:)?//", "".join(a))], path


@pytest.mark.soak
def test_pages_are_accessible_and_fit_both_widths(page: "Page", pages: list[Path]) -> None:
    """A page of each kind in CI, all pages in ``make soak``."""
    need("axe_playwright_python")
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe().axe_script
    problems: list[str] = []
    styles: list[str] = []  # combinations whose contrast has been checked, on any page
    page.on("console", lambda message: note(problems, message.type == "error", message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "request",
        lambda request: note(problems, request.url[:5] not in ("file:", "blob:"), request.url),
    )
    chosen = pages if SOAK > 1 else [path for path in pages if path.stem in KINDS]
    assert len(chosen) >= len(KINDS)
    for path in chosen:
        before = len(problems)
        page.goto(path.as_uri())
        page.evaluate(axe)
        for width in WIDTHS:
            whole = width == WIDTHS[0] or path.name == "index.html"
            page.set_viewport_size({"width": width, "height": 800})
            problems += page.evaluate(VIOLATIONS % (RULES if whole else LAYOUT))
            overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            if page.evaluate(overflow) > 0:
                problems.append(f"wider than {width} pixels")
            for theme in THEMES if whole else ():
                page.evaluate("theme => document.body.dataset.theme = theme", theme)
                keys, found = page.evaluate(CONTRAST, styles)
                styles += keys
                problems += found
        problems[before:] = [f"{path.name}: {problem}" for problem in problems[before:]]
    assert problems == []


def test_the_check_of_contrast_sees_a_fault(page: "Page") -> None:
    need("axe_playwright_python")
    from axe_playwright_python.sync_playwright import Axe

    page.set_content("<p>seen</p><p style='color: #aaa'>hardly</p><p style='color: #bbb'>less</p>")
    page.evaluate(Axe().axe_script)
    keys, found = page.evaluate(CONTRAST, [])
    assert len(keys) == 3
    assert [re.sub("<[^>]*>", "", problem) for problem in found] == [
        "color-contrast: hardly",
        "color-contrast: less",
    ]
    assert page.evaluate(CONTRAST, keys) == [[], []]


def note(problems: list[str], found: bool, text: str) -> None:
    if found:
        problems.append(text)


def test_the_search_finds_a_page_from_a_file(page: "Page", site: Path) -> None:
    page.goto((site / "search.html").as_uri() + "?q=temperature")
    page.wait_for_selector("#search-results li a")
    targets = page.eval_on_selector_all("#search-results li a", "links => links.map(a => a.href)")
    assert any("guide/generating.html" in target for target in targets)


def test_a_copy_has_the_commands_without_prompt_and_output(page: "Page", tmp_path: Path) -> None:
    source = tmp_path / "docs"
    source.mkdir()
    (source / "conf.py").write_text(
        'extensions = ["myst_nb", "sphinx_copybutton"]\nhtml_theme = "furo"\n'
        + "\n".join(re.findall(r"^copybutton.*$", read("conf.py"), re.MULTILINE))
    )
    (source / "index.md").write_text("# T\n\n```console\n$ one \\\n  -n 1\noutput\n$ two\n```\n")
    build(source, tmp_path / "site")
    page.goto((tmp_path / "site" / "index.html").as_uri())
    # The script copies from an element that it adds for a moment.
    page.evaluate("document.addEventListener('copy', event => window.copied = event.target.value)")
    page.hover("div.highlight")
    page.click("button.copybtn")
    assert page.evaluate("window.copied") == "one \\\n  -n 1\ntwo"


def test_the_keyboard_opens_the_menu_of_a_telephone(page: "Page", site: Path) -> None:
    page.set_viewport_size({"width": WIDTHS[1], "height": 800})
    page.goto((site / "start.html").as_uri())
    menu = page.get_by_role("button", name="Menu of the site").first
    menu.focus()
    assert menu.get_attribute("aria-expanded") == "false"
    page.keyboard.press("Enter")
    assert menu.get_attribute("aria-expanded") == "true"
    page.wait_for_function(
        "document.querySelector('.sidebar-drawer').getBoundingClientRect().x >= 0"
    )
    page.keyboard.press("Escape")
    assert menu.get_attribute("aria-expanded") == "false"
    assert page.get_by_role("button", name="Copy", exact=True).count() > 3


def read(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def test_links_to_files_outside_the_site_become_text(tmp_path: Path) -> None:
    source = tmp_path / "docs"
    source.mkdir()
    (tmp_path / "README.md").write_text("# Outside\n")
    (source / "data.csv").write_text("a,b\n")
    (source / "conf.py").write_text(
        f'import sys\nsys.path.insert(0, {str(DOCS)!r})\nhtml_theme = "furo"\n'
        'extensions = ["myst_nb", "extensions.outside_links"]\n'
    )
    (source / "index.md").write_text(
        "# T\n\n[the readme](../README.md) and [README.md](../README.md#a), [data](data.csv)\n"
        "[code](../src/missing.py)\n"
    )
    build(source, tmp_path / "site")
    text = (tmp_path / "site" / "index.html").read_text("utf-8")
    body = re.sub(r"<[^>]*>", "", text.partition("<article")[2])
    assert "the readme (README.md) and README.md, data\ncode (src/missing.py)" in body
    assert "README" not in "".join(re.findall(r'href="[^"]*"', text))
    assert [path.name for path in (tmp_path / "site" / "_downloads").rglob("*.*")] == ["data.csv"]


def test_the_page_of_the_library_has_every_public_name(site: Path) -> None:
    text = (site / "api.html").read_text("utf-8")
    names = set(charloom.__all__) - {"__version__"}
    assert not [name for name in sorted(names) if f'id="charloom.{name}"' not in text]


@pytest.mark.parametrize("kind", TABLES.values(), ids=lambda kind: str(kind.__name__))
def test_the_page_of_the_library_explains_every_setting(site: Path, kind: type) -> None:
    text = (site / "api.html").read_text("utf-8")
    for name, setting in settings_of(kind).items():
        section = text.partition(f'id="charloom.{kind.__name__}.{name}"')[2].partition("<dt ")[0]
        plain = " ".join(html.unescape(re.sub(r"<[^>]*>", "", section)).split())
        assert " ".join(setting.declaration.help.split()) in plain
        assert f"Option: {setting.declaration.option}." in plain


def test_the_trees_of_errors_and_events_are_blocks(site: Path) -> None:
    text = (site / "api.html").read_text("utf-8")
    blocks = re.findall(r"<pre[^>]*>(.*?)</pre>", text, re.DOTALL)
    assert any("CharloomError\n├── SettingsError " in block for block in blocks)
    assert any("Event\n├── Step " in block for block in blocks)


def test_equations_are_mathml(site: Path) -> None:
    text = (site / "how-it-works.html").read_text("utf-8")
    assert text.count('<math xmlns="http://www.w3.org/1998/Math/MathML"') > 10
    assert "MathJax" not in text


@pytest.mark.parametrize("name", EXTENSIONS)
def test_examples_of_the_extensions(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    module: Any = importlib.import_module(f"extensions.{name}")
    assert doctest.testmod(module).failed == 0
