"""The texts of the benchmarks, each cut into a training and a validation file.

They are not in the repository: AG's news (its test set), the Shakespeare plays of char-rnn and the
first names of makemore are in a data folder, by default shared/data beside the checkout.
"""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path

DATA = (Path(__file__).parents[2] / "shared" / "data").resolve()

FILES = {
    "titles": "ag_news/test.csv",
    "tinyshakespeare": "tinyshakespeare.txt",
    "names": "names.txt",
}
"""The path of each text below the data folder."""

Files = tuple[Path, Path]
"""A training and a validation file."""


def titles(source: Path, folder: Path, count: int = 7000) -> Files:
    """Write the first ``count`` titles and the last 600 as CSV files of one column, no header."""
    with source.open(encoding="utf-8", newline="") as file:
        rows = [row[1] for row in csv.reader(file)]
    paths = folder / "training.csv", folder / "validation.csv"
    for path, part in zip(paths, (rows[:count], rows[-600:]), strict=True):
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([title] for title in part)
    return paths


def shakespeare(source: Path, folder: Path) -> Files:
    """Write the first nine tenths of the characters and the last tenth."""
    text = source.read_text("utf-8")
    cut = len(text) * 9 // 10
    return _write(folder, text[:cut], text[cut:])


def names(source: Path, folder: Path) -> Files:
    """Write all names but 1,000, and those 1,000: the random split of makemore."""
    import torch

    everyone = [line.strip() for line in source.read_text("utf-8").splitlines() if line.strip()]
    draw = torch.randperm(len(everyone), generator=torch.Generator().manual_seed(3407))
    order = [everyone[index] for index in draw.tolist()]
    return _write(folder, "\n".join(order[:-1000]), "\n".join(order[-1000:]))


def _write(folder: Path, training: str, validation: str) -> Files:
    paths = folder / "training.txt", folder / "validation.txt"
    for path, text in zip(paths, (training, validation), strict=True):
        path.write_text(text, "utf-8")
    return paths


CUTS: Mapping[str, Callable[[Path, Path], Files]] = {
    "titles": titles,
    "tinyshakespeare": shakespeare,
    "names": names,
}
