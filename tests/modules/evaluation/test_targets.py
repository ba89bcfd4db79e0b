import numpy as np
import pytest

from charloom.evaluation.targets import Targets


def test_every_document_ends_with_its_boundary() -> None:
    documents = [np.array([5, 3]), np.array([], dtype=np.int64), np.array([70_000])]
    targets = Targets.from_documents(iter(documents))
    assert targets.ids_N.tolist() == [5, 3, 0, 0, 70_000, 0]
    assert targets.starts_D.tolist() == [0, 3, 4]


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_ids_of_any_type_become_int32(dtype: type[np.integer]) -> None:
    assert Targets.from_documents([np.array([7], dtype=dtype)]).ids_N.dtype == np.int32


def test_no_documents_have_no_targets() -> None:
    targets = Targets.from_documents([])
    assert len(targets.ids_N) == len(targets.starts_D) == 0
