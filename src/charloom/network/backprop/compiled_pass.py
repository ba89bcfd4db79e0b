"""Loss and gradients of a minibatch on one thread of a CPU, by compiled kernels.

The result is that of ``autograd.loss`` with torch's autograd. Every torch operation takes the
global interpreter lock, for which threads that compute side by side wait. Here one shard of a
minibatch takes about twenty calls instead of hundreds.

Axes: T time steps, B sequences, V vocabulary, H hidden units, L layers, M time steps times padded
sequences.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Tensor

from charloom.network.autograd.module import Network, State
from charloom.network.backprop.batch import Batch
from charloom.network.backprop.dropout import NO_DROPOUT, DropoutMask, draw_seed
from charloom.network.backprop.layer_inputs import (
    GatheredEmbedding,
    LayerInput,
    LowerLayer,
    OneHotInput,
    TableEmbedding,
    Weights,
)
from charloom.network.backprop.matmul import to_numpy
from charloom.network.backprop.output_layer import OutputLayer, OutputResult, Targets
from charloom.network.backprop.recurrent_layer import (
    Gates,
    Ids,
    LayerGrads,
    LayerResult,
    RecurrentLayer,
)
from charloom.network.kernels.cross_entropy import unpadded_positions
from charloom.network.kernels.gemm_fp32 import padded_rows

Gradients = dict[str, Tensor]
"""By the names of the network's parameters."""


class CompiledPass:
    """Forward and backward pass of a network; shares its parameters' memory."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.weights: Weights = {name: to_numpy(w) for name, w in network.named_parameters()}
        depths = range(network.settings.layers)
        self._inputs = [self._layer_weights(depth) for depth in depths]
        self._layers = [
            RecurrentLayer(
                network.settings.cell,
                self.weights[f"cells.{depth}.recurrent_weight"],
                self.weights.get(f"cells.{depth}.recurrent_bias"),
            )
            for depth in depths
        ]
        self._output = OutputLayer(self.weights["output.weight"], self.weights["output.bias"])

    def _layer_weights(self, depth: int) -> Weights:
        prefix = f"cells.{depth}."
        return {
            name.removeprefix(prefix): value
            for name, value in self.weights.items()
            if name.startswith(prefix)
        }

    def forward(
        self, batch: Batch, state: State, generator: torch.Generator | None = None, *, bf16: bool
    ) -> PassResult:
        """Return the loss of a minibatch that starts from ``state``.

        In training mode, dropout draws from ``generator``, by default torch's global one. With
        ``bf16`` the factors of matrix products are rounded to bfloat16.
        """
        ids_TB = batch.inputs_TB.contiguous().numpy()
        dropout = self.network.dropout if self.network.training else 0.0
        inputs: list[LayerInput] = []
        layers: list[LayerResult] = []
        for depth, layer in enumerate(self._layers):
            if depth:
                mask = _dropout_mask(dropout, generator)
                hidden_MH = layers[-1].hidden_MH
                inputs.append(LowerLayer(self._inputs[depth], hidden_MH, mask, bf16=bf16))
            else:
                inputs.append(self._first_input(ids_TB, bf16))
            gates = Gates(
                layer.cell,
                self.network.settings.hidden,
                steps=len(ids_TB),
                sequences=ids_TB.shape[1],
            )
            inputs[-1].forward(gates)
            hidden_BH = to_numpy(state.hidden_LBH[depth])
            cell_BH = None if state.cell_LBH is None else to_numpy(state.cell_LBH[depth])
            layers.append(layer.forward(gates, hidden_BH, cell_BH, bf16=bf16))
        p, masks = self.network.output_dropout()
        output = self._output.forward(
            layers[-1].hidden_MH, _targets(batch), _dropout_mask(p, generator), masks, bf16=bf16
        )
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
        hidden_LBH = torch.from_numpy(np.stack([layer.final_hidden_BH for layer in self.layers]))
        if self.compiled.network.settings.cell != "lstm":
            return State(hidden_LBH, None)
        cell_LBH = np.stack([layer.final_cell_BH for layer in self.layers])
        return State(hidden_LBH, torch.from_numpy(cell_LBH))

    def backward(self) -> Gradients:
        """Return the gradients of the loss; those of labels only where documents start."""
        output_grads, grad_hidden_MH = self.output.backward()
        grads: Weights = {
            "output.weight": output_grads.weight_VH,
            "output.bias": output_grads.bias_V,
        }
        layer_grads: list[LayerGrads] = []
        for depth in reversed(range(len(self.layers))):
            layer = self.layers[depth].backward(grad_hidden_MH)
            layer_grads.insert(0, layer)
            parameter_grads, input_grad = self.inputs[depth].backward(layer.gates)
            parameter_grads["recurrent_weight"] = layer.weight_GH
            if layer.bias_H is not None:
                parameter_grads["recurrent_bias"] = layer.bias_H
            grads |= {f"cells.{depth}.{name}": grad for name, grad in parameter_grads.items()}
            if depth:
                assert input_grad is not None
                grad_hidden_MH = input_grad
            elif input_grad is not None:
                grads["embedding.weight"] = input_grad
        if self.batch.starts:
            grads |= self._label_grads(layer_grads)
        return {name: torch.from_numpy(grad) for name, grad in grads.items()}

    def _label_grads(self, layer_grads: list[LayerGrads]) -> Weights:
        """Return the gradients of the labels' initial states."""
        initial_grads = {
            "labels.hidden": [grads.hidden_BH for grads in layer_grads],
            "labels.cell": [grads.cell_BH for grads in layer_grads],
        }
        labels_B = self.batch.labels_B.numpy()
        labelled_B = labels_B >= 0
        result: Weights = {}
        for name, grads_LBH in initial_grads.items():
            table = self.compiled.weights.get(name)
            if table is not None:
                result[name] = grad = np.zeros_like(table)
                np.add.at(grad, labels_B[labelled_B], np.stack(grads_LBH, axis=1)[labelled_B])
        return result


def _targets(batch: Batch) -> Targets:
    mask_TB, targets_TB = batch.mask_TB.numpy(), batch.targets_TB.numpy()
    rows = padded_rows(mask_TB.shape[1])
    return Targets(*unpadded_positions(mask_TB, targets_TB, rows))


def _dropout_mask(p: float, generator: torch.Generator | None) -> DropoutMask:
    return DropoutMask(p, draw_seed(generator)) if p else NO_DROPOUT
