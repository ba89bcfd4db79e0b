"""Records become plain values, and a tuple of them becomes a table."""

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from charloom.evaluation.copies import CopiedSpan
from charloom.evaluation.diversity import Diversity
from charloom.evaluation.evaluate import Evaluation
from charloom.evaluation.memorisation import Memorisation, OverlapFigures
from charloom.evaluation.text_score import TextScore
from charloom.generation.detokenizer import GeneratedText
from charloom.inspection.states import TextStates
from charloom.inspection.surprisals import TextSurprisals
from charloom.inspection.vectors import SimilarText
from charloom.network.network_state import NetworkState
from charloom.records import Record

RECORDS = (
    CopiedSpan,
    Diversity,
    Evaluation,
    GeneratedText,
    Memorisation,
    NetworkState,
    OverlapFigures,
    SimilarText,
    TextScore,
    TextStates,
    TextSurprisals,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Inner(Record):
    """A record within another one."""

    bits: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outer(Record):
    """A record with a field of each kind."""

    name: str | None
    pair: tuple[int, Inner]
    by_key: dict[str, Any]
    array: Any


def test_fields_become_plain_values() -> None:
    array = np.array([[1, 2]], np.float32)
    record = Outer(
        name=None, pair=(3, Inner(bits=0.5)), by_key={"a": Inner(bits=1.5), "b": array}, array=array
    )
    expected = {
        "name": None,
        "pair": [3, {"bits": 0.5}],
        "by_key": {"a": {"bits": 1.5}, "b": [[1.0, 2.0]]},
        "array": [[1.0, 2.0]],
    }
    assert record.to_dict() == expected
    assert json.loads(json.dumps(record.to_dict())) == expected


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_records_of_the_library_are_frozen_dataclasses(kind: Any) -> None:
    """pandas and polars read the fields of ``dataclasses.is_dataclass`` objects as columns."""
    assert issubclass(kind, Record)
    assert dataclasses.is_dataclass(kind)
    assert vars(kind)["__dataclass_params__"].frozen
