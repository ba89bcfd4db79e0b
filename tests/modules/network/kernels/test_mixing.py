"""The compiled sum of a mixture has the bits of that in NumPy."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from mixed_networks import COMPONENTS, SIZES

from charloom.network.mixture import mix_logits, mix_logits_compiled


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.sampled_from([0.1, 3.0, 60.0]))
def test_compiled_probabilities_are_those_of_numpy(seed: int, rows: int, scale: float) -> None:
    generator = np.random.default_rng(seed)
    logits = [
        (scale * generator.standard_normal((rows, size))).astype(np.float32) for size in SIZES
    ]
    expected = mix_logits(COMPONENTS, logits)
    found = mix_logits_compiled(COMPONENTS, logits)
    assert np.array_equal(found.view(np.int32), expected.view(np.int32))
