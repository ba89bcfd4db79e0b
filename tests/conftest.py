"""What holds for every test: no clock decides, and nobody's cache folder is touched."""

from collections.abc import Iterator

import hypothesis
import pytest
import torch

# Tests share their cores with others, so a slow example proves nothing; and a run that fails must
# fail again, so the examples are derived from the test alone.
hypothesis.settings.register_profile("charloom", deadline=None, derandomize=True)
hypothesis.settings.load_profile("charloom")

# The networks of the tests are tiny: two threads only wait for each other, the more so on a machine
# that others use as well. (What runs in a process of its own has the threads that users have.)
torch.set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHARLOOM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield
