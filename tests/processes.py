"""Several processes of one training, started as torchrun starts them, but without its watch."""

import dataclasses
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence

from command_line import CommandResult

LIMIT_SECONDS = 240.0
"""Seconds after which processes count as hung: far more than they take on a busy machine."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """Processes that run, by rank."""

    processes: Sequence[subprocess.Popen[bytes]]

    def wait(self) -> list[CommandResult]:
        """Wait for all of them."""
        try:
            outputs = [process.communicate(timeout=LIMIT_SECONDS) for process in self.processes]
        finally:
            for process in self.processes:
                process.kill()
        return [
            CommandResult(code=process.returncode, out=out.decode(), err=err.decode())
            for process, (out, err) in zip(self.processes, outputs, strict=True)
        ]

    def kill(self, rank: int) -> None:
        os.kill(self.processes[rank].pid, signal.SIGKILL)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def start(commands: Sequence[Sequence[str]], environment: Mapping[str, str] | None = None) -> Job:
    """Start one process for each command after ``python``."""
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    count = len(commands)
    places = [
        {"RANK": f"{rank}", "LOCAL_RANK": f"{rank}", "WORLD_SIZE": f"{count}", **meeting}
        for rank in range(count)
    ]
    return Job(
        processes=[
            subprocess.Popen(
                [sys.executable, *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=os.environ | place | {"OMP_NUM_THREADS": "1"} | dict(environment or {}),
            )
            for place, command in zip(places, commands, strict=True)
        ]
    )
