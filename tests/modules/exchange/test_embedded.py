"""The module for other pages, in node and in Chromium."""

import functools
import http.server
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from browsers import open_browser
from javascript_engine import find_node
from records import record

from charloom.exchange.embedded import embedded_files
from charloom.model import Model

USE = """
import { CharloomError, load, type GeneratedText } from "./charloom";

const model = await load(new URL("model.json", "https://example.com/"));
const options = { temperature: 0.8, seed: 3n, label: new Map([["x", 1]]), bias: { a: -Infinity } };
const written: GeneratedText = await model.generate("ab", options, { k: 2 });
const bits: number[] = (await model.surprisals(written.text)).bits;
const [symbol, probability] = (await model.next("a", null))[0];
const best: string = (await model.candidates({ ids: [2] }, { topK: 3 }, 5)).list[0].symbol;
// @ts-expect-error no option has this name
await model.generate("", { heat: 1 });
export const used = [bits, symbol, probability, best, new CharloomError("x").message];
"""


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(record(("x",)))


@pytest.fixture(scope="module")
def exported(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("embed") / "facts"
    model.export(path, embed=True)
    return path


@pytest.fixture(scope="module")
def address(exported: Path) -> Iterator[str]:
    handler = functools.partial(Handler, directory=str(exported))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_files(exported: Path) -> None:
    names = sorted(path.name for path in exported.iterdir())
    assert names == ["charloom.d.ts", "charloom.js", "example.html", "model.json"]
    assert embedded_files(record(), "int8", name="<b>")["example.html"].count(b"<b>") == 0


def test_the_example_writes_the_text_of_python_in_a_worker(model: Model, address: str) -> None:
    [expected] = model.generate("", seed=1)
    with open_browser() as browser:
        page = browser.new_page()
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"{address}/example.html")
        page.locator("#text:not(:empty)").wait_for()
        assert page.locator("#text").text_content() == expected
        assert len(page.workers) == 1
        failure = page.evaluate(
            """async () => {
              const { load, CharloomError } = await import("/charloom.js");
              return load("missing.json").catch(
                (error) => `${error instanceof CharloomError}: ${error.message}`,
              );
            }"""
        )
        assert failure == 'true: "missing.json" cannot be loaded: 404.'
        assert faults == []


def test_node_reads_the_model_as_an_object(model: Model, exported: Path, tmp_path: Path) -> None:
    program = tmp_path / "use.mjs"
    program.write_text(
        f"""
        import {{ readFileSync }} from "node:fs";
        import {{ load }} from "{(exported / "charloom.js").as_uri()}";
        const model = await load(JSON.parse(readFileSync("{exported / "model.json"}", "utf-8")));
        const {{ text }} = await model.generate("ab", {{ seed: 4, label: "x" }});
        const {{ list }} = await model.candidates(text, {{}}, 1);
        console.log(JSON.stringify([model.place, text, list[0].symbol]));
        """,
        "utf-8",
    )
    # Modules of node end in .mjs, or lie beside a package.json that says so.
    (exported / "package.json").write_text('{"type": "module"}', "utf-8")
    done = subprocess.run([find_node(), str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [text] = model.generate("ab", seed=4, label="x")
    place, written, _ = json.loads(done.stdout)
    assert (place, written) == ("page", text)


def test_typescript_accepts_the_types(exported: Path, tmp_path: Path) -> None:
    compiler = shutil.which("tsc")
    if compiler is None:
        pytest.skip("tsc is not installed: npm install --global typescript")
    (tmp_path / "use.mts").write_text(USE.replace('"./charloom"', '"./charloom.js"'), "utf-8")
    for name in ("charloom.js", "charloom.d.ts"):
        shutil.copy(exported / name, tmp_path)
    options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext"]
    done = subprocess.run(
        [compiler, *options, "use.mts"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout
