"""Examples of a page run in order in one folder; a failure and a wrong record are reported.

The pages here train nothing, so a test takes the time of a few processes.
"""

import sys
from pathlib import Path

import pytest
import run_examples
from examples import preparations
from examples.errors import ExampleError
from examples.page import Page, read_page
from examples.preparations import PREPARATIONS, are_as_recorded, in_order
from examples.runner import check_outputs, run_page
from examples.workshop import Workshop

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="commands are run by bash")

PAGE = """\
# A page

```console
$ echo one > file.txt
$ cat file.txt | tr o 0
?
$ seq 9 | head -1
?
```

```python
from pathlib import Path

text = Path("file.txt").read_text()
print(text.upper(), end="")
```

```text
?
```

```python
text += "two"
Path("two.txt").write_text(text)
```

```console
$ cat two.txt; echo message >&2
?
```
"""
SEEN = PAGE.replace("?", "0ne", 1).replace("?", "1", 1).replace("?", "ONE", 1)
SEEN = SEEN.replace("?", "one\ntwomessage", 1)


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "build", in_full=True)


def page(tmp_path: Path, text: str) -> Page:
    path = tmp_path / "page.md"
    path.write_text(text, "utf-8")
    return read_page(path)


def failure(tmp_path: Path, text: str, workshop: Workshop) -> str:
    with pytest.raises(ExampleError) as error:
        run_page(page(tmp_path, text), "page", workshop)
    return str(error.value)


def test_recording_writes_the_outputs_that_were_seen(tmp_path: Path, workshop: Workshop) -> None:
    pages = {"page": page(tmp_path, PAGE)}
    assert run_examples.run_pages(pages, workshop, record=True) == {"page.md": SEEN}
    assert pages["page"].path.read_text("utf-8") == SEEN
    again = {"page": page(tmp_path, SEEN)}
    assert run_examples.run_pages(again, workshop, record=False) == {"page.md": SEEN}


def test_results_are_used_again_until_a_command_changes(tmp_path: Path, workshop: Workshop) -> None:
    counted = f"```console\n$ echo run >> {tmp_path}/runs; cat {tmp_path}/runs\n?\n```\n"
    count = tmp_path / "runs"
    for text in (counted, counted.replace("?", "run"), counted + "\nMore prose.\n"):
        run_page(page(tmp_path, text), "page", workshop)
        assert count.read_text() == "run\n"
    run_page(page(tmp_path, counted.replace("echo run", "echo  run")), "page", workshop)
    assert count.read_text() == "run\nrun\n"


def test_a_failing_command_has_page_line_command_and_output(
    tmp_path: Path, workshop: Workshop
) -> None:
    text = "# Page\n\n```console\n$ true\n$ echo before; ls no-such-file\n```\n"
    message = failure(tmp_path, text, workshop)
    assert message.startswith(
        f"{tmp_path}/page.md:5: the example failed\n$ echo before; ls no-such-file\nbefore\n"
    )
    assert "No such file" in message
    # The result of a failure is not kept.
    assert failure(tmp_path, text, workshop) == message


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 1\nx.y", "line 3, in <module>\nAttributeError: 'int' object has no attribute \"y\""),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import os\nos._exit(7)", "Python ended, with exit code 7"),
    ],
)
def test_failing_python_has_its_line_in_the_page(
    tmp_path: Path, workshop: Workshop, source: str, expected: str
) -> None:
    message = failure(tmp_path, f"```python\n{source}\n```\n", workshop)
    assert f"{tmp_path}/page.md:2: the example failed\n{source}\n" in message
    assert expected.replace('"', "'") in message


def test_the_end_of_a_pipe_that_head_closes_is_no_failure(
    tmp_path: Path, workshop: Workshop
) -> None:
    text = "```console\n$ yes | head -1\n```\n"
    [output] = run_page(page(tmp_path, text), "page", workshop).outputs
    assert output.lines == ("y",)
    assert "$ false | cat" in failure(tmp_path, "```console\n$ false | cat\n```\n", workshop)


def test_a_wrong_record_is_noticed(tmp_path: Path, workshop: Workshop) -> None:
    text = '```console\n$ echo "charloom: 5 lines stand out"\ncharloom: 7 lines stand out\n```\n'
    right, wrong = page(tmp_path, text), text.replace("7 lines", "7 texts")
    check_outputs(right, run_page(right, "page", workshop).outputs)
    changed = page(tmp_path, wrong)
    with pytest.raises(ExampleError) as error:
        check_outputs(changed, run_page(changed, "page", workshop).outputs)
    assert str(error.value).startswith(
        f"{tmp_path}/page.md:2: the page has 'charloom: 0 texts stand out', the output has not\n"
    )
    assert "python docs/run_examples.py --record" in str(error.value)
    check_outputs(changed, run_page(changed, "page", workshop).outputs, presence_only=True)
    marked = page(tmp_path, "<!-- not compared: by chance -->\n" + wrong)
    check_outputs(marked, run_page(marked, "page", workshop).outputs)


def test_examples_that_are_not_run_are_listed(tmp_path: Path, workshop: Workshop) -> None:
    text = "<!-- not run: a server -->\n```console\n$ exit 1 # \\\n  2\n```\n"
    marked = page(tmp_path, text)
    assert run_page(marked, "page", workshop).outputs == ()
    assert run_examples.not_run({"page": marked}) == ["page.md:3: a server: exit 1 # \\"]


def test_preparations_are_made_in_order_and_once(tmp_path: Path, workshop: Workshop) -> None:
    assert in_order(["titles-run", "names", "titles"]) == ["titles", "titles-run", "names"]
    with pytest.raises(ExampleError, match="no preparation 'title': choose from "):
        in_order(["title"])
    folder = workshop.prepared("lines")
    before = (folder / "lines.txt").stat().st_mtime_ns
    assert workshop.prepared("lines") == folder
    scratch = workshop.scratch("page", ["lines"])
    copies = {path: path.stat().st_mtime_ns for path in scratch.glob("*.txt")}
    assert copies[scratch / "lines.txt"] == before
    assert in_order(list(PREPARATIONS))


def test_pages_are_compared_if_the_shared_data_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparations, "SHARED", tmp_path)
    assert are_as_recorded(["lines", "facts-run"])
    assert not are_as_recorded(["lines", "names-run"])
    (tmp_path / "names.txt").write_text("ann\n")
    assert are_as_recorded(["lines", "names-run"])


def test_files_are_made_without_the_shared_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparations, "SHARED", tmp_path / "missing")
    for name in ("titles", "names", "plays"):
        write = PREPARATIONS[name].write
        assert write is not None
        write(tmp_path)
    assert len((tmp_path / "sports.txt").read_text("utf-8").splitlines()) == 300
    assert len((tmp_path / "names.txt").read_text("utf-8").splitlines()) > 5000
    assert len((tmp_path / "plays.txt").read_text("utf-8")) == 300_000


def test_commands_run_the_charloom_of_this_checkout(tmp_path: Path, workshop: Workshop) -> None:
    text = (
        "```console\n$ charloom --version\n?\n"
        '$ python -c "import charloom; print(charloom.__file__)"\n?\n```\n'
    )
    version, module = run_page(page(tmp_path, text), "page", workshop).outputs
    assert "charloom" in version.lines[0]
    assert Path(module.lines[0]).parents[2] == run_examples.DOCS.parent


def test_the_copy_of_the_docs_has_the_new_pages(tmp_path: Path) -> None:
    docs, target = tmp_path / "docs", tmp_path / "target"
    (docs / "guide").mkdir(parents=True)
    (docs / "guide" / "page.md").write_text("old")
    (docs / "other.md").write_text("other")
    target.mkdir()
    (target / "stale.md").write_text("stale")
    run_examples.copy_docs(docs, target, {"guide/page.md": "new", "guide/pictures/a.svg": "<svg/>"})
    assert (target / "guide" / "page.md").read_text() == "new"
    assert (target / "guide" / "pictures" / "a.svg").read_text() == "<svg/>"
    assert sorted(path.name for path in target.rglob("*.md")) == ["other.md", "page.md"]
