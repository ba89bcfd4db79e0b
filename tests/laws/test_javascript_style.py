"""The modules of the JavaScript engine: types, size, headers, and no dependency."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from javascript_engine import ENGINE

FOLDERS = (ENGINE, ENGINE.parent / "page", ENGINE.parent / "embedded")
MODULES = sorted(path for folder in FOLDERS for path in folder.glob("*.js"))
TYPESCRIPT = "5.9.3"
"""The version of the compiler that the types are checked with."""
OPTIONS = {
    "allowJs": True,
    "checkJs": True,
    "noEmit": True,
    "strict": True,
    "noUnusedLocals": True,
    "noUnusedParameters": True,
    "target": "es2022",
    "module": "esnext",
    "moduleResolution": "bundler",
    "lib": ["es2023", "dom", "dom.iterable"],
    "types": [],
}
TOP_LEVEL = re.compile(
    r"^(?:export )?(?:async )?(?:const|let|class|function\*?) (\w+)", re.MULTILINE
)
"""Names that a module declares."""
modules = pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)


def find_compiler() -> str:
    path = shutil.which("tsc")
    if path is None:
        pytest.skip(f"tsc is not installed: npm install --global typescript@{TYPESCRIPT}")
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    if done.stdout.split()[-1] != TYPESCRIPT:
        pytest.skip(f"tsc has {done.stdout.strip()}, not {TYPESCRIPT}")
    return path


def test_typescript_accepts_the_types(tmp_path: Path) -> None:
    compiler, project = find_compiler(), tmp_path / "tsconfig.json"
    project.write_text(
        json.dumps({"compilerOptions": OPTIONS, "files": list(map(str, MODULES))}), "utf-8"
    )
    command = [compiler, "--project", str(project)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@modules
def test_a_module_has_a_header_and_a_bounded_size(module: Path) -> None:
    text = module.read_text("utf-8")
    lines = text.splitlines()
    assert text.startswith("/**"), "a module begins with a comment that describes it"
    assert len(lines) <= 350
    assert max(map(len, lines)) <= 100
    assert not [line for line in lines if line != line.rstrip() or "\t" in line]
    assert not re.search(r"\bvar\b|\beval\b|\bconsole\b|[^=!]==[^=]", code_of(text))


@modules
def test_a_module_imports_its_neighbors_and_the_engine_only(module: Path) -> None:
    text = module.read_text("utf-8")
    imported = re.findall(r"(?:from|import\()\s*\"([^\"]*)\"", text)
    for name in imported:
        assert re.match(r"\./\w|\.\./javascript/\w", name)
        assert (module.parent / name).is_file()


def test_every_module_is_in_the_readme() -> None:
    for folder in FOLDERS[:2]:
        readme = (folder / "README.md").read_text("utf-8")
        assert [path.name for path in folder.glob("*.js") if f"`{path.stem}`" not in readme] == []


def code_of(text: str) -> str:
    """Return the text without comments and strings."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return re.sub(r"//.*|\"(?:[^\"\\]|\\.)*\"|`(?:[^`\\]|\\.)*`", "", text)


def test_the_modules_can_be_joined_to_one() -> None:
    """As a page that is opened from disk needs it: imports and names of all modules are simple."""
    names: list[str] = []
    for module in MODULES:
        code = module.read_text("utf-8")
        names += TOP_LEVEL.findall(code)
        for statement in re.findall(r"^(?:import|export \{).*?;$", code, re.MULTILINE | re.DOTALL):
            assert re.fullmatch(
                r"(import|export) \{ [\w, \n]+ \} from \"\.(\./\w+)?/\w+\.js\";", statement
            )
    assert len(names) > 100
    assert sorted(names) == sorted(set(names))
