"""Downloads of named corpora, with a progress bar on a terminal."""

import sys
from collections.abc import Sequence

from charloom.cli.terminal import output
from charloom.data.named_corpora import NamedCorpus, bytes_to_fetch, fetch_files, find_corpus


def fetch_corpora(names: Sequence[str]) -> None:
    """Download the named corpora among ``names`` that are not in the cache.

    Names of files are ignored. Raises DownloadError.
    """
    for name in names:
        corpus = find_corpus(name)
        size = bytes_to_fetch(corpus) if corpus is not None else 0
        if corpus is not None and size:
            output.note(f"downloading {name}, {size / 1e6:.1f} MB; later runs use the cached copy.")
            _fetch_with_bar(corpus, size)


def _fetch_with_bar(corpus: NamedCorpus, size: int) -> None:
    if not sys.stderr.isatty():
        fetch_files(corpus)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(corpus.name, total=size)
        fetch_files(corpus, lambda count: progress.advance(task, count))
