"""The nats of a minibatch and all their gradients on one thread of the CPU, by compiled functions.

The same as network.py and loss.py with torch's autograd, written out. Each of torch's operations
takes the interpreter for a moment, and threads that compute side by side wait for it: here a part
of a minibatch takes a score of calls, not hundreds.

Axes: T steps, B streams, R streams filled up to whole tiles, V symbols, E embedding, H hidden
units, G gates times H, L layers, M = T R.
"""

from __future__ import annotations

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
from charloom.network.backprop.matmul import Floats, to_numpy
from charloom.network.backprop.output_layer import OutputLayer
from charloom.network.backprop.recurrent_layer import RecurrentLayer
from charloom.network.kernels import backward
from charloom.network.kernels.gemm_fp32 import padded_rows

Gradients = dict[str, Tensor]
"""By the names of the network's parameters."""


class CompiledPass:
    """A network whose weights are read where they lie, whatever they are by then."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.weights: Weights = {name: to_numpy(w) for name, w in network.named_parameters()}
        self.layers = [self._layer_weights(depth) for depth in range(network.settings.layers)]
        """The weights of each layer by their names in it; ``embedding`` too, for the first."""
        if "embedding.weight" in self.weights:
            self.layers[0]["embedding"] = self.weights["embedding.weight"]

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
        """Return what reading a minibatch from a state comes to.

        Dropout, where the network learns, draws from ``chance``, or from torch's own generator. The
        products of matrices are of bfloat16 if they are ``rounded``.
        """
        return PassResult(self, batch, state, generator, bf16=bf16)


class PassResult:
    """A network's way through a minibatch, and back."""

    def __init__(
        self,
        reader: CompiledPass,
        batch: Batch,
        state: State,
        chance: torch.Generator | None,
        *,
        bf16: bool,
    ) -> None:
        self._reader, self._network = reader, reader.network
        self._batch, self._before = batch, state
        self._chance, self._bf16 = chance, bf16
        self._ids_TB = batch.inputs_TB.contiguous().numpy()
        self._inputs: list[LayerInput] = []
        self._layers: list[RecurrentLayer] = []
        self.nats = self._read()
        """What the targets cost, summed (see loss.py)."""

    def _read(self) -> float:
        hidden_MH = self._run(0, self._symbols())
        for depth in range(1, self._network.settings.layers):
            share = self._network.dropout if self._network.training else 0.0
            draw, own = self._dropout_mask(share), self._reader.layers[depth]
            hidden_MH = self._run(depth, LowerLayer(own, hidden_MH, draw, bf16=self._bf16))
        self._size = len(hidden_MH)
        self._readout = self._output()
        return self._readout.forward(hidden_MH)

    @property
    def state(self) -> State:
        """The state after the last step."""
        hidden, memory = zip(*(layer.final_state for layer in self._layers), strict=True)
        hidden_LBH = torch.from_numpy(np.stack(hidden))
        if self._network.settings.cell != "lstm":
            return State(hidden_LBH, None)
        return State(hidden_LBH, torch.from_numpy(np.stack(memory)))

    def backward(self) -> Gradients:
        """Return the gradients of the nats; once."""
        given_MH, weight_VH, bias_V = self._readout.backward(self._size)
        found: Weights = {"output.weight": weight_VH, "output.bias": bias_V}
        first: list[tuple[Floats, Floats]] = []
        for depth in range(len(self._layers) - 1, -1, -1):
            layer = self._layers[depth]
            weight_GH, bias_H, *states = layer.backward(given_MH)
            first.insert(0, (states[0], states[1]))
            own = {"recurrent_weight": weight_GH} | self._inputs[depth].backward(layer)
            if bias_H is not None:
                own["recurrent_bias"] = bias_H
            if depth:
                given_MH = own.pop("below")
            elif "embedding" in own:
                found["embedding.weight"] = own.pop("embedding")
            found |= {f"cells.{depth}.{name}": value for name, value in own.items()}
        if self._batch.starts:
            found |= self._label_grads(first)
        return {name: torch.from_numpy(value) for name, value in found.items()}

    def _run(self, depth: int, read: LayerInput) -> Floats:
        """Let a layer read; return its hidden states, (M, H)."""
        settings, before = self._network.settings, self._before
        memory_LBH = before.cell_LBH
        layer = RecurrentLayer(
            settings.cell,
            self._reader.layers[depth]["recurrent_weight"],
            self._reader.layers[depth].get("recurrent_bias"),
            steps=len(self._ids_TB),
            hidden_BH=to_numpy(before.hidden_LBH[depth]),
            cell_BH=None if memory_LBH is None else to_numpy(memory_LBH[depth]),
            bf16=self._bf16,
        )
        read.forward(layer)
        self._inputs.append(read)
        self._layers.append(layer)
        return layer.forward()

    def _symbols(self) -> LayerInput:
        """Return what the first layer reads."""
        own = self._reader.layers[0]
        if "embedding" not in own:
            return OneHotInput(own, self._ids_TB)
        kind = TableEmbedding if len(own["embedding"]) <= self._ids_TB.size else GatheredEmbedding
        return kind(own, self._ids_TB, bf16=self._bf16)

    def _output(self) -> OutputLayer:
        """Return what reads the hidden states of the last layer."""
        mask_TB, targets_TB = self._batch.mask_TB.numpy(), self._batch.targets_TB.numpy()
        rows_N, targets_N = backward.unpadded_positions(
            mask_TB, targets_TB, padded_rows(mask_TB.shape[1])
        )
        share, masks = self._network.output_dropout()
        return OutputLayer(
            self._reader.weights["output.weight"],
            self._reader.weights["output.bias"],
            rows_N=rows_N,
            targets_N=targets_N,
            dropout=self._dropout_mask(share),
            masks=masks,
            bf16=self._bf16,
        )

    def _dropout_mask(self, share: float) -> DropoutMask:
        return DropoutMask(share, draw_seed(self._chance)) if share else NO_DROPOUT

    def _label_grads(self, first: list[tuple[Floats, Floats]]) -> Weights:
        """Return the gradients of the labels' states, from those of each layer's first states."""
        labels_B = self._batch.labels_B.numpy()
        found: Weights = {}
        for name, states in zip(("hidden", "cell"), zip(*first, strict=True), strict=True):
            table = self._reader.weights.get(f"labels.{name}")
            if table is not None:
                found[f"labels.{name}"] = gradient = np.zeros_like(table)
                has_B = labels_B >= 0
                np.add.at(gradient, labels_B[has_B], np.stack(states, axis=1)[has_B])
        return found
