"""Random texts of a few words, the same for the same seed."""

import random

WORDS = [
    *("the", "a", "river", "stone", "green", "runs"),
    *("falls", "over", "quick", "bright", "and", "then"),
]


def random_texts(seed: int, count: int, max_words: int) -> list[str]:
    """Return ``count`` texts of 2 to ``max_words`` words; golden losses depend on them."""
    generator = random.Random(seed)
    return [
        " ".join(generator.choices(WORDS, k=generator.randint(2, max_words))) for _ in range(count)
    ]
