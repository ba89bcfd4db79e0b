"""Links, files, make targets, commands and versions that the documents name exist."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from run_examples import pages_of

from charloom.cli.app import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.md")]
)
ENTRANCES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
PAGES = sorted(page.path for page in pages_of(ROOT / "docs").values())
GUIDES = [ROOT / "README.md", *PAGES]

LINK = re.compile(r"\]\(([^)\s#]*)(#[^)\s]*)?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCE = re.compile(r"^```([\w{}-]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(
    r"(?:src|tests|docs|benchmarks|\.ci)/[\w./-]*|[\w-]+\.toml|constraints\.txt|[A-Z]+\.md"
)
CODE = re.compile(r"`([^`\n]+)`")


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def commands(text: str) -> Iterator[list[str]]:
    """Return the words after ``charloom`` of each command in the fenced shell blocks of a text."""
    for language, block in FENCE.findall(text):
        if language not in {"console", "sh"}:
            continue
        for line in block.replace("\\\n", " ").splitlines():
            if language == "console" and not line.startswith("$ "):
                continue
            words = shlex.split(line.removeprefix("$ "), comments=True)
            words = list(until_a_pipe(words))
            if words[:1] == ["charloom"]:
                yield words[1:]


def until_a_pipe(words: list[str]) -> Iterator[str]:
    for word in words:
        if word in {"|", ">", "<", "&&", "2>"}:
            return
        yield word


def parse(words: list[str]) -> None:
    """Parse the words after ``charloom``; raises what the command line raises for unknown options.

    Values are not looked at: a file that a command names need not be there.
    """
    group = typer.main.get_command(app)
    command = group.commands[words[0]]  # type: ignore[attr-defined]
    command.make_parser(command.context_class(command)).parse_args(words[1:])


COMMANDS = sorted(
    {tuple(words) for guide in GUIDES for words in commands(guide.read_text("utf-8"))}
)


def anchor(heading: str) -> str:
    """Return the anchor that a renderer of Markdown makes of a heading."""
    return "#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("document", DOCUMENTS, ids=short)
def test_every_link_has_a_target(document: Path) -> None:
    missing = []
    for target, fragment in LINK.findall(FENCE.sub("", document.read_text("utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path = document.parent / target if target else document
        if not path.exists():
            missing.append(target)
        elif fragment:
            headings = HEADING.findall(FENCE.sub("", path.read_text("utf-8")))
            if fragment not in map(anchor, headings):
                missing.append(target + fragment)
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=short)
def test_external_links_have_the_form_of_an_address(document: Path) -> None:
    """`make links` opens them; that needs the network."""
    targets = [target for target, _ in LINK.findall(FENCE.sub("", document.read_text("utf-8")))]
    external = [target for target in targets if re.match(r"[a-z]+:", target)]
    form = r"https://[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:/[\w./~%+@:;,=?&-]*)?"
    assert not [target for target in external if not re.fullmatch(form, target)]


@pytest.mark.parametrize("document", [ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=short)
def test_the_entrances_are_short(document: Path) -> None:
    lines = document.read_text("utf-8").splitlines()
    assert len(lines) <= (150 if document.name == "README.md" else 80)
    prose = FENCE.sub("", document.read_text("utf-8")).splitlines()
    assert not [line for line in prose if len(line) > 120 and not line.startswith("|")]


def test_files_that_are_named_exist() -> None:
    text = "".join(FENCE.sub("", document.read_text("utf-8")) for document in ENTRANCES)
    files = {span for span in CODE.findall(text) if FILE.fullmatch(span)}
    assert files
    assert not {file for file in files if not (ROOT / file).exists()}


@pytest.mark.parametrize("document", DOCUMENTS, ids=short)
def test_modules_that_are_named_exist(document: Path) -> None:
    """A module is named by its path below src/charloom; the logs keep the names of their day."""
    if document.name in ("experiments.md", "CHANGELOG.md"):
        return
    spans = CODE.findall(FENCE.sub("", document.read_text("utf-8")))
    modules = {span for span in spans if re.fullmatch(r"[a-z_/]+\.py", span)}
    places = (ROOT, ROOT / "src" / "charloom", document.parent)
    assert not {name for name in modules if not any((place / name).exists() for place in places)}


@pytest.mark.parametrize("document", ENTRANCES, ids=short)
def test_make_targets_that_are_named_exist(document: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    named = re.findall(r"(?:^|`|\$ )make ([a-z-]+)", document.read_text("utf-8"), re.MULTILINE)
    assert named
    assert not set(named) - set(targets)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_of_the_guides_are_commands(words: tuple[str, ...]) -> None:
    parse(list(words))


def test_the_check_of_commands_sees_a_wrong_option() -> None:
    assert COMMANDS
    with pytest.raises(Exception, match="No such option"):
        parse(["train", "titles.txt", "--no-such-option"])


def test_the_version_has_an_entry_in_the_changelog() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(rf"^## \[{re.escape(project['version'])}\]", changelog, re.MULTILINE)
