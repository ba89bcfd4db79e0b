"""Settings of all tests: no time limits, one thread, a cache folder of their own.

Tests of an optional package skip where it is missing: those of a module that imports it, and those
with the mark ``needs``.
"""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest
from optional import OptionalModule, need
from soak import SOAK, example_count

# Examples have no deadline, because cores may be shared with other programs. They are derived from
# the test alone, so that a failure is reproducible; ``make soak`` tries new ones each time and
# prints the failing example. Fifty examples find most faults of a change within CI's time.
hypothesis.settings.register_profile(
    "charloom", deadline=None, derandomize=SOAK == 1, max_examples=example_count(50)
)
hypothesis.settings.load_profile("charloom")

# The networks of the tests are so small that a second thread makes them slower. Processes that
# tests start inherit this, and torch and BLAS libraries read it when they are loaded.
os.environ["OMP_NUM_THREADS"] = "1"


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHARLOOM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.hookimpl(wrapper=True)
def pytest_collect_file() -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Collect each test module once: not also for doctests.

    A module that cannot be imported is empty, and not an error, when it is collected again.
    """
    collectors = yield
    return [collector for collector in collectors if isinstance(collector, OptionalModule)]


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module:
    module: pytest.Module = OptionalModule.from_parent(parent, path=module_path)
    return module


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        for package in marker.args:
            need(package)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests of random examples for ``make soak``."""
    for item in items:
        if isinstance(item, pytest.Function) and hypothesis.is_hypothesis_test(item.obj):
            item.add_marker(pytest.mark.soak)
