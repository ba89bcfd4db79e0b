"""Docstrings, comments, messages and documents avoid phrases that readers stumble over.

The list is short on purpose: it holds constructions that were frequent once and have a plain
replacement. It cannot judge a sentence; a reader has to.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = sorted(
    path
    for folder in ("src", "tests", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
    if path != Path(__file__).resolve() and ".venv" not in path.parts
)
SWEDISH = ROOT / "docs" / "lesson" / "sv"
"""A translation: the banned phrases are English ones."""
DOCUMENTS = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.md")]
    if path.parent != SWEDISH
)

BANNED = {
    r"(?:^|[.!?] )What\b(?![^.]*\?)": "name the thing instead of starting a sentence with 'What'",
    r"\b(?:go|goes|going|gone|went) on\b": "continue, resume",
    r"\b(?:take|takes|taking|taken|took) up\b": "restore, resume",
    r"\blets? go\b": "release",
    r"\bby heart\b": "memorize, overfit",
    r"\bled back\b": "propagate back",
    r"\bcome to be\b|\bcomes to\b": "is, becomes",
    r"\bso many (?:most|of)\b": "the k most",
    r"\b(?:tells?|told) (?:of|what|whether|how)\b": "report, describe",
    r"\bvouch": "has a checksum",
    r"\bis to be (?:done|told|kept|learned|shown|had)\b": "say what happens",
    r"\bwho(?:ever)? (?:wants?|gives?|takes?|was reading)\b": "name the reader or caller",
    r"\bthe walls? of\b": "import rule",
    r"\blearns? as one\b|\blearned as one\b": "train one network together",
    r"\bbring forth\b|\bbrings forth\b": "produce",
    r"\bthe eyes of\b": "say what is shown",
}
"""A pattern, and its replacement."""


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line number and text of each comment and docstring; in src also of each message."""
    text = path.read_text("utf-8")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string.lstrip("# ")
    tree = ast.parse(text)
    messages = path.is_relative_to(ROOT / "src")
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                yield node.lineno, " ".join(node.value.value.split())
        elif messages and isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, " ".join(node.value.split())


def paragraphs(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line number and text of each paragraph outside fenced blocks.

    The changelog is checked in its unreleased part only: released entries do not change.
    """
    text = path.read_text("utf-8")
    if path.name == "CHANGELOG.md":
        text = text.split("\n## [0.", 1)[0]
    text = re.sub(r"^```.*?^```$", lambda m: "\n" * m[0].count("\n"), text, flags=re.M | re.S)
    number = 1
    for paragraph in re.split(r"\n[ \t]*\n", text):
        yield number, " ".join(re.sub(r"^[#>*\-| ]+", "", paragraph, flags=re.M).split())
        number += paragraph.count("\n") + 2


def hits(path: Path) -> list[str]:
    found = []
    for line, text in prose(path) if path.suffix == ".py" else paragraphs(path):
        for pattern, instead in BANNED.items():
            if match := re.search(pattern, text):
                found.append(f"{path.name}:{line}: {match[0]!r} in {text[:90]!r}: {instead}")
    return found


@pytest.mark.parametrize("path", [*CODE, *DOCUMENTS], ids=lambda path: str(path.relative_to(ROOT)))
def test_prose_has_no_banned_phrase(path: Path) -> None:
    assert not hits(path)
