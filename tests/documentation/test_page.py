"""Pages are read as commands with the output that is recorded after each."""

from pathlib import Path

import pytest
from examples.errors import ExampleError
from examples.page import read_page

PAGE = """\
# A page

<!-- needs: titles, names-run -->

```console
$ charloom one \\
    --more
first
second
$ charloom two | cat
```

```text
third
```

Text.

```text
no output, since words are between
```

<!-- not run: needs a terminal -->
```console
$ charloom three
```

```python
print(1)
```

```text
1
```

<!-- not compared: it depends -->
```python
x = 1
```

```toml
[text]
```
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text(PAGE, "utf-8")
    return path


def test_commands_and_their_outputs(path: Path) -> None:
    page = read_page(path)
    assert page.needs == ("titles", "names-run")
    found = [(c.kind, c.line, c.source, c.recorded) for c in page.commands]
    assert found == [
        ("console", 6, "charloom one \\\n    --more", ("first", "second")),
        ("console", 10, "charloom two | cat", ("third",)),
        ("console", 25, "charloom three", ()),
        ("python", 29, "print(1)", ("1",)),
        ("python", 38, "x = 1", ()),
    ]
    assert [c.not_run for c in page.commands] == [None, None, "needs a terminal", None, None]
    assert [c.not_compared for c in page.commands] == [False] * 4 + [True]


def test_new_outputs_take_the_place_of_recorded_ones(path: Path) -> None:
    page = read_page(path)
    assert page.with_outputs({}) == PAGE
    outputs = {6: ["a"], 10: ["b", "c"], 29: [], 38: ["not shown: the page has no place for it"]}
    expected = PAGE.replace("first\nsecond\n", "a\n").replace("third\n", "b\nc\n")
    assert page.with_outputs(outputs) == expected.replace("```text\n1\n", "```text\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```sh\nls\n```\n", ":1: a block of sh: use `console` or `python` for an example"),
        ("\n```\nls\n```\n", ":2: a block of no language: use `console` or `python`"),
        ("```py\nx\n```\n", ":1: a block of py: "),
        ("```console\nls\n```\n", ":2: a console block begins with `$ ` and a command"),
        ("```console\n```\n", ":2: a console block begins with `$ `"),
        ("text\n```python\nx = 1\n", ":2: the block has no end"),
    ],
)
def test_a_block_that_could_hide_an_example_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "page.md"
    path.write_text(text, "utf-8")
    with pytest.raises(ExampleError) as error:
        read_page(path)
    assert message in str(error.value)


def test_pictures_of_runs(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    path.write_text("<!-- picture: runs/a -->\n![Curves](pictures/a.svg)\n", "utf-8")
    [picture] = read_page(path).pictures
    assert (picture.run, picture.file) == ("runs/a", "pictures/a.svg")
    path.write_text("<!-- picture: runs/a -->\n\n![Curves](pictures/a.svg)\n", "utf-8")
    with pytest.raises(ExampleError, match=r":1: the next line is no image with a file \.svg"):
        read_page(path)
