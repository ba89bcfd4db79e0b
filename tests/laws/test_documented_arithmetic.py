"""The example in docs/evaluation.md, computed by the code."""

import math
from pathlib import Path

from charloom import units

TEXT = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text("utf-8")
CHARACTERS, WORDS = 1_000, 180


def test_the_table_of_two_levels_has_the_computed_figures() -> None:
    """A row of the table has the figures of the model of characters, then that of words."""
    nats = [round(1.40 * (CHARACTERS + 1)), round(3.85 * (2 * WORDS + 1))]
    rows = [
        [f"{CHARACTERS + 1:,}", f"{2 * WORDS + 1:,}"],
        [f"{each:,} nats" for each in nats],
        [f"{units.bits(each):,.1f}" for each in nats],
        [f"{units.bits_per_character(each, CHARACTERS + 1):.3f}" for each in nats],
        [f"{units.perplexity(1.40, 1):.1f}", f"{units.perplexity(3.85, 1):.0f}"],
        [f"e^({each}/{WORDS + 1}) = {units.perplexity(each, WORDS + 1):,.0f}" for each in nats],
    ]
    cells = [f"| {first} | {second} |" for first, second in rows]
    assert [row for row in cells if row not in TEXT] == []
    assert f"1 / ln 2 = {1 / math.log(2):.4f}" in TEXT
