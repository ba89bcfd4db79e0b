"""Decoders of mixtures against the reference networks."""

import numpy as np
import pytest
from mixed_networks import COMPONENTS, LABELS, SYMBOLS, engines, make_choice, probabilities_after

from charloom.generation.decode_loop import NumpyDecoder
from charloom.generation.mixture_decoder import MixtureDecoder, MixtureDecoderChoice, MixtureEngine

IDS = np.array([2, 6, 3, 5, 1, 4])
ENGINE = MixtureEngine(components=COMPONENTS, engines=engines())


def numpy_decoder() -> MixtureDecoder:
    return MixtureDecoder(COMPONENTS, [NumpyDecoder(engine) for engine in engines()])


def compiled_decoder() -> MixtureDecoder:
    from charloom.generation.compiled_decode import CompiledDecoder

    return MixtureDecoder(COMPONENTS, [CompiledDecoder(engine) for engine in engines()])


@pytest.mark.parametrize("label", range(-1, LABELS))
def test_probabilities_are_those_of_the_reference_networks(label: int) -> None:
    decoder = numpy_decoder()
    state = ENGINE.initial_state(np.array([label]))
    logits, _ = decoder.prefill(np.concatenate([[0], IDS]), state)
    assert np.exp(logits[0]) == pytest.approx(probabilities_after(IDS, label), rel=1e-4)


def test_steps_in_a_batch_are_those_of_one_sequence_in_both_decoders() -> None:
    labels = np.array([-1, 0, 2])
    paths_TB = np.array([[0, 0, 0], [2, 6, 5], [3, 1, 4], [6, 6, 2]])
    for decoder in (numpy_decoder(), compiled_decoder()):
        state = ENGINE.initial_state(labels)
        for ids_B in paths_TB:
            logits_BV, state = decoder.step(ids_B, state)
        for b in range(3):
            alone = ENGINE.initial_state(labels[b : b + 1])
            expected, _ = numpy_decoder().prefill(paths_TB[:, b], alone)
            assert np.array_equal(logits_BV[b], expected[0])


def test_the_choice_gives_each_network_its_own_decoder() -> None:
    asked: list[int] = []
    choice = MixtureDecoderChoice(
        components=COMPONENTS, choices=[make_choice(engine, asked) for engine in engines()]
    )
    state = ENGINE.initial_state(np.array([-1]))
    logits, _ = choice(7).prefill(np.array([0]), state)
    assert (asked, logits.shape) == ([7, 7], (1, SYMBOLS))
