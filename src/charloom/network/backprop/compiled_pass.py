"""Loss and gradients of a minibatch on one thread of a CPU, by compiled kernels.

The result is that of ``autograd``. Every call from Python takes the global interpreter lock, for
which threads that compute side by side wait; here one shard of a minibatch takes about thirty.

Axes: T time steps, B sequences, V vocabulary, H hidden units, L layers, M time steps times padded
sequences, N unpadded positions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from charloom.network.backprop.dropout import DropoutMask
from charloom.network.backprop.layer_inputs import (
    GatheredEmbedding,
    LayerInput,
    LowerLayer,
    OneHotInput,
    TableEmbedding,
    Weights,
)
from charloom.network.backprop.output_layer import OutputLayer, OutputResult
from charloom.network.backprop.recurrent_layer import Gates, LayerGrads, LayerResult, RecurrentLayer
from charloom.network.batch import Batch, Ids
from charloom.network.dropout import Dropout, output_masks, row_numbers
from charloom.network.kernels.gemm_fp32 import padded_rows
from charloom.network.parameters import Floats
from charloom.network.reference import State
from charloom.settings import NetworkSettings


class CompiledPass:
    """Forward and backward pass of a network.

    ``weights`` are its parameters by name; they are read in each pass.
    """

    def __init__(self, settings: NetworkSettings, weights: Mapping[str, Floats]) -> None:
        self.settings = settings
        self.weights = weights
        self._inputs = [_of_layer(depth, weights) for depth in range(settings.layers)]
        self._layers = [
            RecurrentLayer(
                settings.cell,
                weights[f"cells.{depth}.recurrent_weight"],
                weights.get(f"cells.{depth}.recurrent_bias"),
            )
            for depth in range(settings.layers)
        ]
        self._output = OutputLayer(weights["output.weight"], weights["output.bias"])

    def forward(self, batch: Batch, state: State, dropout: Dropout, *, bf16: bool) -> PassResult:
        """Return the loss of a minibatch, or of a shard, that starts from ``state``.

        With ``bf16`` the factors of matrix products are rounded to bfloat16.
        """
        settings, ids_TB = self.settings, batch.inputs_TB
        row_length = padded_rows(ids_TB.shape[1])
        numbers_M = row_numbers(batch, row_length)
        inputs: list[LayerInput] = []
        layers: list[LayerResult] = []
        for depth, layer in enumerate(self._layers):
            if depth:
                rows_M = np.arange(len(numbers_M))
                mask = DropoutMask.of_layer(dropout, depth, rows_M, numbers_M)
                hidden_MH = layers[-1].hidden_MH
                inputs.append(LowerLayer(self._inputs[depth], hidden_MH, mask, bf16=bf16))
            else:
                inputs.append(self._first_input(ids_TB, bf16))
            steps, sequences = ids_TB.shape
            gates = Gates(layer.cell, settings.hidden, steps=steps, sequences=sequences)
            inputs[-1].forward(gates)
            cell_BH = None if state.cell is None else state.cell[depth]
            layers.append(layer.forward(gates, state.hidden[depth], cell_BH, bf16=bf16))
        rows_N, targets_N = _unpadded(batch, row_length)
        mask = DropoutMask.of_layer(dropout, settings.layers, rows_N, numbers_M[rows_N])
        masks = output_masks(settings, len(self._output.bias_V), dropout)
        output = self._output.forward(layers[-1].hidden_MH, mask, masks, targets_N, bf16=bf16)
        return PassResult(self, batch, inputs, layers, output)

    def _first_input(self, ids_TB: Ids, bf16: bool) -> LayerInput:
        weights = self._inputs[0]
        embedding_VE = self.weights.get("embedding.weight")
        if embedding_VE is None:
            return OneHotInput(weights, ids_TB)
        kind = TableEmbedding if len(embedding_VE) <= ids_TB.size else GatheredEmbedding
        return kind(weights, embedding_VE, ids_TB, bf16=bf16)


@dataclasses.dataclass(slots=True)
class PassResult:
    """The loss of a minibatch and the state after it; call ``backward`` at most once."""

    compiled: CompiledPass
    batch: Batch
    inputs: list[LayerInput]
    layers: list[LayerResult]
    output: OutputResult

    @property
    def nats(self) -> float:
        """The loss, summed over the targets."""
        return self.output.nats

    @property
    def state(self) -> State:
        """The state after the last time step."""
        hidden_LBH = np.stack([layer.final_hidden_BH for layer in self.layers])
        if self.compiled.settings.cell != "lstm":
            return State(hidden=hidden_LBH, cell=None)
        cell_LBH = np.stack([layer.final_cell_BH for layer in self.layers])
        return State(hidden=hidden_LBH, cell=cell_LBH)

    def backward(self, grads: Mapping[str, Floats]) -> None:
        """Write the gradients of the loss to ``grads``, by the names of the parameters.

        Those of labels are zeros unless documents start here. The gradients of names that are left
        out are not computed, and no layer is run backward below the lowest one that needs it.
        """
        lowest = self._lowest_layer(grads)
        grad_hidden_MH = self.output.backward(grads, through=lowest < len(self.layers))
        layer_grads: list[LayerGrads] = []
        for depth in reversed(range(lowest, len(self.layers))):
            assert grad_hidden_MH is not None
            own = _of_layer(depth, grads)
            layer = self.layers[depth].backward(grad_hidden_MH, own)
            layer_grads.insert(0, layer)
            through = depth > lowest or "embedding.weight" in grads
            grad_hidden_MH = self.inputs[depth].backward(layer.gates, own, through=through)
        if "embedding.weight" in grads:
            assert grad_hidden_MH is not None
            grads["embedding.weight"][...] = grad_hidden_MH
        self._write_label_grads(layer_grads, grads)

    def _lowest_layer(self, grads: Mapping[str, Floats]) -> int:
        """Return the lowest layer that runs backward; the number of layers for none."""
        if any(name.startswith(("embedding.", "labels.")) for name in grads):
            return 0
        depths = range(len(self.layers))
        return next((depth for depth in depths if _of_layer(depth, grads)), len(depths))

    def _write_label_grads(
        self, layer_grads: list[LayerGrads], grads: Mapping[str, Floats]
    ) -> None:
        """Write the gradients of the labels' initial states."""
        initial_grads = {
            "labels.hidden": [layer.hidden_BH for layer in layer_grads],
            "labels.cell": [layer.cell_BH for layer in layer_grads],
        }
        labels_B = self.batch.labels_B
        labelled_B = labels_B >= 0
        for name in initial_grads.keys() & grads.keys():
            grads[name][...] = 0
            if self.batch.starts:
                grads_BLH = np.stack(initial_grads[name], axis=1)
                np.add.at(grads[name], labels_B[labelled_B], grads_BLH[labelled_B])


def _unpadded(batch: Batch, row_length: int) -> tuple[Ids, Ids]:
    """Return positions t * ``row_length`` + b that are not padding, and their targets."""
    steps_N, sequences_N = np.nonzero(batch.mask_TB)
    return steps_N * row_length + sequences_N, batch.targets_TB[steps_N, sequences_N]


def _of_layer(depth: int, weights: Mapping[str, Floats]) -> Weights:
    """Return the parameters of the layer at ``depth`` by their names in the layer."""
    prefix = f"cells.{depth}."
    return {
        name.removeprefix(prefix): value
        for name, value in weights.items()
        if name.startswith(prefix)
    }
