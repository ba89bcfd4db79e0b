"""Starts the processes of one training with the variables of torchrun, but without torchrun."""

import dataclasses
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence

from command_line import CommandResult

LIMIT_SECONDS = 240.0
"""Timeout of processes: far more than they need on a busy machine."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """Running processes, by rank."""

    processes: Sequence[subprocess.Popen[bytes]]

    def wait(self) -> list[CommandResult]:
        """Wait for all processes; kill those that run longer than LIMIT_SECONDS."""
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
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def start(commands: Sequence[Sequence[str]], environment: Mapping[str, str] | None = None) -> Job:
    """Start one process for each command after ``python``."""
    rendezvous = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    count = len(commands)
    variables = [
        {"RANK": f"{rank}", "LOCAL_RANK": f"{rank}", "WORLD_SIZE": f"{count}", **rendezvous}
        for rank in range(count)
    ]
    return Job(
        processes=[
            subprocess.Popen(
                [sys.executable, *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=os.environ | ranks | {"OMP_NUM_THREADS": "1"} | dict(environment or {}),
            )
            for ranks, command in zip(variables, commands, strict=True)
        ]
    )
