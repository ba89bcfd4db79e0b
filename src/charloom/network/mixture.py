"""The linear mixture of several networks.

The probability of a symbol is the sum of w_i p_i over the networks i, with weights w_i that sum to
1 (linear interpolation: Jelinek and Mercer 1980, "Interpolated estimation of Markov source
parameters from sparse data"). A symbol that a network lacks has probability 0 in it, and the
network reads it as ``<unk>``; so the probabilities of all symbols still sum to 1.

A sum has two virtues over a product of powers (a log-linear mixture): it needs no normalization, so
that a text is scored by the probabilities of its own symbols; and a network that has never seen a
symbol forbids it to nobody.

Axes: B sequences, V symbols of the mixture, U symbols of one network, C labels of the mixture.
"""

import dataclasses
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from charloom.network.exact import Doubles, Floats, exp, log
from charloom.network.reference import State

_UNKNOWN = 1
"""The id of ``<unk>``, in a mixture and in each of its networks."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Component:
    """The part of one network in a mixture."""

    weight: float
    """Above 0; those of all components sum to 1."""
    ids_V: NDArray[np.int64]
    """The network's own id of each symbol of the mixture; that of ``<unk>`` for one it lacks."""
    labels_C: NDArray[np.int64]
    """The network's own id of each label of the mixture; -1 for one it lacks."""

    @cached_property
    def lacks_V(self) -> NDArray[np.bool_]:
        """Which symbols of the mixture the network lacks."""
        lacks_V = np.equal(self.ids_V, _UNKNOWN)
        lacks_V[_UNKNOWN] = False
        return lacks_V


def mix_logits(components: Sequence[Component], logits: Sequence[Floats]) -> Floats:
    """Return the log probabilities of the mixture, (B, V).

    ``logits`` are those of each network, (B, U). The arithmetic is the same on every
    machine (exact.py).
    """
    total_BV: Doubles = np.zeros((len(logits[0]), len(components[0].ids_V)))
    for component, logits_BU in zip(components, logits, strict=True):
        total_BV += component_probabilities(component, logits_BU)
    return np.asarray(-log(1 / total_BV), np.float32)


def mix_logits_compiled(components: Sequence[Component], logits: Sequence[Floats]) -> Floats:
    """Return the result of ``mix_logits`` by compiled code, which takes time to load."""
    from charloom.network.kernels.mixing import add_probabilities, log_probabilities

    total_BV: Doubles = np.zeros((len(logits[0]), len(components[0].ids_V)))
    for component, logits_BU in zip(components, logits, strict=True):
        weight = float(component.weight)
        add_probabilities(total_BV, logits_BU, weight, component.ids_V, component.lacks_V)
    mixed_BV: Floats = np.empty(total_BV.shape, np.float32)
    log_probabilities(total_BV, mixed_BV)
    return mixed_BV


def component_probabilities(component: Component, logits_BU: Floats) -> Doubles:
    """Return the weighted probabilities of one network, (B, V), from its logits."""
    powers_BU = exp(logits_BU - logits_BU.max(axis=1, keepdims=True)).astype(np.float64)
    # A cumulative sum adds in the order of the ids; a plain one adds pairwise on some machines.
    powers_BU *= component.weight / np.cumsum(powers_BU, axis=1)[:, -1:]
    powers_BV = powers_BU[:, component.ids_V]
    powers_BV[:, component.lacks_V] = 0
    return powers_BV


def split_state(state: State) -> list[State]:
    """Return the state of each network of a mixture."""
    return [dataclasses.replace(state, others=()), *state.others]


def join_states(states: Sequence[State]) -> State:
    """Return the state of a mixture from that of each network."""
    return dataclasses.replace(states[0], others=tuple(states[1:]))
