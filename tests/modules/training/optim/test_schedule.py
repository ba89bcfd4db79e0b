import pytest
from hypothesis import given
from hypothesis import strategies as st

from charloom.settings import TrainingSettings
from charloom.training.optim.schedule import dropout, learning_rate


def test_the_rate_rises_from_a_tenth_and_falls_to_a_fifth() -> None:
    settings = TrainingSettings(learning_rate=0.5, schedule="linear")
    at = {progress: learning_rate(settings, progress) for progress in (0, 0.01, 0.02, 0.51, 1)}
    assert at == pytest.approx({0: 0.05, 0.01: 0.275, 0.02: 0.5, 0.51: 0.3, 1: 0.1})


@given(progress=st.floats(0, 1))
def test_the_rate_stays_between_a_tenth_and_the_highest(progress: float) -> None:
    assert 0.05 <= learning_rate(TrainingSettings(learning_rate=0.5), progress) <= 0.5
    constant = TrainingSettings(learning_rate=0.5, schedule="constant")
    assert learning_rate(constant, progress) == 0.5


@given(highest=st.floats(0, 1, exclude_max=True), progress=st.floats(0, 1))
def test_dropout_falls_to_a_quarter_or_stays(highest: float, progress: float) -> None:
    linear, constant = TrainingSettings(schedule="linear"), TrainingSettings(schedule="constant")
    assert dropout(constant, highest, progress) == highest
    assert dropout(linear, highest, 0) == highest
    assert dropout(linear, highest, progress) == pytest.approx(highest * (1 - progress * 3 / 4))
