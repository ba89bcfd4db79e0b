"""Score symbols with a mixture of networks (network/mixture.py).

Axes as in symbol_scorer.py; V symbols of the mixture.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from charloom.evaluation.symbol_scorer import Floats, Ids, StreamState, Surprisals, SymbolScorer
from charloom.network.exact import Doubles
from charloom.network.mixture import Component

MAX_LOGITS: Final = 1 << 22
"""Logits of one network that are held at once; they take 16 MB."""


class MixtureScorer:
    """Scores symbols like ``SymbolScorer``, with several of them."""

    def __init__(
        self,
        components: Sequence[Component],
        scorers: Sequence[SymbolScorer],
        *,
        max_logits: int = MAX_LOGITS,
    ) -> None:
        self._components = components
        self._scorers = scorers
        self._max_targets = max(max_logits // len(components[0].ids_V), 1)

    def surprisals(
        self,
        targets_N: Ids,
        ends_D: Ids,
        labels_D: Ids,
        state: StreamState | None = None,
        *,
        unfinished: bool = False,
    ) -> Surprisals:
        """Score every target; see ``SymbolScorer.surprisals``."""
        parts: list[Surprisals] = []
        first = document = 0
        while first < len(targets_N):
            end = min(first + self._max_targets, len(targets_N))
            # The document of the last target may continue in the next part.
            last = int(np.searchsorted(ends_D, end))
            is_cut = bool(ends_D[last] > end)
            part = self._score(
                targets_N[first:end],
                np.minimum(ends_D[document : last + 1], end) - first,
                labels_D[document : last + 1],
                state,
                unfinished=is_cut or (unfinished and end == len(targets_N)),
            )
            parts.append(part)
            state, first, document = part.state, end, last + (not is_cut)
        return Surprisals(
            nats_N=np.concatenate([part.nats_N for part in parts]),
            correct_N=np.concatenate([part.correct_N for part in parts]),
            state=state,
        )

    def _score(
        self,
        targets_N: Ids,
        ends_D: Ids,
        labels_D: Ids,
        state: StreamState | None,
        *,
        unfinished: bool,
    ) -> Surprisals:
        """Score targets whose logits fit into memory."""
        from charloom.network.kernels.mixing import add_probabilities

        total_NV: Doubles = np.zeros((len(targets_N), len(self._components[0].ids_V)))
        states: list[StreamState] = []
        before = [None] * len(self._scorers) if state is None else [state, *state.others]
        for component, scorer, previous in zip(
            self._components, self._scorers, before, strict=True
        ):
            result = scorer.surprisals(
                component.ids_V[targets_N],
                ends_D,
                np.append(component.labels_C, -1)[labels_D],  # the last entry is no label
                previous,
                unfinished=unfinished,
                keep_logits=True,
            )
            weight = float(component.weight)
            lacks_V = component.lacks_V
            add_probabilities(total_NV, result.logits_NV, weight, component.ids_V, lacks_V)
            if result.state is not None:
                states.append(result.state)
        return Surprisals(
            nats_N=_nats(total_NV, targets_N),
            correct_N=total_NV.argmax(axis=1) == targets_N,
            state=_join(states),
        )


def _nats(probabilities_NV: Doubles, targets_N: Ids) -> Floats:
    return -np.log(probabilities_NV[np.arange(len(targets_N)), targets_N]).astype(np.float32)


def _join(states: Sequence[StreamState]) -> StreamState | None:
    """Return the state of a mixture from that of each network."""
    if not states:
        return None
    first = states[0]
    return StreamState(last_id=first.last_id, states_2LH=first.states_2LH, others=tuple(states[1:]))
