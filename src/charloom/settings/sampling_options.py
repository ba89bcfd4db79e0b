"""The keyword arguments of generating."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Literal, TypedDict

from charloom.settings.label_mixture import Label

MatchBy = Literal["mask", "trial"]


class SamplingOptions(TypedDict, total=False):
    """The fields of SamplingSettings as optional keyword arguments."""

    temperature: float
    length: int
    min_length: int
    stop: str | Sequence[str]
    seed: int
    label: Label
    top_k: int | None
    top_p: float | None
    min_p: float | None
    repetition_penalty: float | None
    repetition_span: int | None
    bias: Mapping[str, float]
    match: str | None
    match_by: MatchBy
    forbid: str | Sequence[str]
    forbid_whole_words: bool
    forbid_ignore_case: bool
    novel: bool
    novel_file: str | PathLike[str] | Sequence[str | PathLike[str]]
    unique: bool
    accepted_only: bool
    tries: int | None
    beam: int | None
    length_penalty: float | None
