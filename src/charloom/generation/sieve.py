"""Texts that are new: none of the training documents, none twice."""

from collections.abc import Callable, Iterator, Sequence

from charloom.generation.texts import Generated
from charloom.settings import SamplingSettings


class Sieve:
    """Holds back texts that are known or came before, over all prompts and labels of one call."""

    def sift(
        self,
        draw: Callable[[Sequence[int]], list[Generated]],
        settings: SamplingSettings,
        n: int,
    ) -> Iterator[Generated]:
        """Yield ``n`` texts that pass, drawn with one seed after another."""
        raise NotImplementedError
