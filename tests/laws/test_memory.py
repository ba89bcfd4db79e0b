"""Memory does not grow with the text: reading 200 MB needs far less memory."""

import subprocess
import sys
from pathlib import Path

import pytest

resource = pytest.importorskip("resource")
pytestmark = pytest.mark.slow

PROGRAM = """
import resource, sys
from charloom.data.corpus import build_corpus
from charloom.data.sources import resolve_sources
from charloom.data.store import open_store
from charloom.model_folder.document_index import DocumentIndex
from charloom.settings import TextSettings
from charloom.text import distinct_hashes, hashing
from charloom.training.batches import DocumentBatches, StreamBatches

hashing.MIN_COMPILED_DOCUMENTS = 10**9  # does not load Numba
distinct_hashes.BUCKET_SIZE = 1 << 18  # sorts few hashes at once

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

unit, before = sys.argv[2], peak()
settings = TextSettings(unit=unit)
store = open_store(resolve_sources([sys.argv[1]], settings), settings)
corpus = build_corpus(store, settings, seed=0)
kind = StreamBatches if unit == "stream" else DocumentBatches
batches = kind(dataset=corpus.training, batch_size=32, window=256, seed=0)
for _ in zip(range(4000), batches.epoch(1)):
    pass
index = DocumentIndex.from_hashes(corpus.document_hashes, sum(map(len, corpus.hashes)))
print(peak() - before, len(index.packed))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has other units elsewhere")
@pytest.mark.parametrize("unit", ["line", "stream"])
def test_memory_does_not_grow_with_the_text(
    unit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHARLOOM_CACHE", str(tmp_path / "cache"))
    source = tmp_path / "large.txt"
    with source.open("w", encoding="utf-8") as file:
        for first in range(0, 1_000_000, 10_000):
            file.writelines(
                f"{number} {'and the rest of a line with some more words and an é in it, ' * 3}\n"
                + "tail of it\n"
                for number in range(first, first + 10_000)
            )
    size = source.stat().st_size / 1e6
    assert size > 190
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(source), unit],
        capture_output=True,
        text=True,
        check=True,
    )
    grown, index = map(float, done.stdout.split())
    assert index == 0 if unit == "stream" else index > 4.9e6
    # Ids, offsets and hashes on disk take 230 MB for lines; 80 MB of memory were measured.
    assert grown < 0.6 * size
