"""The JavaScript engine in Chromium: the texts of Python, in the page and in a worker."""

import functools
import http.server
import json
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from browsers import open_browser
from javascript_engine import options_of, to_payload
from networks import NETWORKS, make_vocabulary, random_tensors
from records import record
from sampling_cases import SAMPLING_CASES

from charloom.exchange.model_json import model_text
from charloom.generation.generator import Generator
from charloom.model import Model
from charloom.model_folder.format import ModelRecord
from charloom.settings import NetworkSettings, SamplingSettings

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROOT = Path(__file__).parents[2]
ENGINE = "/src/charloom/exchange/javascript"
WITHOUT_WASM = "script-src 'self'"
"""A content security policy under which WebAssembly may not be compiled."""
CASES = ("greedy", "truncation", "passages", "all but stop", "all but match")
SOME = [
    next(one for one in NETWORKS if (one.cell, one.layers, one.input) == kind)
    for kind in (("lstm", 2, 3), ("gru", 1, "one-hot"), ("rnn", 3, 3))
]
RUN = """
async (payload) => {
  const charloom = await import("ENGINE/charloom.js");
  const { revive, runTasks } = await import("/tests/javascript/tasks.mjs");
  return JSON.stringify(await runTasks(charloom, revive(payload)));
}
""".replace("ENGINE", ENGINE)
WORK = """
async ([source, options, hasWorker]) => {
  const { openEngine } = await import("ENGINE/charloom.js");
  const engine = await openEngine(source, () => {
    if (!hasWorker) throw new Error("no workers here");
    return new Worker("ENGINE/worker.js", { type: "module" });
  });
  const pieces = [];
  const onSteps = (steps) => pieces.push(...steps.map((step) => step.piece));
  const texts = await Promise.all(
    [0, 1, 2].map((k) => engine.generate("ab", options, { k, onSteps: k ? undefined : onSteps })),
  );
  const failure = await engine.generate("", { label: "z" }).catch((error) => error);
  const controller = new AbortController();
  const endless = engine.generate("", { length: 2e9, bias: { "<eos>": -Infinity } }, {
    signal: controller.signal,
    onSteps: () => controller.abort(),
  });
  const ended = await endless.catch((error) => error.name);
  const states = await engine.states("abc", "x");
  const next = await engine.next("abc", "x");
  const surprisals = await engine.surprisals("abc", "x");
  engine.close();
  return {
    place: engine.place,
    texts: texts.map(({ text }) => text),
    pieces: pieces.join(""),
    failure: `${failure.name}: ${failure.message}`,
    ended,
    shape: states.shape,
    next: next[0][0],
    symbols: surprisals.symbols,
  };
}
""".replace("ENGINE", ENGINE)


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves the repository; a page whose address ends with ?plain has a policy without WASM."""

    def end_headers(self) -> None:
        if self.path.endswith("?plain"):
            self.send_header("Content-Security-Policy", WITHOUT_WASM)
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    handler = functools.partial(Handler, directory=str(ROOT))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/tests/javascript/page.html"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def page() -> Iterator["Page"]:
    with open_browser() as browser:
        yield browser.new_page()


def make_record(settings: NetworkSettings) -> ModelRecord:
    vocabulary = make_vocabulary("abcdefghijk")
    tensors = random_tensors(settings, len(vocabulary), 2, seed=4, scale=0.8)
    return record(("x", "y"), network=settings, vocabulary=vocabulary, tensors=tensors)


def texts_of(generator: Generator, sampling: dict[str, Any]) -> list[str]:
    texts = generator.generate("abé", SamplingSettings(**sampling), 5)
    return [text.text for text in texts]


@pytest.mark.parametrize("policy", ["", "?plain"])
def test_texts_are_those_of_python(policy: str, page: "Page", address: str) -> None:
    """Of a network of each cell; without WebAssembly, the plain kernel is used silently."""
    models = [make_record(settings) for settings in SOME]
    cases = [{"seed": 3, "length": 40, "label": "y", **SAMPLING_CASES[name]} for name in CASES]
    tasks = [
        {"task": "texts", "model": k, "prompt": "abé", "options": options_of(case), "count": 5}
        for k in range(len(models))
        for case in cases
    ]
    page.goto(address + policy)
    payload = to_payload(models, [*tasks, {"task": "kernel", "model": 0}])
    *results, kernel = json.loads(page.evaluate(RUN, payload))
    assert kernel == ("plain" if policy else "simd")
    generators = [Model(model).generator for model in models]
    expected = [texts_of(generator, case) for generator in generators for case in cases]
    assert [[text["text"] for text in texts] for texts in results] == expected


@pytest.mark.parametrize("place", ["worker", "page"])
def test_a_worker_writes_the_same_texts(place: str, page: "Page", address: str) -> None:
    page.goto(address)
    model = make_record(SOME[0])
    arguments = [model_text(model), {"length": 50, "seed": 9}, place == "worker"]
    result = page.evaluate(WORK, arguments)
    texts = Model(model).generator.generate("ab", SamplingSettings(length=50, seed=9), 3)
    symbols = [*"abc", "<eos>"]
    assert result == {
        "place": place,
        "texts": [text.text for text in texts],
        "pieces": texts[0].text.removeprefix("ab"),
        "failure": 'CharloomError: label "z" is not known to this model; known labels: x, y.',
        "ended": "AbortError",
        "shape": [4, 2, 5],
        "next": Model(model).next("abc", "x")[0][0],
        "symbols": symbols,
    }
