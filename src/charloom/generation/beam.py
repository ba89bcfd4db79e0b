"""Beam search: the most probable texts. Axes: B texts side by side, V symbols."""

from collections.abc import Iterator

from charloom.generation.engine import Engine
from charloom.generation.growth import Start
from charloom.generation.sieve import Sieve
from charloom.generation.texts import Generated
from charloom.settings import SamplingSettings
from charloom.text.vocabulary import Vocabulary


def search(
    engine: Engine,
    vocabulary: Vocabulary,
    start: Start,
    settings: SamplingSettings,
    n: int,
    sieve: Sieve | None,
) -> Iterator[Generated]:
    """Yield the ``n`` best texts that a beam of ``settings.beam`` finds, the best first."""
    raise NotImplementedError
