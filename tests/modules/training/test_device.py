import pytest
import torch

from charloom.errors import SettingsError
from charloom.settings import TrainingSettings
from charloom.training.device import choose_device
from charloom.training.distributed.launch import ProcessInfo


def test_a_device_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(SettingsError) as caught:
        choose_device(TrainingSettings(device="cuda:97"))
    message = str(caught.value)
    assert message.startswith(
        "device is 'cuda:97', which this machine does not have; there are: auto, cpu"
    )


def test_precision_is_what_was_asked_for() -> None:
    assert choose_device(TrainingSettings(device="cpu", precision="fp32")).dtype == torch.float32
    assert choose_device(TrainingSettings(device="cpu", precision="bf16")).dtype == torch.bfloat16
    assert choose_device(TrainingSettings(device="cpu", precision="bf16")).precision == "bf16"


def test_apple_s_gpu_is_never_chosen_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device(TrainingSettings()).device.type == "cpu"
    assert choose_device(TrainingSettings(device="mps")).device.type == "mps"


def test_each_process_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    settings = TrainingSettings(precision="fp32")
    second = ProcessInfo(rank=3, world_size=4, local_rank=1, local_world_size=2, host=1)
    assert choose_device(settings, second).device == torch.device("cuda", 1)
    assert choose_device(TrainingSettings(device="cpu"), second).device == torch.device("cpu")
    with pytest.raises(SettingsError) as caught:
        choose_device(settings, ProcessInfo(rank=2, world_size=3, local_rank=2, local_world_size=3))
    assert str(caught.value) == (
        "process 2 of this host has no GPU: there are 2, numbered from 0; start at most 2 on each "
        "host, or use --device cpu."
    )
    with pytest.raises(SettingsError) as caught:
        choose_device(TrainingSettings(device="cuda:1"), second)
    assert str(caught.value) == (
        "device is 'cuda:1' with 4 processes, of which each needs one of its own; leave --device "
        "out, or give cpu or cuda."
    )
