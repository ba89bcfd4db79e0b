import pytest
import torch

from charloom.errors import SettingsError
from charloom.learning.placement import place
from charloom.settings import TrainingSettings


def test_a_device_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(SettingsError) as caught:
        place(TrainingSettings(device="cuda:97"))
    message = str(caught.value)
    assert message.startswith(
        "device is 'cuda:97', which this machine does not have; there are: auto, cpu"
    )


def test_precision_is_what_was_asked_for() -> None:
    assert place(TrainingSettings(device="cpu", precision="fp32")).dtype == torch.float32
    assert place(TrainingSettings(device="cpu", precision="bf16")).dtype == torch.bfloat16
    assert place(TrainingSettings(device="cpu", precision="bf16")).precision == "bf16"


def test_apple_s_gpu_is_never_chosen_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert place(TrainingSettings()).device.type == "cpu"
    assert place(TrainingSettings(device="mps")).device.type == "mps"
