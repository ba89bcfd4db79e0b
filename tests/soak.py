"""How often random tests repeat: once in CI, many times with ``make soak``."""

import os

SOAK = int(os.environ.get("CHARLOOM_SOAK", "1"))
"""Factor on the number of random examples and kills."""


def times(count: int) -> int:
    """Return how many repetitions to make instead of ``count``."""
    return count * SOAK


MAX_EXAMPLES = 2000
"""More random examples of one test find little more, and ``make soak`` must end within an hour."""


def example_count(count: int) -> int:
    """Return how many random examples Hypothesis tries instead of ``count``."""
    return count if SOAK == 1 else min(times(count), MAX_EXAMPLES)
