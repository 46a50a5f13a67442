"""Child processes of the one-machine suite: started with a log file, ready when they say so, stopped in order."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from oran.errors import SuiteError

STOP_TIMEOUT_S = 8.0


class ProcessFailed(SuiteError):
    """A child process ended or was not ready in time; the message holds the end of its log."""


def free_ports(count: int) -> list[int]:
    """``count`` distinct TCP ports that are free on 127.0.0.1 at this moment."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [held.getsockname()[1] for held in sockets]
    for held in sockets:
        held.close()
    return ports


class ManagedProcess:
    """One child with its log.

    Args:
        name: for messages and the log's file name.
        argv: command line; started again with the same one by :meth:`restart`.
        log_folder: where ``<name>.log`` goes; a restart appends.
        environment: variables set on top of this process's own.
    """

    def __init__(
        self, name: str, argv: Sequence[str], log_folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.argv = list(argv)
        self.log_path = log_folder / f"{name}.log"
        self._environment = dict(environment or {})
        self._process: subprocess.Popen | None = None
        self._first_line: dict[str, Any] | None = None
        self._announced = threading.Event()

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None and self.alive else None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def crashed(self) -> bool:
        """It ended by itself with an error status (a signal of ours is a negative one)."""
        return self._process is not None and (self._process.poll() or 0) > 0

    def start(self) -> None:
        """Starts the child in a process group of its own, so that an interrupt reaches only us."""
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self._first_line, self._announced = None, threading.Event()
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=os.environ | self._environment,
                start_new_session=True,
            )
        threading.Thread(target=self._drain, name=f"{self.name}-output", daemon=True).start()

    def announcement(self, timeout_s: float) -> dict[str, Any]:
        """The JSON object with ``"ready": true`` that the child prints once it serves.

        Raises:
            ProcessFailed: it ended, or said nothing in time.
        """
        deadline_s = time.monotonic() + timeout_s
        while not self._announced.wait(0.05):
            if not self.alive or time.monotonic() > deadline_s:
                raise ProcessFailed(f"{self.name} is not ready after {timeout_s:g} s:\n{self.log_tail()}")
        assert self._first_line is not None
        return self._first_line

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> int | None:
        """SIGTERM, then SIGKILL when it does not end in time; the exit status (negative: signal)."""
        if self._process is None:
            return None
        if self.alive:
            self._process.terminate()
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill()
        return self._process.returncode

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._process is not None and self.alive:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of the log."""
        if not self.log_path.exists():
            return "(no log)"
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    def _drain(self) -> None:
        """Keeps standard output from filling up: the announcement is kept, everything goes to the log."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        with self.log_path.open("ab") as log:
            for line in process.stdout:
                if self._first_line is None and line.startswith(b"{"):
                    self._note_announcement(line)
                log.write(line)
                log.flush()

    def _note_announcement(self, line: bytes) -> None:
        try:
            value = json.loads(line)
        except json.JSONDecodeError:
            return
        if isinstance(value, dict) and value.get("ready") is True:
            self._first_line = value
            self._announced.set()


def wait_until(condition: Callable[[], bool], timeout_s: float, what: str, every_s: float = 0.1) -> None:
    """Waits for ``condition``.

    Raises:
        ProcessFailed: it did not come true in time.
    """
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise ProcessFailed(f"{what}: not within {timeout_s:g} s")
        time.sleep(every_s)
