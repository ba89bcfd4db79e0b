"""``charloom corpora``: list the named corpora."""

from typing import TYPE_CHECKING

from charloom.cli.options.shared import Json
from charloom.cli.terminal import output

if TYPE_CHECKING:
    from charloom.data.named_corpora import NamedCorpus


def corpora(json: Json = False) -> None:
    """List the corpora that can be named as a SOURCE.

    A corpus is downloaded when it is first used.
    """
    from charloom.data.named_corpora import CORPORA, bytes_to_fetch

    missing_bytes = {name: bytes_to_fetch(corpus) for name, corpus in CORPORA.items()}
    if json:
        output.write_json(
            [_to_record(corpus, missing_bytes[name]) for name, corpus in CORPORA.items()]
        )
        return
    for name, corpus in CORPORA.items():
        state = (
            f"to fetch: {missing_bytes[name] / 1e6:.1f} MB"
            if missing_bytes[name]
            else "on this machine"
        )
        output.write_result(f"{name}\n  {corpus.description}\n  {corpus.terms}; {state}")


def _to_record(corpus: "NamedCorpus", missing_bytes: int) -> dict[str, object]:
    return {
        "name": corpus.name,
        "description": corpus.description,
        "terms": corpus.terms,
        "unit": corpus.unit,
        "columns": list(corpus.column_names),
        "read_columns": list(corpus.columns),
        "label_column": corpus.label_column,
        "bytes_to_fetch": missing_bytes,
    }
