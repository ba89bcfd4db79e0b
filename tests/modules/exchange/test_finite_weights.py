import numpy as np
import pytest
from records import record

from charloom.errors import SettingsError
from charloom.exchange.finite_weights import check_finite


def test_weights_that_are_not_finite_are_refused() -> None:
    full = record()
    check_finite(full)
    broken = {**full.tensors, "output.bias": np.full(15, np.nan, np.float32)}
    with pytest.raises(SettingsError) as error:
        check_finite(record(tensors=broken))
    assert str(error.value) == (
        "the weights of output.bias hold NaN or infinity, so no text can be generated; train again "
        "with a lower learning rate."
    )
