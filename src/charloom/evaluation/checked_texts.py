"""Accepted, unique and novel texts: figures that compare generators of strings.

They are the valid, unique and novel molecules of Polykovskiy et al. 2020, "Molecular Sets (MOSES)"
(https://doi.org/10.3389/fphar.2020.565644), with a checker of the user in the place of a parser of
molecules, and texts compared as they are.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from charloom.generation.checker import Checker


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckedFigures:
    """Fractions of a set of texts; each is of the texts that the one before it left."""

    accepted: float
    """Fraction of the texts that the checker accepts."""
    unique: float | None
    """Fraction of the accepted texts that are distinct; None if none is accepted."""
    novel: float | None
    """Fraction of the distinct accepted texts that are no training documents."""


class CheckedTexts:
    """Groups of texts, judged by a checker, and compared with training documents."""

    def __init__(self, groups: Sequence[Sequence[str]], checker: Checker) -> None:
        """Judge all texts; raises CheckerError."""
        verdicts = iter(checker([text for group in groups for text in group]))
        # Verdicts are in the order of the texts.
        self._accepted = [[text for text in group if next(verdicts)] for group in groups]
        self._counts = [len(group) for group in groups]
        self._wanted = {text for group in self._accepted for text in group}
        self._known: set[str] = set()

    def watch(self, documents: Iterable[str]) -> Iterator[str]:
        """Yield the training documents, and remember those that are texts."""
        for document in documents:
            if document in self._wanted:
                self._known.add(document)
            yield document

    def figures(self) -> list[CheckedFigures]:
        """Return the figures of each group, after ``watch`` has yielded all documents."""
        return [
            self._figures(accepted, count)
            for accepted, count in zip(self._accepted, self._counts, strict=True)
        ]

    def _figures(self, accepted: Sequence[str], count: int) -> CheckedFigures:
        distinct = set(accepted)
        if not accepted:
            return CheckedFigures(accepted=0.0, unique=None, novel=None)
        return CheckedFigures(
            accepted=len(accepted) / count,
            unique=len(distinct) / len(accepted),
            novel=len(distinct - self._known) / len(distinct),
        )
