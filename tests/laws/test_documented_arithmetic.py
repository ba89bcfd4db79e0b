"""What docs/evaluation.md reckons by hand, reckoned by the code."""

import math
from pathlib import Path

from charloom import units

TEXT = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text("utf-8")
CHARACTERS, WORDS = 1_000, 180


def test_a_model_of_words_beside_one_of_characters() -> None:
    """Each figure of the section stands in it as it comes out here."""
    by_character = 1.40 * (CHARACTERS + 1)
    by_word = 3.85 * (2 * WORDS + 1)
    told = [f"{by_character:,.0f} nats", f"{by_word:,.0f} nats"]
    nats = [round(by_character), round(by_word)]
    told += [f"{units.bits(one):,.1f}" for one in nats]
    told += [f"{units.bits_per_character(one, CHARACTERS + 1):.3f}" for one in nats]
    told += [f"is {units.perplexity(3.85, 1):.0f} and that of the other"]
    told += [f"of the other {units.perplexity(1.40, 1):.1f}"]
    told += [f"{units.perplexity(one, WORDS + 1):,.0f}" for one in nats]
    told += [f"1 / ln 2 = {1 / math.log(2):.4f}"]
    words = " ".join(TEXT.split())
    assert [one for one in told if one not in words] == []
