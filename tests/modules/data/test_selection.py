"""A selection agrees with a list of the selected documents."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from charloom.data.selection import Selection

flags = st.lists(st.booleans(), max_size=40)


@given(flags=flags)
def test_store_indices_are_those_of_the_mask(flags: list[bool]) -> None:
    selection = Selection.from_mask(np.array(flags, dtype=bool))
    expected = [index for index, flag in enumerate(flags) if flag]
    assert len(selection) == len(expected)
    if expected:
        assert selection.store_indices(np.arange(len(expected))).tolist() == expected
    assert [i for block in selection.blocks(3) for i in block.tolist()] == expected


@given(flags=flags, bounds=st.tuples(st.integers(0, 40), st.integers(0, 40)))
def test_the_mask_of_any_range_is_a_slice_of_the_whole(
    flags: list[bool], bounds: tuple[int, int]
) -> None:
    begin, end = sorted(min(bound, len(flags)) for bound in bounds)
    selection = Selection.from_mask(np.array(flags, dtype=bool))
    assert selection.mask(begin, end).tolist() == flags[begin:end]


def test_a_range_is_one_run() -> None:
    span = Selection.from_range(3, 6)
    assert (len(span), span.store_indices(np.arange(3)).tolist()) == (3, [3, 4, 5])
    assert not len(Selection.from_range(4, 4))


@given(flags=flags)
def test_documents_before_any_place_are_counted(flags: list[bool]) -> None:
    selection = Selection.from_mask(np.array(flags, dtype=bool))
    places = np.arange(len(flags) + 1)
    expected = [sum(flags[:place]) for place in places.tolist()]
    assert selection.count_before(places).tolist() == expected
