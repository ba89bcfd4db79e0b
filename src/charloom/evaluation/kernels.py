"""How surprising symbols are, compiled by Numba: many documents side by side, float32.

On one thread. A document that ends makes place for the next one, so nothing is padded; what is
found of a document does not depend on those that are read beside it.

Axes: N targets of all documents, D documents, R rows that are read side by side, K states to begin
with, L layers, H hidden units, S slots times H (see arithmetic/layers.py), V symbols.
"""

import numpy as np

from charloom.arithmetic.compiled import exp
from charloom.arithmetic.layers import GRU, LSTM, compiled, forward
from charloom.arithmetic.tiles import COLUMNS, ROWS, add_product


@compiled
def read(network, documents, starts, rows, found, last_2LH, unfinished):
    """Write the nats of each target, and whether it was the most probable symbol, to ``found``.

    ``network``, ``documents`` and ``starts`` are the tuples that reader.py makes. At most ``rows``
    documents are read at once, a multiple of ``tiles.ROWS``. The states after the last target of
    the document ``unfinished``, if there is one of that number, are left in ``last_2LH``.
    """
    V = len(network[7])
    streams, states, scratch = _room(network, rows)
    document_R, place_R, input_R = streams
    targets_N, _, ends_D = documents[:3]
    nats_N, best_N = found
    following = min(rows, len(ends_D))
    for r in range(following):
        _begin(r, r, documents, starts, streams, states)
    going = following
    while going:
        _step(network, input_R, states, scratch, going)
        r = 0
        while r < going:
            place, document = place_R[r], document_R[r]
            logits_V = scratch[1][r * V : (r + 1) * V]
            nats_N[place], best_N[place] = _surprisal(logits_V, targets_N[place])
            input_R[r], place_R[r] = targets_N[place], place + 1
            if place + 1 == ends_D[document]:
                if document == unfinished:
                    last_2LH[0], last_2LH[1] = states[0][:, 0, r], states[1][:, 0, r]
                if following == len(ends_D):
                    # The last row takes the place of the one that ended; it is looked at next.
                    going -= 1
                    _move(going, r, streams, states)
                    logits_V[:] = scratch[1][going * V : (going + 1) * V]
                    continue
                _begin(r, following, documents, starts, streams, states)
                following += 1
            r += 1
        if rows > ROWS and 0 < going <= rows // 2:
            rows = -(-going // ROWS) * ROWS
            states = (states[0][:, :, :rows].copy(), states[1][:, :, :rows].copy())


@compiled
def _room(network, rows):
    """Return which document each row reads, where, and what; states before and after; scratch."""
    recurrent_bias_LH, V = network[6], len(network[7])
    L, H = recurrent_bias_LH.shape
    slots = np.zeros(rows * _slots(network[0]) * H + COLUMNS, np.float32)
    logits = np.zeros(rows * V + COLUMNS, np.float32)
    hidden_L2RH = np.zeros((L, 2, rows, H), np.float32)
    streams = (np.zeros(rows, np.int64), np.zeros(rows, np.int64), np.zeros(rows, np.int64))
    return streams, (hidden_L2RH, hidden_L2RH.copy()), (slots, logits)


@compiled
def _slots(cell):
    if cell == LSTM:
        return 5
    return 4 if cell == GRU else 1


@compiled
def _begin(row, document, documents, starts, streams, states):
    """Let a row begin to read a document."""
    document_R, place_R, input_R = streams
    _, begins_D, _, first_D, start_D = documents
    document_R[row], place_R[row] = document, begins_D[document]
    input_R[row] = first_D[document]
    for k in range(2):
        states[k][:, 0, row] = starts[k][start_D[document]]


@compiled
def _move(source, target, streams, states):
    """Let a row take up what another one reads."""
    for k in range(3):
        streams[k][target] = streams[k][source]
    for k in range(2):
        states[k][:, 0, target] = states[k][:, 0, source]


@compiled
def _step(network, input_R, states, scratch, going):
    """Read one symbol in each row; leave the logits of the next ones."""
    cell, table_VS, inputs_LPKC, bias_LS, recurrents_LPKC = network[:5]
    output_PKC, recurrent_bias_LH, output_bias_V = network[5:]
    states_L2RH, memories_L2RH = states
    slots, logits = scratch
    L, _, R, H = states_L2RH.shape
    S, V = _slots(cell) * H, len(output_bias_V)
    flat = states_L2RH.reshape(states_L2RH.size)
    groups = -(-going // ROWS)
    for k in range(L):
        for r in range(going):
            row_G = table_VS[input_R[r]] if k == 0 else bias_LS[k - 1]
            for j in range(len(row_G)):
                slots[r * S + j] = row_G[j]
        if k:
            below = ((k - 1) * 2 + 1) * R * H
            add_product(slots, 0, S, flat, below, H, groups, inputs_LPKC[k - 1])
        slots_1RS = slots[: R * S].reshape(1, R, S)
        forward(
            cell,
            slots_1RS,
            states_L2RH[k],
            memories_L2RH[k],
            recurrent_bias_LH[k],
            recurrents_LPKC[k],
        )
    for r in range(going):
        for j in range(V):
            logits[r * V + j] = output_bias_V[j]
    add_product(logits, 0, V, flat, ((L - 1) * 2 + 1) * R * H, H, groups, output_PKC)
    states_L2RH[:, 0] = states_L2RH[:, 1]
    memories_L2RH[:, 0] = memories_L2RH[:, 1]


@compiled
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
