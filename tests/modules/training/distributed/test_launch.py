import pytest

from charloom.errors import SettingsError
from charloom.training.distributed.launch import ALONE, Launch, launched

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


def test_the_place_is_that_of_the_environment() -> None:
    assert launched(TORCHRUN) == Launch(rank=5, world=8, local_rank=1, local_world=4, host=1)


@pytest.mark.parametrize("environment", [{}, without("RANK"), without("WORLD_SIZE")])
def test_without_both_marks_a_process_is_alone(environment: dict[str, str]) -> None:
    assert launched(environment) == ALONE


def test_one_process_of_torchrun_is_alone() -> None:
    assert launched(TORCHRUN | {"RANK": "0", "WORLD_SIZE": "1"}) == ALONE


def test_without_word_of_hosts_all_are_on_one() -> None:
    place = launched(without("LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK"))
    assert place == Launch(rank=5, world=8, local_rank=5, local_world=8, host=0)


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
            "the environment has RANK and WORLD_SIZE but no MASTER_PORT, where the processes meet: "
            "start them with torchrun, or unset both.",
        ),
        (
            TORCHRUN | {"WORLD_SIZE": "many"},
            "the environment variable WORLD_SIZE is 'many'; torchrun sets it to a whole number: "
            "start the processes with torchrun, or unset it.",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(environment: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        launched(environment)
    assert str(caught.value) == message
