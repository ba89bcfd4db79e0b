import pytest
import torch

from charloom.errors import SettingsError
from charloom.settings import TrainingSettings
from charloom.training import device
from charloom.training.device import candidate_precisions, choose_device
from charloom.training.distributed.launch import ProcessInfo


def test_a_missing_device_is_refused_with_a_list_of_the_present_ones() -> None:
    with pytest.raises(SettingsError) as caught:
        choose_device(TrainingSettings(device="cuda:97"))
    message = str(caught.value)
    assert message.startswith(
        "device is 'cuda:97', which this machine does not have; there are: auto, cpu"
    )


def test_the_precision_is_that_of_the_settings() -> None:
    assert choose_device(TrainingSettings(device="cpu", precision="fp32")).dtype == torch.float32
    assert choose_device(TrainingSettings(device="cpu", precision="bf16")).dtype == torch.bfloat16
    assert choose_device(TrainingSettings(device="cpu", precision="bf16")).precision == "bf16"


def test_auto_never_chooses_the_gpu_of_apple(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device(TrainingSettings()).device.type == "cpu"
    assert choose_device(TrainingSettings(device="mps")).device.type == "mps"


def test_each_process_of_a_host_gets_the_gpu_of_its_local_rank(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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


def test_candidate_precisions_are_those_of_the_instructions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected: dict[str, tuple[str, ...]] = {
        "none": ("fp32",),
        "dot": ("fp32", "bf16"),
        "amx": ("bf16",),
    }
    for instructions, precisions in expected.items():
        monkeypatch.setattr(device, "INSTRUCTIONS", instructions)
        found, candidates = candidate_precisions(TrainingSettings(device="cpu"))
        assert (found.type, candidates) == ("cpu", precisions)
        auto = choose_device(TrainingSettings(device="cpu"))
        assert auto.precision == ("fp32" if instructions == "none" else "bf16")
