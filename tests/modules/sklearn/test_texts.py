"""Texts of an estimator: lists, arrays, columns and tables of one column; others are refused."""

from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from charloom.errors import SourceError
from charloom.sklearn.texts import read_texts

TEXTS = ["one text", "another", ""]
ARRAY = np.array(TEXTS, dtype=object)


class Estimator(BaseEstimator):  # type: ignore[misc]
    """An estimator that stores the columns of its texts."""


@pytest.mark.parametrize(
    "given",
    [TEXTS, tuple(TEXTS), iter(TEXTS), ARRAY, np.array(TEXTS), ARRAY[:, None]],
    ids=["list", "tuple", "iterator", "objects", "strings", "column"],
)
def test_texts_are_read(given: Any) -> None:
    assert read_texts(Estimator(), given, reset=True) == TEXTS


def test_columns_are_recorded_and_compared() -> None:
    estimator = Estimator()
    read_texts(estimator, ARRAY, reset=True)
    assert not hasattr(estimator, "n_features_in_")
    read_texts(estimator, ARRAY[:, None], reset=True)
    assert estimator.n_features_in_ == 1
    assert read_texts(estimator, TEXTS) == read_texts(estimator, ARRAY[:, None]) == TEXTS
    read_texts(estimator, TEXTS, reset=True)
    assert not hasattr(estimator, "n_features_in_")


@pytest.mark.needs("polars")
def test_columns_and_tables_of_a_data_frame() -> None:
    import polars as pl

    frame, estimator = pl.DataFrame({"title": TEXTS, "n": [1, 2, 3]}), Estimator()
    assert read_texts(estimator, frame["title"], reset=True) == TEXTS
    assert not hasattr(estimator, "feature_names_in_")
    assert read_texts(estimator, frame[["title"]], reset=True) == TEXTS
    assert estimator.feature_names_in_.tolist() == ["title"]
    with pytest.raises(ValueError, match="feature names should match"):
        read_texts(estimator, frame[["title"]].rename({"title": "body"}))
    with pytest.raises(SourceError) as error:
        read_texts(estimator, frame)
    assert str(error.value) == (
        'X has 2 columns: "title", "n"; one of texts is needed: give that column alone, or select '
        "it with a ColumnTransformer."
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("one", "X is one string; give a list of texts, such as [text]."),
        (b"one", "X is one string; give a list of texts, such as [text]."),
        (3, "X is 3 (int); a list or an array of texts is needed."),
        ([], "X is empty; at least one text is needed."),
        (
            np.zeros((4, 3)),
            "X has 3 columns; one of texts is needed: give that column alone, or select it with a "
            "ColumnTransformer.",
        ),
        (
            ["a", float("nan")],
            "X[1] is nan (float); a text is needed: leave such items out, or convert them with "
            "str().",
        ),
        (
            [["a"], ["b"]],
            "X[0] is ['a'] (list); a text is needed: leave such items out, or convert them with "
            "str().",
        ),
    ],
)
def test_what_is_no_list_of_texts_is_refused(given: Any, message: str) -> None:
    with pytest.raises(SourceError) as error:
        read_texts(Estimator(), given, reset=True)
    assert str(error.value) == message
