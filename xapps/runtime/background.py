"""Work that may wait, on a thread of its own beside the loop: bounded, and dropped and counted when too much waits."""

from __future__ import annotations

import queue
import sys
from collections.abc import Callable
from contextlib import suppress

Job = Callable[[], None]

SWITCH_INTERVAL_S = 0.0005
"""How long the loop's thread waits at most for the interpreter while a job holds it (Python's own default: 5 ms)."""


class Background:
    """Runs jobs one after the other.

    Args:
        max_waiting: jobs that may wait; further ones are refused.
        on_failure: told what a job raised; the thread goes on.
    """

    def __init__(self, max_waiting: int, on_failure: Callable[[Exception], None]) -> None:
        self._jobs: queue.Queue[Job | None] = queue.Queue(max_waiting)
        self._on_failure = on_failure

    def offer(self, job: Job) -> bool:
        """Take a job for later; False if too many wait. Never waits."""
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            return False
        return True

    def run(self) -> None:
        """Work until ``stop``."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        while (job := self._jobs.get()) is not None:
            self._survive(job)

    def run_pending(self) -> None:
        """Do what waits now, and return."""
        while not self._jobs.empty():
            if (job := self._jobs.get()) is not None:
                self._survive(job)

    def stop(self) -> None:
        """End ``run`` after the job at hand; what waits is dropped."""
        while True:
            try:
                self._jobs.put_nowait(None)
                return
            except queue.Full:
                self._drop_one()

    def _drop_one(self) -> None:
        with suppress(queue.Empty):  # the thread was quicker
            self._jobs.get_nowait()

    def _survive(self, job: Job) -> None:
        try:
            job()
        except Exception as error:  # noqa: BLE001 - handed on
            self._on_failure(error)
