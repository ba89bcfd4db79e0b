"""The table of sampling options that laws are checked on."""

import math
from typing import Any

SAMPLING_CASES: dict[str, dict[str, Any]] = {
    "greedy": {"temperature": 0.0},
    "top-k": {"top_k": 3},
    "top-p": {"top_p": 0.6},
    "min-p": {"min_p": 0.2},
    "truncation": {"top_k": 6, "top_p": 0.85, "min_p": 0.1, "temperature": 1.7},
    "penalty": {"repetition_penalty": 1.5, "repetition_span": 1},
    "passages": {"repetition_penalty": 5.0, "repetition_span": 3, "temperature": 0.4},
    "loops": {"repetition_penalty": 4.0, "temperature": 0.0, "bias": {"<eos>": -9.0}},
    "echo": {"repetition_penalty": 0.4, "repetition_span": 2},
    "bias": {"bias": {"a": 1.5, "b": -2, "c": -math.inf, "<eos>": -1.0}},
    "minimum": {"min_length": 35},
    "minimum, stop": {"min_length": 20, "stop": ("ab", "h", "cc")},
    "match": {"match": "[^g]*(ab|[d-f]c)h?", "min_length": 5},
    "forbid": {"forbid": ("ha", "dd", "\u00e9b", "c")},
    "forbid, match": {
        "forbid": ("gh", "aba", "fe"),
        "match": "[^g]*(ab|[d-f]c)h?",
        "min_length": 3,
    },
    "greedy, penalized": {
        "temperature": 0.0,
        "repetition_penalty": 1.3,
        "repetition_span": 2,
        "bias": {"a": 0.25},
        "min_length": 9,
    },
    "all but stop": {
        "temperature": 1.4,
        "top_k": 7,
        "top_p": 0.97,
        "min_p": 0.02,
        "repetition_penalty": 1.2,
        "repetition_span": 3,
        "bias": {"a": 0.3, "h": -math.inf, "<eos>": 0.5},
        "min_length": 6,
        "match": "[^cg]*([a-d]+|fe)",
    },
    "all but match": {
        "temperature": 1.4,
        "top_k": 7,
        "top_p": 0.97,
        "min_p": 0.02,
        "repetition_penalty": 1.2,
        "repetition_span": 1,
        "bias": {"a": 0.3, "h": -math.inf, "<eos>": 0.5},
        "min_length": 6,
        "stop": ("bb", "fa"),
    },
}
"""Fields of SamplingSettings for models that know the letters a to h, by a short name."""
