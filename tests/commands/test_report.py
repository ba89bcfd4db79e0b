"""``charloom report``: figures equal those of other commands; a browser shows the page."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browsers import open_browser
from command_line import Charloom

import charloom as library
from charloom import files
from charloom.errors import OutputError
from charloom.report.files import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HOSTILE = "<script>document.title='taken'</script>"
LINES = [f"{HOSTILE} is line {k} of {k * k}" for k in range(80)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    (folder / "lines.txt").write_text("\n".join(LINES), "utf-8")
    library.train(
        folder / "lines.txt",
        output=folder / "run",
        steps=8,
        hidden=8,
        clean=False,
        device="cpu",
        seed=1,
    )
    return folder


@pytest.fixture(scope="module")
def opened() -> Iterator[Browser]:
    with open_browser() as one:
        yield one


@pytest.fixture(scope="module")
def page(trained: Path) -> Path:
    """Return the path of the page of the model."""
    return write_report(library.load(trained / "run"), trained / "page", chosen=[HOSTILE]).page


def held_out(trained: Path) -> list[str]:
    from charloom.evaluation.training_texts import iter_texts, recover_corpus

    return list(iter_texts(recover_corpus(library.load(trained / "run").record).validation))


def test_the_library_writes_the_same_page(
    charloom: Charloom, trained: Path, tmp_path: Path
) -> None:
    by_command, by_library = tmp_path / "command", tmp_path / "library"
    charloom("report", trained / "run", "-o", by_command, "--text", HOSTILE, "--seed", 4)
    model = library.load(trained / "run")
    report = model.report(by_library, texts=[HOSTILE], seed=4)
    assert report.page == by_library / "report.html"
    assert report.to_dict()["figures"] == json.loads((by_library / "report.json").read_text())
    for name in ("report.html", "report.json"):
        assert (by_library / name).read_bytes() == (by_command / name).read_bytes()


def test_a_model_in_memory_has_a_report_without_texts(tmp_path: Path) -> None:
    lines = [f"line {k} of {k * k}" for k in range(80)]
    model = library.train(texts=lines, steps=2, hidden=4, device="cpu")
    figures = model.report(tmp_path).figures
    assert figures["name"] == "a model in memory"
    assert len(figures["curves"]["validation"]) == 1
    assert figures["missing"] == (
        "this model does not record its training texts; name them with --training."
    )
    (tmp_path / "lines.txt").write_text("\n".join(lines), "utf-8")
    report = model.report(tmp_path, training=tmp_path / "lines.txt")
    assert report.figures["missing"] is None


def test_the_figures_are_those_of_the_other_commands(charloom: Charloom, trained: Path) -> None:
    (trained / "held-out.txt").write_text("\n".join(held_out(trained)), "utf-8")
    done = charloom("report", trained / "run", "--json", "--text", "a text of mine")
    assert done.code == 0
    [figures] = done.records
    assert json.loads((trained / "run" / "report.json").read_text("utf-8")) == figures
    [told] = charloom(
        "evaluate", trained / "run", trained / "held-out.txt", "--baselines", "--json"
    ).records
    baselines = told.pop("baselines")
    assert figures["figures"] == told
    assert figures["baselines"] == pytest.approx(baselines, rel=1e-12)
    reached = library.load(trained / "run").record.metrics["bits_per_character"]
    assert told["bits_per_character"] == pytest.approx(reached, rel=1e-6)
    [line] = charloom(
        *("score", trained / "run", "--per-symbol", "--format", "jsonl"), stdin="a text of mine"
    ).records
    shown = figures["surprise"][0]
    assert shown["symbols"] == line["symbols"]
    assert shown["bits_per_character"] == pytest.approx(line["bits_per_character"], rel=1e-6)


def test_samples_are_those_of_the_seed(charloom: Charloom, trained: Path, tmp_path: Path) -> None:
    [figures] = charloom("report", trained / "run", "--json", "--seed", 7, "-o", tmp_path).records
    model = library.load(trained / "run")
    [samples] = figures["samples"]
    for temperature, texts in samples["texts"].items():
        drawn = model.generate(n=len(texts), seed=7, temperature=float(temperature), length=100)
        assert [text[:100] for text in texts] == drawn
    assert samples["texts"]["0.0"] == model.generate(
        seed=7, temperature=0, length=len(samples["texts"]["0.0"][0])
    )


def test_the_path_of_the_page_is_written(charloom: Charloom, trained: Path, tmp_path: Path) -> None:
    done = charloom("report", trained / "run", "-o", tmp_path / "new" / "page")
    assert (done.code, done.out) == (0, f"{tmp_path / 'new' / 'page' / 'report.html'}\n")
    assert done.err.splitlines() == [
        "charloom: reading the training texts ...",
        "charloom: scoring held-out texts ...",
        "charloom: generating texts and searching for copies ...",
        "charloom: computing baselines ...",
    ]


def test_a_model_with_a_report_can_be_replaced(charloom: Charloom, trained: Path) -> None:
    copy = trained / "copy"
    library.load(trained / "run").save(copy)
    assert charloom("report", copy, "--training", trained / "lines.txt").code == 0
    assert (copy / "report.html").exists()
    library.load(trained / "run").save(copy, force=True)
    assert not (copy / "report.html").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--text", " "), '--text is " "; it must not be blank.'),
        (
            ("--training", "nowhere.txt"),
            "no file, folder, glob or corpus is named 'nowhere.txt'; allowed: a path that "
            "exists, - for standard input, or a corpus (ag-news, facts, names, "
            "tiny-shakespeare); check the spelling.",
        ),
    ],
)
def test_wrong_options_are_refused(
    charloom: Charloom, trained: Path, options: tuple[str, ...], message: str
) -> None:
    done = charloom("report", trained / "run", *options)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[-1] == f"charloom: {message}"


def test_an_output_that_is_a_file_is_refused(charloom: Charloom, trained: Path) -> None:
    (trained / "file").write_text("", "utf-8")
    done = charloom("report", trained / "run", "-o", trained / "file")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"charloom: {trained / 'file'} is a file; name a folder for report.html and report.json "
        "with --output.\n"
    )


def test_a_full_disk_leaves_the_report_that_was_there(
    trained: Path, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = page.read_bytes()
    monkeypatch.setattr(files, "write_file", full)
    with pytest.raises(OutputError) as error:
        write_report(library.load(trained / "run"), page.parent)
    assert str(error.value) == (
        f"{page} cannot be written (No space left on device); free some space, or name another "
        "folder with --output."
    )
    assert page.read_bytes() == before
    assert {file.name for file in page.parent.iterdir()} == {"report.html", "report.json"}


def full(path: Path, content: bytes) -> None:
    """Write a part of the file, then fail as a full disk does."""
    path.write_bytes(content[: len(content) // 2])
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def look(opened: Browser, path: Path, **context: Any) -> tuple[Page, list[str]]:
    """Open a page; return it with its errors and network requests."""
    page = opened.new_page(**context)
    heard: list[str] = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.on("request", lambda request: heard.append(request.url))
    page.goto(path.as_uri())
    return page, [one for one in heard if one not in (path.as_uri(), "data:,")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_browser_shows_the_page(page: Path, opened: Browser, scheme: str) -> None:
    figures = json.loads(page.with_name("report.json").read_text("utf-8"))
    seen, heard = look(opened, page, color_scheme=scheme)
    assert heard == []
    assert seen.title() == "run – charloom"
    assert seen.evaluate("document.scripts.length") == 0
    shown = seen.locator("#surprise .heat").nth(1)
    assert shown.inner_text() == f"{HOSTILE}■"
    assert seen.locator("svg").count() == 3
    for picture in seen.locator("svg").all():
        assert picture.is_visible()
    own = seen.locator("#quality tr.own .number").inner_text()
    assert own == f"{figures['figures']['bits_per_character']:.4f}"
    # Nothing is wider than the page, on a phone as well.
    seen.set_viewport_size({"width": 390, "height": 800})
    assert seen.evaluate("document.documentElement.scrollWidth") <= 390
    seen.close()


def luminance(page: Page, selector: str, property: str) -> float:
    """Return the relative luminance of a colour, 0 to 1: WCAG 2.2."""
    script = f"e => getComputedStyle(e).{property}"
    words = page.locator(selector).first.evaluate(script)
    channels = [int(part) / 255 for part in words[words.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_and_lines_stand_out(page: Path, opened: Browser, scheme: str) -> None:
    seen, _ = look(opened, page, color_scheme=scheme)
    paper = luminance(seen, "section", "backgroundColor")
    assert (paper > 0.5) == (scheme == "light")

    def contrast(own: float) -> float:
        return (max(own, paper) + 0.05) / (min(own, paper) + 0.05)

    assert contrast(luminance(seen, "section p", "color")) >= 7
    assert contrast(luminance(seen, "section .quiet", "color")) >= 4.5
    assert contrast(luminance(seen, "svg text", "fill")) >= 4.5
    for kind in ("k0", "k1"):
        assert contrast(luminance(seen, f"svg .line.{kind}", "stroke")) >= 3
    dashes = [
        seen.locator(f"svg .line.{kind}").first.evaluate("e => getComputedStyle(e).strokeDasharray")
        for kind in ("k0", "k1")
    ]
    assert dashes[0] != dashes[1]  # distinguishable without colours
    seen.close()


def test_paper_is_white(page: Path, opened: Browser) -> None:
    seen, _ = look(opened, page, color_scheme="dark")
    seen.emulate_media(media="print", color_scheme="dark")
    assert luminance(seen, "body", "backgroundColor") == 1
    assert luminance(seen, "body", "color") == 0
    assert not seen.locator("nav").is_visible()
    assert seen.pdf()[:5] == b"%PDF-"
    seen.close()


def test_the_page_of_several_models(
    charloom: Charloom, trained: Path, opened: Browser, tmp_path: Path
) -> None:
    options = ("--cell", "rnn,lstm", "--hidden", "4,6", "--steps", 4, "-o", tmp_path / "c")
    done = charloom("compare", trained / "lines.txt", *options, "--no-clean", "--json")
    assert done.code == 0
    assert done.err.splitlines()[-1] == f"charloom: report: {tmp_path / 'c' / 'report.html'}"
    [results] = done.records
    seen, heard = look(opened, tmp_path / "c" / "report.html")
    assert heard == []
    rows = [row.inner_text().split() for row in seen.locator("#runs tr").all()[1:]]
    assert [row[:2] for row in rows] == [
        [one["name"], f"{one['validation']:.4f}"] for one in results
    ]
    assert seen.locator("#frontiers svg").count() == 3
    assert seen.locator("#frontiers svg").first.locator(".mark").count() == 4
    assert seen.locator("#learning svg .line").count() == 4
    # No name is cut off at the edge of its chart.
    for picture in seen.locator("svg").all():
        ends = picture.evaluate(
            "svg => Math.max(...[...svg.querySelectorAll('text')].map("
            "t => t.getBBox().x + t.getBBox().width))"
        )
        assert ends <= 720
    figures = json.loads((tmp_path / "c" / "report.json").read_text("utf-8"))
    assert [one["name"] for one in figures["runs"]] == [one["name"] for one in results]
    assert figures["best"]["name"] == results[0]["name"]
    assert list(figures["samples"]) == [one["name"] for one in results]
    seen.close()
