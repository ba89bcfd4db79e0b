"""Damaged models and symbols are imported or refused in one line, quickly, in bounded memory.

The mutator changes bytes of small files that Keras saved; archives are also changed in a member.
The C library of HDF5 (2.0.0 in h5py 3.16) is not used: it ends the process with a segmentation
fault, or hangs, for some such files.
"""

import io
import json
import random
import sys
import time
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from keras_models import FOLDER, SYMBOLS
from soak import times

from charloom.errors import CharloomError
from charloom.exchange.import_model import import_file
from charloom.exchange.symbols_file import SymbolOptions

EXAMPLES = times(500)
MAX_SECONDS = 5.0
MAX_BYTES = 50_000_000
FILES = {
    path.name: path.read_bytes()
    for path in sorted(FOLDER.iterdir())
    if path.suffix in (".keras", ".h5") and path.name != "titles.keras"
}
TOKENIZER = json.dumps(
    {"class_name": "Tokenizer", "config": {
        "num_words": None, "char_level": True, "lower": False, "oov_token": None,
        "word_index": json.dumps({symbol: k for k, symbol in enumerate("abcdef", 1)}),
        "word_counts": json.dumps(dict.fromkeys("abcdef", 3)),
    }}
).encode()  # fmt: skip
SYMBOL_FILES = [TOKENIZER, json.dumps(SYMBOLS).encode(), b"\na\nb\nc\nd\ne\nf\n<eos>\n"]


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return a file with a few changes."""
    data = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 4, 8])):
        if not data:
            break
        place, other = chance.randrange(len(data)), chance.randrange(len(data))
        size = chance.choice([1, 1, 2, 4, 8, 32])
        change = chance.randrange(7)
        if change == 0:
            data[place] = chance.randrange(256)
        elif change == 1:
            data[place : place + 8] = b"\xff" * 8
        elif change == 2:
            data[place] ^= 1 << chance.randrange(8)
        elif change == 3:
            data[place : place + size] = data[other : other + size]
        elif change == 4:
            del data[place : place + size]
        elif change == 5:
            data[place:place] = data[other : other + size]
        elif chance.random() < 0.3:
            del data[place:]
    return bytes(data)


def mutated_member(content: bytes, chance: random.Random) -> bytes:
    """Return an archive with a few changes in one member."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(stream, "w", chance.choice([0, 8])) as new,
    ):
        changed = chance.choice(old.namelist())
        for name in old.namelist():
            member = old.read(name)
            new.writestr(name, mutated(member, chance) if name == changed else member)
    return stream.getvalue()


def damaged(name: str, chance: random.Random) -> bytes:
    in_member = name.endswith(".keras") and chance.random() < 0.7
    return (mutated_member if in_member else mutated)(FILES[name], chance)


@pytest.mark.soak
def test_damaged_models_are_imported_or_refused_in_one_line(tmp_path: Path) -> None:
    symbols, slowest, imported = tmp_path / "symbols", (0.0, -1), 0
    tracemalloc.start()
    for seed in range(EXAMPLES):
        chance = random.Random(seed)
        name = chance.choice(list(FILES))
        path = tmp_path / f"model{Path(name).suffix}"
        source: Any = SYMBOLS
        if chance.random() < 0.8:
            path.write_bytes(damaged(name, chance))
        else:
            path.write_bytes(FILES[name])
            symbols.write_bytes(mutated(chance.choice(SYMBOL_FILES), chance))
            source = symbols
        begin = time.perf_counter()
        try:
            import_file(path, SymbolOptions(source=source, end="<eos>"))
            imported += 1
        except CharloomError as error:
            assert str(error), seed
            assert "\n" not in str(error), (seed, str(error))
            str(error).encode()
        except Exception as error:
            raise AssertionError(f"seed {seed}, {name}") from error
        slowest = max(slowest, (time.perf_counter() - begin, seed))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(
        f"{EXAMPLES:,} files, {imported:,} imported; slowest {slowest}; {peak:,} bytes",
        file=sys.stderr,
    )
    assert EXAMPLES // 20 < imported < EXAMPLES
    assert slowest[0] < MAX_SECONDS, slowest
    assert peak < MAX_BYTES
