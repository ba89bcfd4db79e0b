"""JSON schemas of settings: the values that they accept are those that the classes accept."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from charloom.errors import SettingsError
from charloom.settings import (
    NetworkSettings,
    SamplingSettings,
    TextSettings,
    TrainingSettings,
    json_schema,
)
from charloom.settings.declaration import settings_of

Kind = type[TextSettings] | type[NetworkSettings] | type[TrainingSettings] | type[SamplingSettings]
KINDS: tuple[Kind, ...] = (TextSettings, NetworkSettings, TrainingSettings, SamplingSettings)

TYPES: dict[str, tuple[type, ...]] = {
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def has_type(value: object, name: str) -> bool:
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def accepts(schema: Mapping[str, Any], value: Any) -> bool:
    """Validate by the keywords of Draft 2020-12 that the schemas use; others are an error."""
    known = {"title", "description", "default", "$schema", "type", "enum", "anyOf", "items"}
    known |= {"properties", "additionalProperties"}
    known |= {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
    assert not [key for key in schema if key not in known and not key.startswith("x-")]
    types = schema.get("type", [])
    if types and not any(
        has_type(value, t) for t in ([types] if isinstance(types, str) else types)
    ):
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if "anyOf" in schema and not any(accepts(each, value) for each in schema["anyOf"]):
        return False
    if has_type(value, "number"):
        return bool(
            value >= schema.get("minimum", value)
            and value <= schema.get("maximum", value)
            and value > schema.get("exclusiveMinimum", value - 1)
            and value < schema.get("exclusiveMaximum", value + 1)
        )
    if isinstance(value, list):
        return all(accepts(schema["items"], item) for item in value)
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        return all(
            accepts(properties[key], item)
            if key in properties
            else isinstance(others, dict) and accepts(others, item)
            for key, item in value.items()
        )
    return True


CASES: list[tuple[Kind, str, list[Any], list[Any]]] = [
    (
        TextSettings,
        "level",
        ["char", "byte", "grapheme", "word", "closed-word"],
        ["letter", "", 1, None],
    ),
    (TextSettings, "unit", ["line", "document", "stream"], ["page", True, ["line"]]),
    (TextSettings, "columns", [[], ["a", "2"]], ["a", [1], None, [["a"]]]),
    (TextSettings, "label_column", ["a", "", None], [1, ["a"], False]),
    (TextSettings, "header", [True, False, None], ["yes", 0]),
    (TextSettings, "encoding", ["latin-1"], [None, 8]),
    (TextSettings, "clean", [True, False], [1, None, "true"]),
    (TextSettings, "errors", ["strict", "replace", "skip"], ["ignore", None]),
    (TextSettings, "delimiter", [";", "tab", None], [1]),
    (TextSettings, "separator", ["", "%%", None], [1]),
    (TextSettings, "separator_regex", ["^=+$", None], [1]),
    (TextSettings, "unique_documents", [True, False], [1, None]),
    (TextSettings, "mask_digits", [True, False], [1, None]),
    (TextSettings, "token_pattern", ["Cl|Br", None], [1]),
    (TextSettings, "valid_tail", [True, False], [1, None]),
    (TextSettings, "min_count", [1, 10**400], [0, -1, 1.5, "1", True, None]),
    (TextSettings, "valid_fraction", [0.001, 0.999], [0, 1, 0.0, 1.0, -0.5, 2, "0.1", None]),
    (NetworkSettings, "cell", ["lstm", "gru", "rnn"], ["mlp", None]),
    (NetworkSettings, "hidden", [1, 4096], [0, 1.5, "8", None]),
    (NetworkSettings, "layers", [1, 3], [0, True]),
    (NetworkSettings, "input", ["one-hot", 1, 64], ["two-hot", 0, 2.5, None, True]),
    (NetworkSettings, "dropout", [0, 0.0, 0.99], [1, -0.1, "0.1", None]),
    (TrainingSettings, "minutes", [0.1, 3, None], [0, -1, "2"]),
    (TrainingSettings, "epochs", [1, None], [0, 1.5]),
    (TrainingSettings, "steps", [1, None], [0, "many"]),
    (TrainingSettings, "batch_size", [1], [0, None]),
    (TrainingSettings, "window", [1], [0, None]),
    (TrainingSettings, "learning_rate", [1e-9, 1], [0, -1e-3, None]),
    (TrainingSettings, "schedule", ["linear", "constant"], ["cosine"]),
    (TrainingSettings, "optimizer", ["muon", "adamw", "rmsprop", "sgd"], ["adam"]),
    (TrainingSettings, "weight_decay", [0, 0.5], [-0.1, None]),
    (TrainingSettings, "average", [True, False], [None, 1]),
    (TrainingSettings, "keep_optimizer", [True, False], [None, 1]),
    (TrainingSettings, "source_weights", [[], [3, 0.5], [1000]], [3, [0], [-1], ["1"], [1001]]),
    (
        TrainingSettings,
        "freeze",
        ["none", "embedding", 1, 3],
        ["all", 0, 1.5, "1", None, True],
    ),
    (TrainingSettings, "clip", [0.1], [0, True]),
    (TrainingSettings, "seed", [0, 2**63 - 1], [-1, 2**63, 0.5]),
    (TrainingSettings, "device", ["cpu"], [None, 0]),
    (TrainingSettings, "precision", ["auto", "fp32", "bf16"], ["fp8"]),
    (TrainingSettings, "sample_every", [0.5, None], [0, "1"]),
    (TrainingSettings, "prompts", [[], ["", "a"]], ["a", [None]]),
    (TrainingSettings, "temperatures", [[], [0, 0.5]], [0.5, [-1], ["1"], [True]]),
    (TrainingSettings, "checked_texts", [1], [0, None, 1.5]),
    (TrainingSettings, "keep_best", ["loss", "accepted"], ["bits", None]),
    (TrainingSettings, "index", [True, False], [None, 0]),
    (SamplingSettings, "temperature", [None, 0, 2.5], [-1, "1", True]),
    (SamplingSettings, "length", [1, 10**9], [0, 1.5, None]),
    (SamplingSettings, "min_length", [0, 500], [-1, None]),
    (SamplingSettings, "stop", [[], ["a"]], ["a", [1]]),
    (SamplingSettings, "seed", [0], [-1, 2**63]),
    (SamplingSettings, "label", ["a", None], [3]),
    (SamplingSettings, "top_k", [1, None], [0, 2.5, True]),
    (SamplingSettings, "top_p", [1, 0.1, None], [0, 1.1]),
    (SamplingSettings, "min_p", [0, 1, None], [-0.1, 1.1]),
    (SamplingSettings, "repetition_penalty", [0.1, None], [0, -1]),
    (SamplingSettings, "bias", [{}, {"e": -2, "a": 0.5}], [{"e": "2"}, {"e": True}, ["e"], None]),
    (SamplingSettings, "match", ["a+", None], [1, ["a"]]),
    (SamplingSettings, "match_by", ["mask"], ["masks", None]),
    (SamplingSettings, "forbid", [[], ["a"]], ["a", [1]]),
    (SamplingSettings, "forbid_whole_words", [False], [1, None]),
    (SamplingSettings, "forbid_ignore_case", [False], [1, None]),
    (SamplingSettings, "novel", [True, False], [1, None]),
    (SamplingSettings, "novel_file", [[], ["a.txt"]], ["a.txt", [1]]),
    (SamplingSettings, "unique", [True, False], ["yes"]),
    (SamplingSettings, "accepted_only", [True, False], [1, None]),
    (SamplingSettings, "beam", [1, 10_000, None], [0, 10_001, 2.5]),
]
"""Values of each setting that are accepted alone, and values that are refused."""
NOT_ALONE = {"repetition_span", "tries", "length_penalty"}
"""Settings of sampling that need another one."""


@pytest.mark.parametrize(("kind", "name", "right", "wrong"), CASES)
def test_the_schema_accepts_the_values_that_the_class_accepts(
    kind: Kind, name: str, right: list[Any], wrong: list[Any]
) -> None:
    schema = json_schema(kind)
    for value in right:
        kind.from_json({name: value})
        assert accepts(schema, {name: value}), value
    for value in wrong:
        with pytest.raises(SettingsError):
            kind.from_json({name: value})
        assert not accepts(schema, {name: value}), value


def test_every_setting_has_cases() -> None:
    fields = {(kind, name) for kind in KINDS for name in settings_of(kind)}
    alone = {(kind, name) for kind, name in fields if name not in NOT_ALONE}
    assert {(kind, name) for kind, name, _, _ in CASES} == alone


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("repetition_span", [1, 256, None], [0, 257, 1.0]),
        ("tries", [1, None], [0, 2.5]),
        ("length_penalty", [0, 1.5, None], [-1, "1"]),
    ],
)
def test_settings_that_need_another_one(name: str, right: list[Any], wrong: list[Any]) -> None:
    company = {"repetition_span": "repetition_penalty", "length_penalty": "beam"}
    other = {company[name]: 2} if name in company else {"unique": True}
    schema = json_schema(SamplingSettings)
    for value in right:
        SamplingSettings.from_json(other | {name: value})
        assert accepts(schema, other | {name: value})
    for value in wrong:
        with pytest.raises(SettingsError):
            SamplingSettings.from_json(other | {name: value})
        assert not accepts(schema, other | {name: value})


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_json_and_accepts_the_defaults(kind: Kind) -> None:
    schema = json.loads(json.dumps(json_schema(kind)))
    assert schema["title"] == kind.__name__
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert accepts(schema, {name: p["default"] for name, p in schema["properties"].items()})
    assert accepts(schema, json.loads(json.dumps(kind().to_json())))
    assert not accepts(schema, {"width": 3})


def test_a_property_has_the_words_of_its_declaration() -> None:
    declared = settings_of(TrainingSettings)["learning_rate"].declaration
    assert json_schema(TrainingSettings)["properties"]["learning_rate"] == {
        "title": "Learning rate",
        "description": declared.help,
        "type": "number",
        "exclusiveMinimum": 0,
        "default": 0.014,
        "x-group": "Training",
        "x-option": "--lr",
        "x-default": declared.default_text,
    }


def test_changing_a_schema_does_not_change_the_next_one() -> None:
    json_schema(SamplingSettings)["properties"]["bias"]["default"]["e"] = 1
    json_schema(TrainingSettings)["properties"]["prompts"]["default"].append("a")
    assert json_schema(SamplingSettings)["properties"]["bias"]["default"] == {}
    assert json_schema(TrainingSettings)["properties"]["prompts"]["default"] == [""]
