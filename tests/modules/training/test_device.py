import ctypes
import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from charloom.errors import MissingPackageError, SettingsError
from charloom.settings import TrainingSettings
from charloom.training import device
from charloom.training.device import DeviceConfig, candidate_precisions, choose_device
from charloom.training.distributed.launch import ProcessInfo


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that replaces torch by one with these devices."""

    def have(cuda: int = 0, mps: bool = False, bf16: bool = True) -> None:
        fake = SimpleNamespace(
            cuda=SimpleNamespace(
                is_available=lambda: cuda > 0,
                device_count=lambda: cuda,
                is_bf16_supported=lambda including_emulation: bf16 and not including_emulation,
            ),
            backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps)),
        )
        monkeypatch.setitem(sys.modules, "torch", fake)
        monkeypatch.setattr(device, "is_installed", lambda package: True)
        monkeypatch.setattr(device, "check_device", lambda name: None)
        monkeypatch.setattr(ctypes, "CDLL", lambda name: None)

    return have


def chosen(name: str, process: ProcessInfo | None = None) -> str:
    settings = TrainingSettings(device=name, precision="fp32")
    return choose_device(settings, process or ProcessInfo()).device


def test_a_missing_device_is_refused_with_a_list_of_the_present_ones(gpus: Any) -> None:
    gpus(cuda=2)
    with pytest.raises(SettingsError) as caught:
        choose_device(TrainingSettings(device="cuda:97"))
    assert str(caught.value) == (
        "device is 'cuda:97', which this machine does not have; "
        "there are: auto, cpu, cuda:0, cuda:1, cuda."
    )
    gpus(mps=True)
    with pytest.raises(SettingsError, match=r"there are: auto, cpu, mps\.$"):
        choose_device(TrainingSettings(device="cuda"))


@pytest.mark.needs("torch")
def test_the_installed_torch_is_asked_for_devices() -> None:
    with pytest.raises(SettingsError) as caught:
        choose_device(TrainingSettings(device="cuda:97"))
    assert str(caught.value).startswith(
        "device is 'cuda:97', which this machine does not have; there are: auto, cpu"
    )


def test_without_torch_a_gpu_is_refused_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "torch" else find(name)
    )
    with pytest.raises(MissingPackageError) as caught:
        choose_device(TrainingSettings(device="cuda"))
    assert str(caught.value) == (
        "--device cuda needs the package torch, which is not installed; install it with "
        "pip install 'charloom[torch]', or use --device cpu."
    )
    assert chosen("auto") == chosen("cpu") == "cpu"


def test_the_precision_is_that_of_the_settings() -> None:
    fp32 = choose_device(TrainingSettings(device="cpu", precision="fp32"))
    bf16 = choose_device(TrainingSettings(device="cpu", precision="bf16"))
    assert (fp32.bf16, fp32.precision) == (False, "fp32")
    assert (bf16.bf16, bf16.precision) == (True, "bf16")


def test_all_processes_share_the_kind_of_device_and_the_precision() -> None:
    second = DeviceConfig(device="cuda:1", bf16=True)
    assert second.agreement_keys() == {"kind of device": "cuda", "precision in use": "bf16"}


def test_auto_chooses_the_gpu_of_nvidia(gpus: Any) -> None:
    gpus(cuda=1)
    assert chosen("auto") == "cuda"
    gpus(cuda=0)
    assert chosen("auto") == "cpu"


def test_auto_never_chooses_the_gpu_of_apple(gpus: Any) -> None:
    gpus(mps=True)
    assert chosen("auto") == "cpu"
    assert chosen("mps") == "mps"


@pytest.mark.parametrize("platform", ["linux", "win32", "darwin"])
def test_torch_is_not_imported_where_there_is_no_driver(
    platform: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def load(name: str) -> None:
        asked.append(name)
        raise OSError

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(device, "is_installed", lambda package: True)
    monkeypatch.setattr(device, "AMD_DRIVER", tmp_path / "missing")
    monkeypatch.setattr(ctypes, "CDLL", load)
    monkeypatch.setitem(sys.modules, "torch", None)  # an import raises ImportError
    assert chosen("auto") == chosen("cpu") == "cpu"
    expected = {"linux": "libcuda.so.1", "win32": "nvcuda.dll", "darwin": ""}
    assert asked == [expected[platform]]


def test_torch_is_asked_where_amds_driver_is(
    gpus: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gpus(cuda=1)
    monkeypatch.setattr(device, "AMD_DRIVER", tmp_path)
    monkeypatch.setattr(device, "DRIVERS", {})
    assert chosen("auto") == "cuda"


def test_each_process_of_a_host_gets_the_gpu_of_its_local_rank(gpus: Any) -> None:
    gpus(cuda=2)
    settings = TrainingSettings(precision="fp32")
    second = ProcessInfo(rank=3, world_size=4, local_rank=1, local_world_size=2, host=1)
    assert choose_device(settings, second).device == "cuda:1"
    assert chosen("cpu", second) == "cpu"
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
        assert candidate_precisions(TrainingSettings(device="cpu")) == ("cpu", precisions)
        auto = choose_device(TrainingSettings(device="cpu"))
        assert auto.precision == ("fp32" if instructions == "none" else "bf16")


def test_a_gpu_trains_in_bfloat16_if_it_computes_with_it(gpus: Any) -> None:
    for bf16 in (True, False):
        gpus(cuda=1, bf16=bf16)
        assert choose_device(TrainingSettings(device="cuda")).bf16 is bf16
        precisions = ("bf16",) if bf16 else ("fp32",)
        assert candidate_precisions(TrainingSettings(device="cuda")) == ("cuda", precisions)
