"""The decoder of a mixture of networks (network/mixture.py).

Each network has a decoder of its own, which reads the symbols.
"""

import dataclasses
import sys
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from charloom.errors import SettingsError
from charloom.generation.decode_loop import (
    COMPILED_MODULE,
    ChooseDecoder,
    DecodedBlock,
    Decoder,
    DecoderChoice,
    DecoderState,
)
from charloom.generation.logits_processor import LogitsProcessor
from charloom.network.engine import Engine, Ids
from charloom.network.exact import Floats
from charloom.network.mixture import (
    Component,
    join_states,
    mix_logits,
    mix_logits_compiled,
    split_state,
)
from charloom.network.network_state import NetworkState
from charloom.network.reference import State

BATCH = 128
"""Largest batch of a mixture: half of the texts that are generated at once, for two threads."""


class MixtureDecoder:
    """Reads symbols with several decoders, and mixes their probabilities."""

    batch: ClassVar[int] = BATCH
    releases_gil: ClassVar[bool] = True

    def __init__(self, components: Sequence[Component], decoders: Sequence[Decoder]) -> None:
        self._components = components
        self._decoders = decoders

    def prefill(self, ids_T: Ids, state: State) -> tuple[Floats, State]:
        """Read symbols in one sequence; see ``Decoder``."""
        return self._mix(
            [
                decoder.prefill(component.ids_V[ids_T], part)
                for component, decoder, part in self._parts(state)
            ]
        )

    def step(self, ids_B: Ids, state: State) -> tuple[Floats, State]:
        """Read one symbol in each sequence; see ``Decoder``."""
        return self._mix(
            [
                decoder.step(component.ids_V[ids_B], part)
                for component, decoder, part in self._parts(state)
            ]
        )

    def decode(self, state: DecoderState, steps: int, processor: LogitsProcessor) -> DecodedBlock:
        """Decode up to ``steps`` symbols in each sequence; see ``Decoder``.

        The first network's decoder samples each symbol from the logits of the mixture.
        """
        shape = (len(state), steps)
        ids_BT, nats_BT = np.zeros(shape, np.int32), np.zeros(shape)
        lengths_B, rows_B = np.zeros(len(state), np.int64), np.arange(len(state))
        for t in range(steps):
            if state.last_ids_B is not None:
                logits_BV, network_state = self.step(state.last_ids_B, state.network_state)
                state = dataclasses.replace(
                    state, logits_BV=logits_BV, network_state=network_state, last_ids_B=None
                )
            others = state.network_state.others
            one = self._decoders[0].decode(state, 1, processor)
            ids_BT[rows_B, t] = one.ids_BT[:, 0]
            nats_BT[rows_B, t] = one.nats_BT[:, 0]
            lengths_B[rows_B] = t + 1
            first = one.state.network_state
            others = tuple(part.select(one.rows_B) for part in others)
            rows_B = rows_B[one.rows_B]
            state = dataclasses.replace(
                one.state, network_state=dataclasses.replace(first, others=others)
            )
            if len(rows_B) == 0:
                break
        return DecodedBlock(
            ids_BT=ids_BT, nats_BT=nats_BT, lengths_B=lengths_B, rows_B=rows_B, state=state
        )

    def _parts(self, state: State) -> list[tuple[Component, Decoder, State]]:
        return list(zip(self._components, self._decoders, split_state(state), strict=True))

    def _mix(self, results: Sequence[tuple[Floats, State]]) -> tuple[Floats, State]:
        is_compiled = COMPILED_MODULE in sys.modules
        mix = mix_logits_compiled if is_compiled else mix_logits
        logits = mix(self._components, [logits_BU for logits_BU, _ in results])
        return logits, join_states([state for _, state in results])


@dataclasses.dataclass(frozen=True, kw_only=True)
class MixtureDecoderChoice:
    """The ``ChooseDecoder`` of a mixture: each network has its own choice."""

    components: Sequence[Component]
    choices: Sequence[ChooseDecoder]

    def __call__(self, symbols: int) -> MixtureDecoder:
        """Return the decoder for a number of symbols to read or decode one after another."""
        return MixtureDecoder(self.components, [choose(symbols) for choose in self.choices])


@dataclasses.dataclass(frozen=True, kw_only=True)
class MixtureEngine:
    """The initial states of a mixture."""

    components: Sequence[Component]
    engines: Sequence[Engine]

    def initial_state(self, labels: Ids) -> State:
        """Return the state before the first symbol, for label ids (B,) of the mixture."""
        # The last entry, for -1, is no label.
        return join_states(
            [
                engine.initial_state(np.append(component.labels_C, -1)[labels])
                for component, engine in zip(self.components, self.engines, strict=True)
            ]
        )

    def batch_state(self, state: NetworkState) -> State:
        """Raise SettingsError: each network of a mixture has a state of its own."""
        raise SettingsError(
            "state was given to a mixture, whose models have a state each; leave it out, or "
            "generate with one of its models."
        )


def engine_decoders(engine: Engine | MixtureEngine) -> ChooseDecoder:
    """Return the choice of the faster decoder of an engine, or of those of a mixture."""
    if isinstance(engine, Engine):
        return DecoderChoice(engine)
    choices = [DecoderChoice(one) for one in engine.engines]
    return MixtureDecoderChoice(components=engine.components, choices=choices)
