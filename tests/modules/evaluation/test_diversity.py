"""Diversity against counts by hand, with samples of a Markov chain."""

import pytest
from networks import make_vocabulary, markov_chain

from charloom.evaluation.diversity import MIN_SPAN, distinct_ngram_fraction, measure_diversity
from charloom.generation.generator import Generator
from charloom.settings import SamplingSettings


def test_no_ngram_extends_over_two_texts() -> None:
    # ab, bc and cd of the first text, then ab again.
    assert distinct_ngram_fraction(["abcd", "ab"], 2, 100) == 3 / 4
    assert distinct_ngram_fraction(["abcd", "ab"], 3, 100) == 1
    assert distinct_ngram_fraction(["aaaa"], 2, 100) == 1 / 3
    assert distinct_ngram_fraction(["a", ""], 2, 100) is None


def test_only_the_first_characters_are_counted() -> None:
    assert distinct_ngram_fraction(["abab", "cdcd"], 2, 4) == 2 / 3
    assert distinct_ngram_fraction(["abab", "cdcd"], 2, 6) == 3 / 4
    assert distinct_ngram_fraction(["abab"], 2, 0) is None


def test_metrics_of_samples_by_temperature_and_of_held_out_texts() -> None:
    """The next symbol is a with probability 3/4, else the text ends; greedy texts never end."""
    generator = Generator(markov_chain([[0.25, 0, 0.75]] * 3), make_vocabulary("a"))
    cold, warm, real = measure_diversity(
        generator,
        SamplingSettings(length=40, seed=1),
        documents=["a" * 40, "b"],
        held_out=["a" * 50, "bb", "b"],
        n=100,
        temperatures=(0.0, 1.0),
    )
    assert (cold.temperature, warm.temperature, real.temperature) == (0.0, 1.0, None)
    assert (cold.mean_length, cold.ended, cold.texts) == (40, 0, 100)
    assert (cold.copied, cold.whole) == (1, 1)
    # log2(4 / 3) bits for each a.
    assert cold.bits_per_character == pytest.approx(0.41504, rel=1e-4)
    # The mean of the geometric distribution, within five standard errors of 0.35.
    assert warm.mean_length == pytest.approx(3, abs=1.75)
    assert warm.ended == 1
    # The entropy of the choice, within five standard errors.
    assert warm.bits_per_character == pytest.approx(0.8113, abs=0.2)
    assert warm.copied == 0, f"no text has {MIN_SPAN} characters"
    assert (real.bits_per_character, real.ended) == (None, None)
    assert real.whole == pytest.approx(1 / 3)
    assert real.copied == pytest.approx(50 / 53)
    assert real.mean_length == pytest.approx(53 / 3)
