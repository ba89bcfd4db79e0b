"""Two hosts train one model.

The hosts are two network namespaces of Linux, connected by a virtual Ethernet pair. Interfaces and
addresses exist in these namespaces only, and are removed with them.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import LIMIT_SECONDS

from charloom.model import Model

pytestmark = [pytest.mark.slow, pytest.mark.needs("torch")]

ADDRESSES = ("10.213.77.1", "10.213.77.2")
PORT = "29517"


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, timeout=20)


@pytest.fixture
def hosts() -> Iterator[list[str]]:
    """Yield the names of two network namespaces that reach only each other."""
    if sys.platform != "linux" or shutil.which("ip") is None:
        pytest.skip("needs Linux and the command ip")
    names = [f"charloom-{os.getpid()}-{k}" for k in range(2)]
    cables = [f"cl{os.getpid() % 100_000}x{k}" for k in range(2)]
    with contextlib.ExitStack() as stack:
        try:
            for name in names:
                ip("netns", "add", name)
                stack.callback(ip, "netns", "delete", name)
            first, second = (("name", c, "netns", n) for c, n in zip(cables, names, strict=True))
            ip("link", "add", *first, "type", "veth", "peer", *second)
            for name, cable, address in zip(names, cables, ADDRESSES, strict=True):
                ip("-n", name, "address", "add", f"{address}/30", "dev", cable)
                ip("-n", name, "link", "set", cable, "up")
                ip("-n", name, "link", "set", "lo", "up")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"network namespaces cannot be created: {error.stderr.decode().strip()}")
        yield names


def launch(host: str, rank: int, command: list[str], cache: Path) -> subprocess.Popen[bytes]:
    """Start ``command`` under torchrun on one of two hosts, with its own cache folder."""
    launcher = ["--nnodes", "2", "--node-rank", f"{rank}", "--nproc-per-node", "1"]
    launcher += ["--master-addr", ADDRESSES[0], "--master-port", PORT]
    cable = f"cl{os.getpid() % 100_000}x{rank}"
    environment = {
        "GLOO_SOCKET_IFNAME": cable,
        "CHARLOOM_CACHE": str(cache),
        "OMP_NUM_THREADS": "1",
    }
    return subprocess.Popen(
        ["ip", "netns", "exec", host, sys.executable, "-m", "torch.distributed.run"]
        + [*launcher, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | environment,
    )


def test_two_hosts_train_one_model(hosts: list[str], tmp_path: Path) -> None:
    source = tmp_path / "lines.txt"
    source.write_text("\n".join(f"the {a} {b}s the {a}" for a in "xyzuvw" for b in "abcdefgh"))
    given = "--hidden 8 --input 4 --device cpu --steps 12 --batch-size 8 --temperature 0"
    # The second host is given another model folder, and has a cache of its own.
    folders = [tmp_path / "run", tmp_path / "elsewhere"]
    commands = [
        ["-m", "charloom", "train", str(source), *given.split(), "-o", str(folder)]
        for folder in folders
    ]
    caches = [tmp_path / "cache-0", tmp_path / "cache-1"]
    jobs = [launch(hosts[k], k, commands[k], caches[k]) for k in range(2)]
    try:
        errors = [job.communicate(timeout=LIMIT_SECONDS)[1].decode() for job in jobs]
    finally:
        for job in jobs:
            job.kill()
    assert [job.returncode for job in jobs] == [0, 0], errors
    assert "data parallel over 2 processes" in errors[0]
    assert "data parallel over" not in errors[1]
    assert Model.load(folders[0]).record.metrics["step"] == 12
    assert not folders[1].exists(), "only process 0 writes a model"
    assert all(list((cache / "ids").iterdir()) for cache in caches), "each host fills its own cache"
