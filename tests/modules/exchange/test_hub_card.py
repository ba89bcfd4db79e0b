import dataclasses
from typing import Any

import pytest
from records import record

from charloom.exchange.hub_card import CardFacts, hub_card, yaml_text
from charloom.exchange.public_record import public_record

FACTS = CardFacts(
    name="facts",
    source="hf://user/facts",
    memorisation=None,
    discloses=("15 symbols", "the weights"),
    tokenizer_difference=None,
)
OVERLAP = {
    "texts": 1000,
    "whole": 0.125,
    "longest_quantiles": {"1.0": 1040},
    "covered": {"50": 0.25},
}


def head(card: str) -> dict[str, Any]:
    import yaml

    parts = card.split("---\n", 2)
    assert parts[0] == ""
    content: dict[str, Any] = yaml.safe_load(parts[1])
    return content


@pytest.mark.needs("yaml")
def test_the_head_is_yaml_with_figures() -> None:
    assert head(hub_card(public_record(record(), "MIT", "no"), FACTS)) == {
        "license": "mit",
        "language": "no",
        "library_name": "charloom",
        "pipeline_tag": "text-generation",
        "tags": ["charloom", "character-lm", "lstm", "rnn"],
        "metrics": ["bits_per_character"],
        "model-index": [
            {
                "name": "facts",
                "results": [
                    {
                        "task": {"type": "text-generation"},
                        "dataset": {
                            "type": "private",
                            "name": "held-out texts of the training sources",
                        },
                        "metrics": [
                            {
                                "type": "bits_per_character",
                                "name": "bits per character",
                                "value": 2.5,
                            }
                        ],
                    }
                ],
            }
        ],
    }


@pytest.mark.needs("yaml")
def test_unknown_facts_are_left_out() -> None:
    card = hub_card(public_record(record(metrics={}, provenance={})), FACTS)
    assert head(card).keys() == {"language", "library_name", "pipeline_tag", "tags"}
    assert head(card)["language"] == "und"
    assert "Language: unknown. License: not stated." in card
    assert "## Figures" not in card


@pytest.mark.needs("yaml", "huggingface_hub")
def test_the_hub_reads_the_figures() -> None:
    from huggingface_hub import ModelCard

    card = ModelCard(hub_card(public_record(record(), "mit", "en"), FACTS))
    [result] = card.data.eval_results  # type: ignore[attr-defined]
    assert (result.metric_type, result.metric_value) == ("bits_per_character", 2.5)


@pytest.mark.needs("yaml")
def test_hostile_names_are_text() -> None:
    name = 'a"\n---\nlicense: x\u2028 <script> [x](y) \U0001f600'
    card = hub_card(public_record(record()), dataclasses.replace(FACTS, name=name))
    assert head(card)["model-index"][0]["name"] == name
    assert "license" not in head(card)
    assert '# a" --- license: x  \\<script\\> \\[x\\](y) \U0001f600\n' in card


def test_memorisation_labels_and_differences_are_described() -> None:
    facts = dataclasses.replace(
        FACTS,
        memorisation={"samples": OVERLAP, "held_out": OVERLAP | {"whole": 0.0}},
        tokenizer_difference="it splits in another way",
    )
    card = hub_card(public_record(record(("x", "y"))), facts)
    assert "| equal to a training text | 12.5 % | 0.0 % |" in card
    assert "| longest copied span, characters | 1,040 | 1,040 |" in card
    assert "It is not exact: it splits in another way." in card
    assert "$ charloom generate hf://user/facts --label LABEL -n 5\n" in card
    assert "- 15 symbols\n- the weights\n" in card
    assert "Not measured." in hub_card(public_record(record()), FACTS)


def test_a_text_of_yaml() -> None:
    assert yaml_text("\x85") == '"\\U00000085"'
