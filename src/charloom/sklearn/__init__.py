"""charloom for scikit-learn: an outlier detector of texts.

It needs the extra ``charloom[sklearn]``. scikit-learn is imported at the first use of a name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from charloom.extras import require_package

if TYPE_CHECKING:
    from charloom.sklearn.line_scorer import LineScorer

__all__ = ["LineScorer"]


if not TYPE_CHECKING:  # a type checker would accept any name

    def __getattr__(name: str) -> Any:
        """Return a public name, imported at its first use.

        Raises MissingPackageError if scikit-learn is not installed.
        """
        if name not in __all__:
            raise AttributeError(f"module 'charloom.sklearn' has no attribute {name!r}")
        require_package("sklearn", f"charloom.sklearn.{name}", "use charloom.Model.score")
        from charloom.sklearn import line_scorer

        return getattr(line_scorer, name)
