"""How often random tests repeat: once in CI, many times with ``make soak``."""

import os

SOAK = int(os.environ.get("CHARLOOM_SOAK", "1"))
"""Factor on the number of random examples and kills."""


def times(count: int) -> int:
    """Return how many repetitions to make instead of ``count``."""
    return count * SOAK
