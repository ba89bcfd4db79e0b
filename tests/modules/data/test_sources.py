"""Each kind of name is resolved to files; a name of nothing is refused with a remedy."""

import gzip
import io
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from charloom.data.sources import SourceFile, fingerprint, read_documents, resolve_sources
from charloom.data.zstd import zstd
from charloom.errors import MissingPackageError, SourceError
from charloom.settings import TextSettings

ALLOWED = (
    "a path that exists, - for standard input, or a corpus "
    "(ag-news, facts, names, tiny-shakespeare)"
)


def found(*names: str, **settings: Any) -> list[SourceFile]:
    return resolve_sources(names, TextSettings(**settings))


def message(*names: str) -> str:
    with pytest.raises(SourceError) as caught:
        found(*names)
    return str(caught.value)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    files = ["b.txt", "a.md", "deep/c.CSV", "deep/d.tsv.gz", "deep/e.jsonl.zst", "f.parquet"]
    for name in [*files, "image.png", "x.png.gz", ".hidden.txt", ".git/g.txt"]:
        path = tmp_path / "lot" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text\nsome\n")
    return tmp_path / "lot"


@pytest.mark.needs("polars")
def test_the_known_files_of_a_folder_are_sorted(folder: Path) -> None:
    files = found("lot")
    assert [(file.name, file.format, file.compression) for file in files] == [
        (str(Path("lot/a.md")), "text", None),
        (str(Path("lot/b.txt")), "text", None),
        (str(Path("lot/deep/c.CSV")), "csv", None),
        (str(Path("lot/deep/d.tsv.gz")), "tsv", "gzip"),
        (str(Path("lot/deep/e.jsonl.zst")), "jsonl", "zstd"),
        (str(Path("lot/f.parquet")), "parquet", None),
    ]


def test_globs_and_several_names_in_order(folder: Path) -> None:
    def names(*asked: str) -> list[str]:
        return [file.path.name for file in found(*asked)]

    assert names("lot/*.txt", "lot/a.md") == ["b.txt", "a.md"]
    assert names("lot/**/*.[ct]sv*") == ["d.tsv.gz"] + (["c.CSV"] if os.name == "nt" else [])
    assert names(str(folder / "?.md")) == ["a.md"]
    assert message("lot/*.rtf") == (
        "no file matches the glob 'lot/*.rtf'; allowed: *, ?, [abc], and ** for folders within; "
        "check the spelling and the folder."
    )


def test_a_file_of_any_suffix_is_text(folder: Path) -> None:
    (Path("poem[1]")).write_text("a")  # an existing path is not a glob
    assert found("poem[1]", "lot/image.png")[0].format == "text"


def test_compressed_text_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"one\n"))
    (tmp_path / "b.csv.zst").write_bytes(zstd.compress(b"text,n\ntwo,2\n"))
    documents = read_documents(found(str(tmp_path)), TextSettings())
    assert [document.text for document in documents] == ["one", "two"]


def test_without_polars_a_parquet_file_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    for name in ("lot/f.parquet", "lot", "lot/*.parquet"):
        with pytest.raises(MissingPackageError) as caught:
            found("lot/a.md", name)
        assert str(caught.value) == (
            f"reading {Path('lot/f.parquet')} needs the package polars, which is not installed; "
            "install it with pip install 'charloom[parquet]', or save it as .csv or .jsonl."
        )


def test_an_unknown_name_is_reported() -> None:
    assert message("poems") == (
        f"no file, folder, glob or corpus is named 'poems'; allowed: {ALLOWED}; check the spelling."
    )
    assert message("fact").endswith("; did you mean facts?")
    assert message() == f"no source was given; allowed: {ALLOWED}; name at least one of these."
    assert message("\0").startswith("no file, folder, glob or corpus is named '\\x00'")


def test_an_address_is_not_read() -> None:
    address = "https://example.org/a.csv?b=1"
    assert message(address) == (
        f"'{address}' is an address, which is not read; allowed: {ALLOWED}; download it first "
        "and name the file."
    )


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_names_that_are_not_utf8_are_shown_with_u_fffd(tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    Path(odd + ".txt").write_text("a")
    Path(odd + ".csv").touch()
    Path(odd).mkdir()
    shown = f"{tmp_path}/caf\ufffd"
    (file,) = found(odd + ".txt")
    assert file.name == f"{shown}.txt"
    assert [document.text for document in read_documents([file], TextSettings())] == ["a"]
    assert message(odd + ".csv").startswith(f"{shown}.csv is empty; ")
    assert message(odd).startswith(f"folder {shown} holds no file to read; ")
    assert message(odd + "x" * 5000).startswith(f"{shown}{'x' * 5000} cannot be read: ")
    message(odd + ".md").encode()


@pytest.mark.skipif(os.name == "nt", reason="Windows has other messages")
def test_the_reason_of_the_system_is_reported() -> None:
    assert message("x" * 5000) == (
        f"{'x' * 5000} cannot be read: File name too long; a file or folder that this user may "
        "read is needed; check its name and its permissions."
    )


def test_a_folder_without_text_is_reported(tmp_path: Path) -> None:
    (tmp_path / "image.png").write_text("a")
    assert message(str(tmp_path)) == (
        f"folder {tmp_path} holds no file to read; allowed: .txt, .text, .md, .csv, .tsv, .json, "
        ".jsonl, .ndjson, .parquet, all but parquet also with .gz, .zst, .xz, .bz2; name the files "
        "themselves, or use a glob."
    )


def test_an_empty_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "x.txt").touch()
    assert message(str(tmp_path / "x.txt")) == (
        f"{tmp_path / 'x.txt'} is empty; at least one line with text is needed; "
        "give another source."
    )


def test_compressed_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.parquet.gz").write_text("a")
    assert message(str(tmp_path / "x.parquet.gz")) == (
        f"{tmp_path / 'x.parquet.gz'} is a compressed parquet file; .txt, .csv, .tsv and .jsonl "
        "may be compressed, parquet is compressed by itself; unpack it first."
    )


@pytest.mark.parametrize(
    ("content", "settings", "form"),
    [
        ("a,b\n", {}, "text"),
        ("a,b\n", {"columns": ("2",)}, "csv"),
        ('{"a": 1}\n', {"label_column": "a"}, "jsonl"),
        ("a\n", {"header": True}, "csv"),
    ],
)
def test_standard_input_is_a_table_if_columns_are_given(
    monkeypatch: pytest.MonkeyPatch, content: str, settings: Any, form: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    (file,) = found("-", **settings)
    assert (file.name, file.format) == ("standard input", form)
    assert file.path.read_bytes() == content.encode()


def test_empty_standard_input_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
    assert message("-") == (
        "standard input is empty; at least one line with text is needed; give another source."
    )


def test_the_copy_of_standard_input_is_removed_at_exit(tmp_path: Path) -> None:
    program = (
        "from charloom.settings import TextSettings\n"
        "from charloom.data.sources import read_documents, resolve_sources\n"
        "files = resolve_sources(['-'], TextSettings())\n"
        "print([document.text for document in read_documents(files, TextSettings())])\n"
        "print(files[0].path.exists())\n"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path), "TEMP": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        input="one\ntwo\n",
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    assert done.stdout == "['one', 'two']\nTrue\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_copied(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("one\n",))
    writer.start()
    files = found(str(pipe))
    writer.join()
    assert fingerprint(files) == fingerprint(files)
    assert [document.text for document in read_documents(files, TextSettings())] == ["one"]


def test_the_installed_corpus_is_read() -> None:
    files = found("facts")
    assert [file.name for file in files] == ["facts"]
    documents = [document.text for document in read_documents(files, TextSettings())]
    assert len(documents) > 7000
    assert all(documents)


def test_a_path_takes_precedence_over_a_corpus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("facts").write_text("mine\n")
    assert [document.text for document in read_documents(found("facts"), TextSettings())] == [
        "mine"
    ]


def test_the_fingerprint_depends_on_content_and_format(tmp_path: Path) -> None:
    contents = {"a.txt": "ab", "b.txt": "c", "same.txt": "ab", "d.csv": "ab", "e": "a", "f": "bc"}
    for name, text in contents.items():
        (tmp_path / name).write_text(text)

    def of(*names: str) -> str:
        return fingerprint(found(*(str(tmp_path / name) for name in names)))

    assert of("a.txt") == of("same.txt")
    different = [of("a.txt"), of("d.csv"), of("a.txt", "b.txt"), of("b.txt", "a.txt"), of("e", "f")]
    assert len(set(different)) == len(different)
    gone = SourceFile(path=tmp_path / "gone", name="X")
    with pytest.raises(SourceError, match="X cannot be read: No such file or directory; a file or"):
        fingerprint([gone])
