import pytest
from corpora_by_hand import part

from charloom.evaluation.sample_sets import matched_held_out

TEXTS = [f"text {k}" for k in range(10)]


@pytest.mark.parametrize(
    ("count", "expected"), [(2, [0, 5]), (4, [0, 2, 5, 7]), (10, range(10)), (40, range(10))]
)
def test_lines_are_taken_from_all_over_the_part(count: int, expected: list[int]) -> None:
    given = matched_held_out(part(TEXTS), ["x"] * count, "line")
    assert given == [TEXTS[index] for index in expected]


def test_longer_texts_are_cut_into_pieces_as_long_as_the_samples() -> None:
    held_out = part(["abcdefghij", "klm"])
    given = matched_held_out(held_out, ["123", "", "1234", "12", "1234", "1"], "document")
    assert given == ["abc", "d", "efgh", "ij", "klm"]
    assert matched_held_out(held_out, ["12", "12345"], "stream") == ["ab", "cdefg"]
