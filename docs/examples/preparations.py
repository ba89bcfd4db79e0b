"""Files and models that pages need before their first command: `<!-- needs: titles-run -->`.

Files come from the folder of shared data beside the checkout, where it is present. Elsewhere they
are made of the facts that charloom installs, so the commands run on the same kinds of files.
"""

import csv
import gzip
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from randfacts import safe_facts

from examples.errors import ExampleError

ROOT: Final = Path(__file__).parents[2]
SHARED: Final = ROOT.parent / "shared" / "data"

KINDS: Final = ("World", "Sports", "Business", "Sci/Tech")
_SPORTS: Final = "2"
_TITLES: Final = "charloom train titles.csv --column 2"


@dataclass(frozen=True)
class Preparation:
    """Files that a function writes, and then the models that commands train."""

    write: Callable[[Path], None] | None = None
    commands: Sequence[str] = ()
    needs: Sequence[str] = ()
    shared: str | None = None
    """The file of the shared data that the function reads, if it is present."""


def _write_lines(path: Path, lines: Sequence[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")


def _shared(name: str) -> str | None:
    path = SHARED / name
    return path.read_text("utf-8") if path.is_file() else None


def write_titles(folder: Path) -> None:
    """Write news titles (class, title, description), also as lines, and those on sports."""
    text = _shared("ag_news/test.csv")
    if text is not None:
        rows = list(csv.reader(text.splitlines(keepends=True)))
    else:
        rows = [[str(n % 4 + 1), fact[:60].strip(), fact] for n, fact in enumerate(safe_facts)]
    with (folder / "titles.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    _write_lines(folder / "titles.txt", [row[1] for row in rows])
    sports = [row[1] for row in rows if row[0] == _SPORTS][:300]
    for name in ("sports.txt", "own.txt"):
        _write_lines(folder / name, sports)
    for name, count in (("kinds.csv", 4000), ("related.csv", 3000)):
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerows(
                [("title", "kind"), *((r[1], KINDS[int(r[0]) - 1]) for r in rows[:count])]
            )


def write_names(folder: Path) -> None:
    """Write given names, one a line, and the names of the example texts with countries."""
    from example_texts import country_rows

    for name, separator in (("names.csv", ","), ("names.tsv", "\t")):
        _write_lines(folder / name, [separator.join(row) for row in country_rows()])
    text = _shared("names.txt")
    words = sorted({word.lower() for fact in safe_facts for word in fact.split()})
    made = [word for word in words if word.isascii() and word.isalpha() and len(word) > 3]
    _write_lines(folder / "names.txt", text.split() if text is not None else made)


def write_plays(folder: Path) -> None:
    """Write the beginning of a file of plays."""
    text = _shared("tinyshakespeare.txt") or "\n".join(safe_facts)
    (folder / "plays.txt").write_text(text[:300_000], "utf-8")


def write_log(folder: Path) -> None:
    """Write a compressed log of ordinary lines."""
    from example_texts import log_lines

    lines = [text for _, text in log_lines(23, 4000, 0, seed=1)]
    with gzip.open(folder / "log.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(lines))


def write_lines(folder: Path) -> None:
    """Write facts as files of a reader: some to score, some to evaluate, one to begin with."""
    facts = random.Random(1).sample(safe_facts, 220)
    _write_lines(folder / "lines.txt", [*facts[:19], "xq zzkt 7#"])
    _write_lines(folder / "other-facts.txt", [f"{fact} Really." for fact in facts[20:]])
    (folder / "beginning.txt").write_text("The most ", "utf-8")


def write_examples(folder: Path) -> None:
    """Write the example texts of the recipes."""
    from example_texts import write_all

    write_all(folder / "examples")
    shutil.copy2(folder / "examples" / "molecules.smi", folder / "library.smi")


PREPARATIONS: Final[Mapping[str, Preparation]] = {
    "examples": Preparation(write_examples),
    "lines": Preparation(write_lines),
    "log": Preparation(write_log),
    "names": Preparation(write_names, shared="names.txt"),
    "plays": Preparation(write_plays, shared="tinyshakespeare.txt"),
    "titles": Preparation(write_titles, shared="ag_news/test.csv"),
    "facts-run": Preparation(commands=["charloom train facts --minutes 0.3 -o runs/facts"]),
    "names-run": Preparation(
        commands=["charloom train names.txt --minutes 0.2 -o runs/names"], needs=["names"]
    ),
    "countries-run": Preparation(
        commands=[
            "charloom train names.csv --column name --label-column country "
            "--minutes 0.1 -o runs/countries"
        ],
        needs=["names"],
    ),
    "plays-run": Preparation(
        commands=["charloom train plays.txt --minutes 0.1 -o runs/plays"], needs=["plays"]
    ),
    "titles-run": Preparation(
        commands=[f"{_TITLES} --minutes 0.2 -o runs/titles"], needs=["titles"]
    ),
    "molecules-run": Preparation(
        commands=[
            "charloom train examples/molecules.smi --delimiter space --column 1 "
            "--minutes 0.1 -o runs/molecules"
        ],
        needs=["examples"],
    ),
}


SHARED_FILES: Final = tuple(each.shared for each in PREPARATIONS.values() if each.shared)


def are_as_recorded(names: Sequence[str]) -> bool:
    """Return whether these preparations have the shared data, as the record of the pages has."""
    files = (PREPARATIONS[name].shared for name in in_order(names))
    return all((SHARED / file).is_file() for file in files if file is not None)


def in_order(names: Sequence[str]) -> list[str]:
    """Return preparations with those that they need, each before those that need it."""
    found: list[str] = []
    for name in names:
        if name not in PREPARATIONS:
            raise ExampleError(f"no preparation {name!r}: choose from {', '.join(PREPARATIONS)}")
        for other in (*in_order(PREPARATIONS[name].needs), name):
            if other not in found:
                found.append(other)
    return found
