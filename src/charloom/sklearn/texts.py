"""Texts of an estimator: lists, arrays, columns, and tables of one column."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from charloom.data.spool import not_a_text
from charloom.errors import SourceError
from charloom.formatting import summarize


def read_texts(estimator: BaseEstimator, X: Any, *, reset: bool = False) -> list[str]:
    """Return the texts of ``X``.

    With ``reset``, the number and name of its columns are stored in the estimator if it has two
    dimensions, and removed otherwise. Without, scikit-learn compares them and raises ValueError.

    Raises SourceError if ``X`` is empty or has several columns, and for an item that is no text.
    """
    if isinstance(X, str | bytes):
        raise SourceError("X is one string; give a list of texts, such as [text].")
    if reset:
        for name in ("n_features_in_", "feature_names_in_"):
            vars(estimator).pop(name, None)
    if len(getattr(X, "shape", ())) == 2:
        if X.shape[1] != 1:
            raise SourceError(_several_columns(X))
        validate_data(estimator, X, skip_check_array=True, reset=reset)
        X = (X.to_numpy() if hasattr(X, "to_numpy") else np.asarray(X, dtype=object)).ravel()
    try:
        texts = list(X)
    except TypeError as error:
        raise SourceError(
            f"X is {X!r:.40} ({type(X).__name__}); a list or an array of texts is needed."
        ) from error
    if not texts:
        raise SourceError("X is empty; at least one text is needed.")
    for position, text in enumerate(texts):
        if not isinstance(text, str):
            raise not_a_text("X", position, text)
    return texts


def _several_columns(table: Any) -> str:
    names = getattr(table, "columns", None)
    named = "" if names is None else f": {summarize([str(name) for name in names])}"
    return (
        f"X has {table.shape[1]} columns{named}; one of texts is needed: give that column alone, "
        "or select it with a ColumnTransformer."
    )
