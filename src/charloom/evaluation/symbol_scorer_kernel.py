"""How surprising symbols are, compiled by Numba: some documents side by side, float32, one thread.

What is found of a document does not depend on those that are read beside it.

Axes: N targets of all documents, R documents that are read side by side, L layers, H hidden units,
S slots times H (see arithmetic/layers.py), V symbols.
"""

import numpy as np

from charloom.network.kernels.exact_compiled import exp
from charloom.network.kernels.forward import LayerStates, forward_layer, kernel
from charloom.network.kernels.gemm_fp32 import add_product, padded_rows


@kernel
def score_symbols(network, targets_N, place_R, left_R, input_R, states, room, found, steps):
    """Read up to ``steps`` targets of each document; write their nats, and which were foreseen.

    ``network``, ``states`` and ``room`` are what reader.py makes. Row r reads the targets from
    ``place_R[r]`` on, ``left_R[r]`` in number, which does not grow from row to row; ``input_R`` is
    what it has not read yet. These and the states are brought up to date.
    """
    cell, table_VS, inputs_LPKC, bias_LS, recurrents_LPKC = network[:5]
    output_PKC, recurrent_bias_LH, output_bias_V = network[5:]
    states_L2RH, memories_L2RH = states
    slots_1RS, logits_RV = room
    nats_N, best_N = found
    L, _, R, H = states_L2RH.shape
    S, V = slots_1RS.shape[2], len(output_bias_V)
    slots, logits = slots_1RS.reshape(R * S), logits_RV.reshape(R * V)
    going = R
    for t in range(steps):
        while left_R[going - 1] <= t:
            going -= 1
        rows = padded_rows(going)
        for k in range(L):
            for r in range(going):
                row_G = table_VS[input_R[r]] if k == 0 else bias_LS[k - 1]
                for j in range(len(row_G)):
                    slots[r * S + j] = row_G[j]
            if k:
                below_RH = states_L2RH[k - 1, 1, :rows]
                add_product(slots_1RS[0, :rows], below_RH, inputs_LPKC[k - 1])
            forward_layer(
                cell,
                LayerStates(slots_1RS, states_L2RH[k], memories_L2RH[k]),
                recurrent_bias_LH[k],
                recurrents_LPKC[k],
            )
        for r in range(going):
            for j in range(V):
                logits[r * V + j] = output_bias_V[j]
        add_product(logits_RV[:rows], states_L2RH[L - 1, 1, :rows], output_PKC)
        for r in range(going):
            place = place_R[r] + t
            input_R[r] = targets_N[place]
            nats_N[place], best_N[place] = _surprisal(logits_RV[r], input_R[r])
            for k in range(L):
                for j in range(H):
                    states_L2RH[k, 0, r, j] = states_L2RH[k, 1, r, j]
                    memories_L2RH[k, 0, r, j] = memories_L2RH[k, 1, r, j]


@kernel
def _surprisal(logits_V, target):
    """Return -log(softmax(logits)) of a symbol, and whether it is the first of the highest."""
    highest = logits_V[0]
    for j in range(len(logits_V)):
        highest = max(highest, logits_V[j])
    total = np.float32(0)
    for j in range(len(logits_V)):
        total += exp(logits_V[j] - highest)
    best = logits_V[target] == highest
    for j in range(target):
        best = best and logits_V[j] < highest
    return np.log(total) - (logits_V[target] - highest), best
