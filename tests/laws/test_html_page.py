"""The exported page writes the texts of ``charloom generate``, and shows what the model computes.

It is opened from disk in Chromium, without a network and under its own content security policy.
"""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browsers import open_browser
from html_pages import TIMEOUT, fragment, opened_page, text_of
from networks import NETWORKS, network_id, random_tensors
from optional import need
from records import record

from charloom.exchange.names import STORED_TYPES, StoredType
from charloom.exchange.stored_weights import round_model
from charloom.model import Model
from charloom.model_folder.format import ModelRecord
from charloom.settings import Level, NetworkSettings, TextSettings
from charloom.text.symbols import BYTES
from charloom.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from playwright.sync_api import Browser

HOSTILE = "</script><img src=x onerror=alert(1)>"
SYMBOLS = [
    "a",
    "b",
    "e",
    "<",
    ">",
    "&",
    '"',
    "'",
    "\\",
    "\n",
    "\t",
    "\u2028",
    "\u202e",
    "é",
    "😀",
    " ",
]
LABELS = ("plain", HOSTILE, "it's \u202e")
SOME = [
    next(one for one in NETWORKS if (one.cell, one.layers, one.input) == kind)
    for kind in (("lstm", 1, "one-hot"), ("gru", 2, 3), ("rnn", 3, 3))
]
"""The laws of the engine (test_javascript.py) have all networks."""
NETWORK = NetworkSettings(hidden=12, layers=2, input=5)
WITHOUT_WORKER = "delete globalThis.Worker;"
WITHOUT_WASM = "delete globalThis.WebAssembly;"


def make_model(level: Level = "char", network: NetworkSettings = NETWORK) -> Model:
    symbols = {
        "char": SYMBOLS,
        "byte": list(BYTES),
        "word": [" the", " cat", "<b>", *"abcde .<"],
    }[level]
    vocabulary = Vocabulary(
        level=level,
        symbols=("<eos>", "<unk>", *symbols),
        counts=(5,) * (len(symbols) + 2),
    )
    tensors = random_tensors(network, len(vocabulary), len(LABELS), seed=3, scale=0.8)
    tensors["output.bias"][0] -= 2
    text = TextSettings(level=level, clean=False)
    return Model(record(LABELS, text=text, network=network, vocabulary=vocabulary, tensors=tensors))


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def model() -> Model:
    return make_model()


@pytest.fixture(scope="module")
def path(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    model.export(path)
    return path


LINKS: list[dict[str, Any]] = [
    {"prompt": "ab", "seed": 7, "temperature": 0.8, "length": 120},
    {"prompt": "", "seed": 0, "temperature": 0, "length": 40},
    {"prompt": "<b>&amp;\n", "seed": 2**62 + 1, "temperature": 1.37, "length": 80},
    {"prompt": "é😀", "seed": 5, "label": HOSTILE, "length": 60},
    {"prompt": "a", "seed": 5, "label": "it's \u202e", "top_k": 4, "length": 60},
    {"prompt": "b", "seed": 1, "top_p": 0.7, "min_p": 0.02, "repetition_penalty": 1.8},
]


@pytest.mark.parametrize("link", LINKS, ids=",".join)
def test_a_link_writes_the_text_of_python(
    link: dict[str, Any], model: Model, path: Path, browser: "Browser"
) -> None:
    options = {name: value for name, value in link.items() if name != "prompt"}
    [expected] = model.generate(link["prompt"], **options)
    with opened_page(browser, path, fragment(**link)) as page:
        assert text_of(page) == expected
        assert page.locator("#problem").text_content() == ""
        assert page.locator("body > *:not(header, main, footer, script)").count() == 0


@pytest.mark.parametrize("level", ["byte", "word"])
def test_other_levels(level: Level, tmp_path: Path, browser: "Browser") -> None:
    model, path = make_model(level), tmp_path / "page.html"
    model.export(path)
    with opened_page(browser, path, fragment(prompt="", seed=4, length=90)) as page:
        assert text_of(page) == model.generate("", seed=4, length=90)[0]


@pytest.mark.parametrize("settings", SOME, ids=network_id)
def test_every_cell(settings: NetworkSettings, tmp_path: Path, browser: "Browser") -> None:
    model, path = make_model(network=settings), tmp_path / "page.html"
    model.export(path)
    with opened_page(browser, path, fragment(prompt="ab", seed=4, length=60)) as page:
        assert text_of(page) == model.generate("ab", seed=4, length=60)[0]


@pytest.mark.parametrize("dtype", STORED_TYPES[1:])
def test_rounded_weights_write_the_texts_of_their_folder(
    dtype: StoredType, model: Model, tmp_path: Path, browser: "Browser"
) -> None:
    path, folder = tmp_path / "page.html", tmp_path / "rounded"
    model.export(path, dtype=dtype, rounded=folder)
    saved = Model.load(folder)
    texts = saved.generate("ab", seed=4, length=200)
    assert texts == Model(round_model(model.record, dtype)).generate("ab", seed=4, length=200)
    with opened_page(browser, path, fragment(prompt="ab", seed=4, length=200)) as page:
        assert text_of(page) == texts[0]


@pytest.mark.parametrize("script", [WITHOUT_WORKER, WITHOUT_WASM])
def test_the_text_needs_no_worker_and_no_webassembly(
    script: str, model: Model, path: Path, browser: "Browser"
) -> None:
    with opened_page(browser, path, fragment(prompt="ab", seed=7), script=script) as page:
        assert text_of(page) == model.generate("ab", seed=7)[0]


def test_one_symbol_at_a_time_writes_the_same_text(
    model: Model, path: Path, browser: "Browser"
) -> None:
    [expected] = model.generate("ab", seed=7, length=30)
    with opened_page(browser, path, fragment(prompt="ab", seed=7, length=1)) as page:
        page.fill("#length", "30")
        for count in range(1, 6):
            page.click("#one")
            page.locator(f"#status:text-matches('^{count} symbol')").wait_for(timeout=TIMEOUT)
            assert text_of(page) == expected[: 2 + count]
        page.click("#undo")
        assert text_of(page) == expected[:6]
        page.click("#write")
        page.locator("#status:text-matches('(ended|cut)')").wait_for(timeout=TIMEOUT)
        assert text_of(page) == expected


def test_next_symbols_follow_the_sliders_and_can_be_picked(
    model: Model, path: Path, browser: "Browser"
) -> None:
    [(first, probability), *_] = list(model.next("ab"))
    with opened_page(browser, path, fragment(prompt="ab", seed=7, length=3)) as page:
        page.locator("output#text span").nth(2).click()
        page.locator("#perplexity:text-matches('^At symbol 3')").wait_for(timeout=TIMEOUT)
        page.fill("#temperature", "1")
        best = page.locator("#next button").first
        shown = f"{100 * probability:.{1 if probability < 0.0995 else 0}f} %"
        page.locator(f"#next button[title^='{shown} at']").first.wait_for(timeout=TIMEOUT)
        page.fill("#temperature", "0")
        best.locator(".number:text-is('100 %')").wait_for(timeout=TIMEOUT)
        assert page.locator("#top_k").is_disabled()
        best.click()
        page.locator("#status:text-matches('^0 symbols')").wait_for(timeout=TIMEOUT)
        assert text_of(page) == "ab" + first
        assert page.locator("#prompt").input_value() == "ab" + first
        page.click("#undo")
        assert page.locator("#prompt").input_value() == "ab"


def test_colors_are_bits_and_units(model: Model, path: Path, browser: "Browser") -> None:
    with opened_page(browser, path, fragment(prompt="ab", seed=7, length=40)) as page:
        text = text_of(page)
        page.select_option("#color", "bits")
        page.locator("#mean:text-matches('bits per character')").wait_for(timeout=TIMEOUT)
        surprisals = model.surprisals(text)
        page.focus("output#text")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        bits = surprisals.bits[1]
        assert page.locator("#symbol").text_content() == (
            f"Symbol 2 of {page.locator('output#text span').count()}, b: {bits:.2f} bits"
        )
        shade = min(int(bits), 9)
        assert page.locator("output#text span").nth(1).get_attribute("class") == (
            f"given h{shade} chosen" if shade else "given chosen"
        )
        page.select_option("#color", "unit")
        page.select_option("#quantity", "forget")
        page.fill("#layer", "2")
        page.fill("#unit", "7")
        value = model.states(text).gates["forget"][2, 1, 6]
        page.locator(f"#symbol:text('forget of unit 7 {value:.3f}')").wait_for(timeout=TIMEOUT)


def test_many_texts_have_their_seeds(model: Model, path: Path, browser: "Browser") -> None:
    expected = model.generate("ab", n=4, seed=11, length=50)
    with opened_page(browser, path, fragment(prompt="ab", seed=11, length=50)) as page:
        page.fill("#count", "4")
        page.click("#write-many")
        items = page.locator("#texts li")
        items.nth(3).wait_for(timeout=TIMEOUT)
        controls = re.compile(r"[\u202e\u2028]")
        shown = [items.nth(k).locator(".text").text_content() or "" for k in range(4)]
        assert [controls.sub("", one.replace("\\u202e", "")) for one in shown] == [
            controls.sub("", text) for text in expected
        ]
        items.nth(2).locator("button").click()
        page.wait_for_url(lambda url: "seed=13" in url)
        assert text_of(page) == expected[2]


def test_the_address_is_a_link_to_the_text(model: Model, path: Path, browser: "Browser") -> None:
    with opened_page(browser, path) as page:
        page.fill("#prompt", "a'b")
        page.fill("#seed", "12")
        page.locator("details summary").click()
        page.fill("#top_p", "0.9")
        page.click("#write")
        page.wait_for_url(lambda url: "seed=12" in url)
        text, address = text_of(page), page.url
        command = page.locator("#command").text_content()
    assert command == (
        "charloom generate RUN 'a'\\''b' --seed 12 --temperature 0.8 --length 500 --top-p 0.9"
    )
    with opened_page(browser, path, "#" + address.split("#")[1]) as page:
        assert text_of(page) == text == model.generate("a'b", seed=12, top_p=0.9)[0]


FAULTS = {
    "#seed=x": 'seed is "x"; it must be a whole number from 0 to 9223372036854775807.',
    "#temperature=-1": "temperature is -1; it must be a number of at least 0.",
    "#temperature=hot": "the temperature of this link is no number.",
    "#label=nobody": "the label of this link is not known to this model.",
    "#length=0": "length is 0; it must be a whole number of at least 1 and of at most 2147483646.",
}


@pytest.mark.parametrize(("link", "message"), FAULTS.items())
def test_a_wrong_link_is_one_line(link: str, message: str, path: Path, browser: "Browser") -> None:
    with browser.new_context(offline=True) as context:
        page = context.new_page()
        page.goto(path.as_uri() + link)
        problem = page.locator("#problem:not(:empty)")
        problem.wait_for(timeout=TIMEOUT)
        assert problem.text_content() == message


def test_a_damaged_page_is_one_line(path: Path, tmp_path: Path, browser: "Browser") -> None:
    damaged = tmp_path / "damaged.html"
    text = path.read_text("utf-8")
    damaged.write_text(text.replace('"output.bias":{"type":"float32"', '"output.bias":{"type":"x"'))
    with browser.new_context(offline=True) as context:
        page = context.new_page()
        page.goto(damaged.as_uri())
        page.locator("body[data-state=failed]").wait_for(timeout=TIMEOUT)
        assert page.locator("#problem").text_content() == (
            'output.bias has type "x"; it must be float32, float16 or int8.'
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_is_accessible_and_fits(
    scheme: str, width: int, path: Path, browser: "Browser"
) -> None:
    need("axe_playwright_python")
    from axe_playwright_python.sync_playwright import Axe

    view = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    # The policy of the page keeps the checker's own script out, unless it is bypassed.
    options: dict[str, Any] = view | {"bypass_csp": True}
    with opened_page(browser, path, fragment(prompt="ab", seed=7), **options) as page:
        text_of(page)
        page.locator("details summary").click()
        page.select_option("#color", "bits")
        page.locator("#mean:not(:empty)").wait_for(timeout=TIMEOUT)
        page.locator("output#text span").first.click()
        page.fill("#count", "3")
        page.click("#write-many")
        page.locator("#texts li").nth(2).wait_for(timeout=TIMEOUT)
        results = Axe().run(page)
        assert results.violations_count == 0, results.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_policy_allows_nothing_from_elsewhere(path: Path) -> None:
    text = path.read_text("utf-8")
    [policy] = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy
    assert re.fullmatch(
        r"default-src 'none'; script-src 'sha256-[\w+/=]{44}' 'wasm-unsafe-eval'; "
        r"style-src 'sha256-[\w+/=]{44}'; worker-src blob:; img-src data:; base-uri 'none'; "
        r"form-action 'none'",
        policy.replace("&#39;", "'"),
    )
    assert not re.findall(r"\b(?:src|href|action)=\"(?!data:|#\")", text.split("<script id")[0])


def test_the_page_holds_no_training_text(tmp_path: Path, model: Model) -> None:
    """Sources and documents of the record are not in the page."""
    hidden: ModelRecord = dataclasses.replace(
        model.record, provenance={"sources": ["/home/me/secret-titles.txt"]}
    )
    path = tmp_path / "page.html"
    written = Model(hidden).export(path)
    assert "secret" not in path.read_text("utf-8")
    assert written.discloses == (
        "18 symbols of the vocabulary",
        "3 labels",
        "the weights, which can repeat parts of training texts",
    )
