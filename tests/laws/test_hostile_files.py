"""Damaged files of every format are read or refused in one line, quickly, in bounded memory.

An own mutator makes the files, since most of Hypothesis' random bytes are refused at once: it
changes a few bytes of small valid files, cuts, doubles and joins them.
"""

import bz2
import gzip
import io
import json
import lzma
import random
import sys
import tarfile
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from soak import times

from charloom.data.input_lines import read_input_lines
from charloom.data.reading_notes import ReadingNotes
from charloom.data.sources import read_documents, resolve_sources
from charloom.data.zstd import zstd
from charloom.errors import CharloomError, SettingsError
from charloom.settings import TextSettings

EXAMPLES = times(1000)
MAX_SECONDS = 10.0
MAX_BYTES = 200_000_000

CSV = 'id,text,kind\n1,"one, ""two""\nthree",a\n2,caf\u00e9 &amp; <b>x</b>,b\n\n3,last,\n'.encode()
RECORDS = [{"id": 1, "text": "one\u2028"}, {"id": 2, "text": "<br>", "more": [None, 1.5]}]
JSON_LINES = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()
EXPORT = json.dumps({"name": "x", "list": RECORDS, "n": {"a": []}}, indent=1).encode()
TEXT = "one\n\ntwo\r\nthree\n%\nfour \u4e2d\u6587\n".encode()


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def tarred(members: dict[str, bytes], mode: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


MEMBERS = {"a.csv": CSV, "b/c.txt": TEXT, "d.jsonl": JSON_LINES, "x": b"\0\1"}
FILES: dict[str, bytes] = {
    "x.txt": TEXT,
    "utf16.txt": TEXT.decode().encode("utf-16"),
    "x.csv": CSV,
    "semicolon.csv": CSV.replace(b",", b";"),
    "stated.csv": b"sep=|\n" + CSV.replace(b",", b"|"),
    "x.tsv": CSV.replace(b",", b"\t"),
    "x.jsonl": JSON_LINES,
    "lines.json": JSON_LINES,
    "array.json": json.dumps(RECORDS).encode(),
    "export.json": EXPORT,
    "x.smi": b"CCO ethanol\nC methane gas\n\nN\tammonia\n",
    "x.txt.gz": gzip.compress(TEXT),
    "x.csv.zst": zstd.compress(CSV),
    "x.jsonl.xz": lzma.compress(JSON_LINES),
    "x.json.bz2": bz2.compress(EXPORT),
    "x.zip": zipped(MEMBERS),
    "x.tar": tarred(MEMBERS, "w"),
    "x.tar.gz": tarred(MEMBERS, "w:gz"),
    "x.tar.xz": tarred(MEMBERS, "w:xz"),
}
SIGNS = [b'"', b",", b"\n", b"\r", b"\0", b"[", b"]", b"{", b"}", b"\\u", b":", b"\t"]
LONG = [b"1" * 400, b"[" * 2000, b'{"a":' * 500]
PIECES = [*SIGNS, *LONG, b"\xff", b"\xc3", b"\x80", b"\xff\xfe", b"&amp;", b"<b>", b"sep=;\n"]


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return a file with a few changes."""
    data = bytearray(content)
    for _ in range(chance.choice([0, 1, 1, 2, 3, 8])):
        place = chance.randrange(len(data) + 1)
        stop = min(len(data), place + chance.choice([1, 1, 2, 8, 64]))
        change = chance.randrange(5)
        if change == 0:
            data[place:stop] = bytes(chance.randrange(256) for _ in range(stop - place))
        elif change == 1:
            data[place:place] = chance.choice(PIECES)
        elif change == 2:
            del data[place:stop]
        elif change == 3:
            data[place:place] = data[: chance.randrange(len(data) + 1)]
        else:
            del data[place:]
    return bytes(data)


OPTIONS: dict[str, list[Any]] = {
    "errors": ["strict", "replace", "skip"],
    "unit": ["line", "document", "stream"],
    "columns": [(), (), ("text",), ("2",), ("1", "text")],
    "label_column": [None, None, "kind", "3"],
    "header": [None, None, True, False],
    "delimiter": [None, None, ",", ";", "space", "tab", "|"],
    "separator": [None, None, "", "%"],
    "encoding": ["utf-8", "utf-8", "latin-1", "cp1252", "utf-16", "gb18030", "shift-jis"],
    "clean": [True, True, False],
    "mask_digits": [False, True],
}


def random_settings(chance: random.Random) -> TextSettings:
    """Return settings of which the first values are the likeliest."""
    while True:
        options = {
            name: values[0] if chance.random() < 0.6 else chance.choice(values)
            for name, values in OPTIONS.items()
        }
        try:
            return TextSettings(**options)
        except SettingsError:
            continue


def read_all(path: Path, settings: TextSettings, *, as_lines: bool) -> None:
    files = resolve_sources([str(path)], settings)
    notes = ReadingNotes()
    if as_lines:
        for batch in read_input_lines(files, settings, notes):
            for line in batch:
                line.given.encode()
                line.text.encode()
    else:
        for document in read_documents(files, settings, None, notes):
            document.text.encode()
    assert all("\n" not in sentence for sentence in notes.sentences())


@pytest.mark.soak
def test_damaged_files_are_read_or_refused_in_one_line(tmp_path: Path) -> None:
    slowest: tuple[float, Any] = (0.0, None)
    tracemalloc.start()
    for seed in range(EXAMPLES):
        chance = random.Random(seed)
        name = chance.choice(list(FILES))
        path = tmp_path / name
        path.write_bytes(mutated(FILES[name], chance))
        settings = random_settings(chance)
        begin = time.perf_counter()
        try:
            read_all(path, settings, as_lines=chance.random() < 0.3)
        except CharloomError as error:
            message = str(error)
            assert message, seed
            assert "\n" not in message, (seed, message)
            message.encode()
        except Exception as error:
            raise AssertionError(f"seed {seed}, {name}, {settings}") from error
        slowest = max(slowest, (time.perf_counter() - begin, (seed, name)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"{EXAMPLES:,} files; slowest {slowest}; {peak:,} bytes", file=sys.stderr)
    assert slowest[0] < MAX_SECONDS, slowest
    assert peak < MAX_BYTES
