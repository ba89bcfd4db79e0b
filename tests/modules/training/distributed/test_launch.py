import pytest

from charloom.errors import SettingsError
from charloom.training.distributed.launch import (
    SINGLE_PROCESS,
    ProcessInfo,
    process_info_from_torchrun,
)

TORCHRUN = {
    "RANK": "5",
    "WORLD_SIZE": "8",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "4",
    "GROUP_RANK": "1",
    "MASTER_ADDR": "10.0.0.1",
    "MASTER_PORT": "29500",
}


def without(*names: str) -> dict[str, str]:
    return {name: value for name, value in TORCHRUN.items() if name not in names}


def test_ranks_are_read_from_the_environment() -> None:
    assert process_info_from_torchrun(TORCHRUN) == ProcessInfo(
        rank=5, world_size=8, local_rank=1, local_world_size=4, host=1
    )


@pytest.mark.parametrize("environment", [{}, without("RANK"), without("WORLD_SIZE")])
def test_without_rank_or_world_size_there_is_a_single_process(environment: dict[str, str]) -> None:
    assert process_info_from_torchrun(environment) == SINGLE_PROCESS


def test_one_process_of_torchrun_is_a_single_process() -> None:
    assert process_info_from_torchrun(TORCHRUN | {"RANK": "0", "WORLD_SIZE": "1"}) == SINGLE_PROCESS


def test_without_local_ranks_all_processes_are_on_one_host() -> None:
    process = process_info_from_torchrun(without("LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK"))
    assert process == ProcessInfo(rank=5, world_size=8, local_rank=5, local_world_size=8, host=0)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (
            TORCHRUN | {"RANK": "8"},
            "the environment has RANK 8 and WORLD_SIZE 8; ranks are 0 to 7: start the processes "
            "with torchrun, or unset both.",
        ),
        (
            without("MASTER_PORT"),
            "the environment has RANK and WORLD_SIZE but no MASTER_PORT, which processes need to "
            "connect: start them with torchrun, or unset both.",
        ),
        (
            TORCHRUN | {"WORLD_SIZE": "many"},
            "the environment variable WORLD_SIZE is 'many'; torchrun sets it to a whole number: "
            "start the processes with torchrun, or unset it.",
        ),
    ],
)
def test_contradicting_variables_are_refused(environment: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        process_info_from_torchrun(environment)
    assert str(caught.value) == message
