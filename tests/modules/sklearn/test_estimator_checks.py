"""scikit-learn's own checks of estimators.

They run on numbers, and scikit-learn skips all but one for estimators of texts, its own vectorizers
among them. So they run on an estimator that writes each row of numbers as a text, too.
"""

import warnings
from typing import Any, Self

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.exceptions import SkipTestWarning
from sklearn.utils import Tags
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted, validate_data

from charloom.sklearn import LineScorer

EXPECTED_FAILURES = {
    "check_fit2d_1sample": "one text is refused by charloom's CorpusError, and not by a ValueError "
    "that counts samples: validation needs a second text",
}
SKIPPED = {
    "check_array_api_input": "scikit-learn skips it unless SCIPY_ARRAY_API is set",
    "check_classifier_data_not_an_array": "scikit-learn skips a part of it without pandas",
}
TINY: dict[str, Any] = {"precision": "fp32", "batch_size": 32, "input": "one-hot"}


class NumberScorer(LineScorer):
    """A LineScorer of rows of numbers, which it writes as texts."""

    def fit(self, X: Any, y: object = None) -> Self:
        lines = self._lines(X, reset=True)
        columns = {name: getattr(self, name) for name in vars(self) if name in COLUMNS}
        super().fit(lines)
        self.__dict__.update(columns)
        return self

    def score_samples(self, X: Any) -> NDArray[np.float64]:
        check_is_fitted(self)
        return super().score_samples(self._lines(X))

    def score(self, X: Any, y: object = None) -> float:
        check_is_fitted(self)
        return super().score(self._lines(X))

    def _lines(self, X: Any, *, reset: bool = False) -> list[str]:
        rows = validate_data(self, X, reset=reset)
        return [" ".join(f"{value:.2f}" for value in row) for row in rows]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = False
        tags.input_tags.two_d_array = True
        return tags


COLUMNS = ("n_features_in_", "feature_names_in_")


def test_checks_of_texts_pass() -> None:
    with pytest.warns(SkipTestWarning, match="Can't test estimator LineScorer which requires"):
        results = check_estimator(LineScorer())
    assert {result["check_name"]: result["status"] for result in results} == {
        "check_estimator_cloneable": "passed"
    }


@pytest.mark.slow
def test_checks_of_numbers_pass() -> None:
    scorer = NumberScorer(hidden=4, steps=2, contamination=0.1, train_options=TINY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are scikit-learn's own
        results = check_estimator(
            scorer, on_fail=None, on_skip=None, expected_failed_checks=EXPECTED_FAILURES
        )
    others = [result for result in results if result["status"] != "passed"]
    failed = [(result["check_name"], result["exception"]) for result in others]
    assert {name for name, _ in failed} <= {*EXPECTED_FAILURES, *SKIPPED}, failed
    assert {r["check_name"] for r in others if r["status"] == "xfail"} == set(EXPECTED_FAILURES)
    names = {result["check_name"] for result in results}
    assert len(results) > 40
    assert {"check_outliers_train", "check_outliers_fit_predict"} <= names
    assert {"check_estimators_pickle", "check_methods_subset_invariance"} <= names
