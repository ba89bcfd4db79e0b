"""Generators that use one of the two decoders, whatever the amount of work, and an engine that
counts its calls."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from charloom.generation.compiled_decode import CompiledDecoder
from charloom.generation.decode_loop import ChooseDecoder, Decoder, NumpyDecoder
from charloom.generation.generator import Generator
from charloom.network.engine import Engine
from charloom.network.reference import State
from charloom.settings import NetworkSettings
from charloom.text.vocabulary import Vocabulary

MakeDecoder = Callable[[Engine], Decoder]

each_decoder = pytest.mark.parametrize("make_decoder", [NumpyDecoder, CompiledDecoder])
"""Runs a test with each decoder class, as the argument ``make_decoder``."""


def always(decoder: Decoder) -> ChooseDecoder:
    """Return a choice that ignores the amount of work."""
    return lambda symbols: decoder


def generator_with(
    make_decoder: MakeDecoder, engine: Engine, vocabulary: Vocabulary, labels: tuple[str, ...] = ()
) -> Generator:
    """Return a generator that uses one decoder."""
    return Generator(engine, vocabulary, labels, choose_decoder=always(make_decoder(engine)))


class CountingEngine(Engine):
    """An engine that records the number of sequences of each call of ``advance``."""

    def __init__(
        self, settings: NetworkSettings, tensors: Mapping[str, NDArray[np.float32]]
    ) -> None:
        super().__init__(settings, tensors)
        self.calls: list[int] = []

    def advance(self, ids: NDArray[np.integer[Any]], state: State) -> State:
        self.calls.append(len(ids))
        return super().advance(ids, state)
