"""The decode loop compiled by Numba. Importing this module takes about a second.

``decode_loop.DecoderChoice`` imports it when it saves time.

Axes as in decode_kernels.py.
"""

from typing import ClassVar

import numpy as np

from charloom.generation import decode_kernels as kernels
from charloom.generation.decode_loop import COMPILED_BATCH, DecodedBlock, DecoderState
from charloom.generation.logits_processor import LogitsProcessor, ProcessorState
from charloom.generation.sampling import Truncation, clamp_temperature
from charloom.network.engine import Engine, EngineWeights, Ids
from charloom.network.exact import Floats
from charloom.network.kernels.exact_compiled import accumulate
from charloom.network.kernels.packed_bf16 import Matrix, is_bf16, pack
from charloom.network.reference import State

_CELL_KINDS = {"lstm": kernels.LSTM, "gru": kernels.GRU, "rnn": kernels.RNN}
_Plain = tuple[object, ...]
_NO_AUTOMATON = np.empty((0, 0), np.int32)
_NO_STATES, _NO_OFFSETS = np.empty(0, np.int32), np.empty(0, np.int64)


class CompiledDecoder:
    """The decoder in compiled code, which decodes a block of symbols in one call."""

    batch: ClassVar[int] = COMPILED_BATCH
    releases_gil: ClassVar[bool] = True

    def __init__(self, engine: Engine) -> None:
        weights = engine.weights
        input_LHG, recurrent_LHG, output_HV = decoder_matrices(weights)
        self._engine = engine
        self._layers = kernels.Layers(
            cell_kind=_CELL_KINDS[engine.settings.cell],
            table_VG=weights.table_VG,
            input_LHG=input_LHG,
            bias_LG=weights.bias_LG,
            recurrent_LHG=recurrent_LHG,
            recurrent_bias_LH=weights.recurrent_bias_LH,
        )
        self._output = kernels.Output(weight_HV=output_HV, bias_V=weights.output_bias_V)
        self._last_options: tuple[LogitsProcessor, tuple[_Plain, _Plain]] | None = None

    def prefill(self, ids_T: Ids, state: State) -> tuple[Floats, State]:
        """Read symbols in one sequence; see ``Decoder``."""
        hidden_LBH, cell_LBH = _copy(state)
        kernels.prefill(self._layers, np.ascontiguousarray(ids_T, np.int64), hidden_LBH, cell_LBH)
        state = self._state(hidden_LBH, cell_LBH)
        return self._engine.logits(state), state

    def step(self, ids_B: Ids, state: State) -> tuple[Floats, State]:
        """Read one symbol in each sequence; see ``Decoder``."""
        sequences, G = len(ids_B), self._layers.table_VG.shape[1]
        hidden_LBH, cell_LBH = _copy(state)
        gates_BG, sums_BG = np.empty((2, sequences, G), np.float32)
        logits_BV = np.tile(self._output.bias_V, (sequences, 1))
        ids_B = np.ascontiguousarray(ids_B, np.int64)
        kernels.advance(self._layers, ids_B, hidden_LBH, cell_LBH, gates_BG, sums_BG, sequences)
        accumulate(logits_BV, hidden_LBH[-1], self._output.weight_HV, sequences)
        return logits_BV, self._state(hidden_LBH, cell_LBH)

    def decode(self, state: DecoderState, steps: int, processor: LogitsProcessor) -> DecodedBlock:
        """Decode up to ``steps`` symbols in each sequence; see ``Decoder``."""
        sequences = _to_sequences(state)
        block = kernels.Block(
            ids_BT=np.empty((len(state), steps), np.int32),
            nats_BT=np.empty((len(state), steps)),
            lengths_B=np.empty(len(state), np.int64),
        )
        has_unread = state.last_ids_B is not None
        rows_B = kernels.decode(
            tuple(self._layers),
            tuple(self._output),
            *self._options(processor),
            tuple(sequences),
            tuple(block),
            state.position,
            has_unread,
        )
        n = len(rows_B)
        return DecodedBlock(
            ids_BT=block.ids_BT,
            nats_BT=block.nats_BT,
            lengths_B=block.lengths_B,
            rows_B=rows_B,
            state=DecoderState(
                network_state=self._state(sequences.hidden_LBH[:, :n], sequences.cell_LBH[:, :n]),
                logits_BV=sequences.logits_BV[:n],
                seeds_B=state.seeds_B[rows_B],
                processor_state=ProcessorState(
                    automaton_B=sequences.automaton_B[:n], recent_BW=sequences.recent_BW[:n]
                ),
                last_ids_B=sequences.last_ids_B[:n],
                position=state.position + steps,
            ),
        )

    def _options(self, processor: LogitsProcessor) -> tuple[_Plain, _Plain]:
        """Return the options of a processor as plain tuples; the last ones are cached."""
        last = self._last_options
        if last is None or last[0] is not processor:
            options = tuple(processor_options(processor))
            sampling = tuple(sampling_options(processor.truncation, len(processor.bias_V)))
            last = self._last_options = (processor, (options, sampling))
        return last[1]

    def _state(self, hidden_LBH: Floats, cell_LBH: Floats) -> State:
        has_cell = self._layers.cell_kind == kernels.LSTM
        return State(hidden=hidden_LBH, cell=cell_LBH if has_cell else None)


def decoder_matrices(weights: EngineWeights) -> tuple[Matrix, ...]:
    """Return input, recurrent and output weights, packed if all of them are bfloat16."""
    matrices = weights.input_LHG, weights.recurrent_LHG, weights.output_HV
    return tuple(map(pack, matrices)) if all(map(is_bf16, matrices)) else matrices


def processor_options(processor: LogitsProcessor) -> kernels.ProcessorOptions:
    """Return the options of a processor as the kernels take them."""
    automaton = processor.automaton
    forbidden = None if automaton is None else automaton.forbidden
    return kernels.ProcessorOptions(
        bias_V=processor.bias_V,
        repetition_penalty=processor.repetition_penalty,
        repetition_span=processor.repetition_span,
        min_length=processor.min_length,
        max_length=processor.max_length,
        next_QV=_NO_AUTOMATON if automaton is None else automaton.next_QV,
        distance_JQ=_NO_AUTOMATON if automaton is None else automaton.distance_JQ,
        default_DV=_NO_AUTOMATON if forbidden is None else forbidden.default_DV,
        base_F=_NO_STATES if forbidden is None else forbidden.base_F,
        offsets_F1=_NO_OFFSETS if forbidden is None else forbidden.offsets_F1,
        symbols_E=_NO_STATES if forbidden is None else forbidden.symbols_E,
        targets_E=_NO_STATES if forbidden is None else forbidden.targets_E,
    )


def sampling_options(truncation: Truncation, symbols: int) -> kernels.SamplingOptions:
    """Return the options of a truncation as the kernels take them, for V symbols."""
    temperature = truncation.temperature
    return kernels.SamplingOptions(
        temperature=clamp_temperature(temperature) if temperature else np.float32(0),
        truncates=truncation.truncates,
        top_k=truncation.top_k or symbols,
        top_p=truncation.top_p,
        min_p=truncation.min_p,
    )


def _to_sequences(state: DecoderState) -> kernels.Sequences:
    """Return a copy of the state, which the kernels may change in place."""
    hidden_LBH, cell_LBH = _copy(state.network_state)
    if state.last_ids_B is None:
        logits_BV = np.array(state.logits_BV, np.float32, order="C")
        last_ids_B = np.zeros(len(state), np.int64)
    else:
        logits_BV = np.empty(state.logits_BV.shape, np.float32)
        last_ids_B = state.last_ids_B.copy()
    return kernels.Sequences(
        hidden_LBH=hidden_LBH,
        cell_LBH=cell_LBH,
        automaton_B=state.processor_state.automaton_B.copy(),
        recent_BW=np.array(state.processor_state.recent_BW, order="C"),
        logits_BV=logits_BV,
        last_ids_B=last_ids_B,
        seeds_B=state.seeds_B,
    )


def _copy(state: State) -> tuple[Floats, Floats]:
    """Return copies of hidden and cell state.

    Without a cell state, the second is another copy of the hidden state, which kernels ignore.
    """
    hidden_LBH = np.array(state.hidden, np.float32, order="C")
    cell_LBH = state.hidden if state.cell is None else state.cell
    return hidden_LBH, np.array(cell_LBH, np.float32, order="C")
