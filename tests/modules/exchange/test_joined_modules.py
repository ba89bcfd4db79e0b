import json
import subprocess
from pathlib import Path

import pytest
from javascript_engine import ENGINE, find_node

from charloom.exchange import joined_modules
from charloom.exchange.joined_modules import join_modules

ENTRIES = ("javascript/charloom.js", "page/program.js", "embedded/embedded.js")


def write_modules(folder: Path, **modules: str) -> str:
    for name, text in modules.items():
        (folder / f"{name}.js").write_text(text, "utf-8")
    return str(folder / "main.js")


@pytest.mark.parametrize("entry", ENTRIES)
def test_the_result_has_no_modules_and_no_comments(entry: str) -> None:
    code = join_modules(entry)
    assert code.startswith('"use strict";\n')
    assert not [line for line in code.splitlines() if line.startswith(("import ", "export "))]
    assert "/**" not in code
    assert "@param" not in code
    assert "\n\n" not in code


def test_the_joined_engine_is_the_engine_of_the_modules(tmp_path: Path) -> None:
    """Both give the same random numbers and the same functions."""
    names = "CharloomError, TextGenerator, openEngine, readModel, readOptions, runInSlices"
    joined = tmp_path / "joined.mjs"
    joined.write_text(f"{join_modules(ENTRIES[0])}\nexport {{ {names} }};", "utf-8")
    program = tmp_path / "compare.mjs"
    program.write_text(
        f"""
        import * as joined from "./joined.mjs";
        import * as modules from "{(ENGINE / "charloom.js").as_uri()}";
        const plain = (code) => String(code).replace(/\\/\\*[^]*?\\*\\/|\\/\\/.*|\\s+/g, "");
        const same = Object.keys(joined).map((n) => plain(joined[n]) === plain(modules[n]));
        console.log(JSON.stringify(same));
        """,
        "utf-8",
    )
    command = [find_node(), str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [True] * 6


def test_an_import_comes_before_its_importer_and_once(tmp_path: Path) -> None:
    entry = write_modules(
        tmp_path,
        main='import { a } from "./one.js";\nimport "./two.js";\nconst m = a;\n',
        one='import { b } from "./two.js";\n/** A\n * comment. */\nexport const a = b;\n',
        two="// A comment.\nexport const b = 1;\n\n\nexport async function* c() {}\n",
    )
    assert join_modules(entry) == (
        '"use strict";\nconst b = 1;\nasync function* c() {}\nconst a = b;\nconst m = a;\n'
    )


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        (
            {
                "main": 'import { a } from "./one.js";\nconst x = a;\n',
                "one": "export const x = 1;\n",
            },
            "a name is declared in two modules: x",
        ),
        (
            {"main": 'import { a } from "./one.js";\n', "one": 'import { b } from "./main.js";\n'},
            "main.js imports itself by way of one.js",
        ),
        ({"main": "export default 1;\n"}, "a statement cannot be joined: 'export default 1;'"),
        (
            {"main": 'import * as all from "./one.js";\n', "one": ""},
            "a statement cannot be joined: 'import * as all from \"./one.js\";'",
        ),
    ],
)
def test_other_modules_are_refused(modules: dict[str, str], message: str, tmp_path: Path) -> None:
    entry = write_modules(tmp_path, **modules)
    with pytest.raises(ValueError, match=".") as error:
        join_modules(entry)
    assert str(error.value) == message


def test_the_folder_is_that_of_the_package() -> None:
    assert (joined_modules.FOLDER / "javascript").is_dir()
