"""A shadow in a process of its own: it has its own interpreter, and gives way to what serves where cores are scarce.

One report is under way at a time; those that wait are in the bounded queue before it. A process that dies, is stuck or
talks nonsense is ended, counted and started again after ever longer pauses.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import numpy as np

from oran.errors import ModelRejected
from oran.transport.backoff import backoff_s
from xapps.runtime import shadow_pipe
from xapps.runtime.comparing import Compared
from xapps.runtime.model_slot import Serving
from xapps.runtime.shadow import Answered, ShadowAbsent, ShadowFailed, ShadowLate
from xapps.runtime.shadow_pipe import Task

log = logging.getLogger(__name__)

START_S = 60.0
"""Longest start: imports and the model, at low priority on a busy machine [s]."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 60.0


class ShadowProcess:
    """Decides with a candidate in a process that is started with the first report.

    Args:
        deadline_s: a decision that takes longer costs the process its life [s].
        on_end: told why a process has ended that should not have: ``crashed``, ``late`` or ``refused``.
        rng: scatters the pauses before a new start.
        now_s: monotonic clock [s].
    """

    def __init__(
        self,
        candidate: Serving,
        *,
        deadline_s: float,
        on_end: Callable[[str], None],
        rng: np.random.Generator,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._candidate = candidate
        self._deadline_s = deadline_s
        self._on_end = on_end
        self._rng = rng
        self._now_s = now_s
        self._lock = threading.Lock()
        self._closed = False
        self._gone: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None
        self._pauses_s = self._new_pauses()
        self._not_before_s = -np.inf

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        return None if self._process is None else self._process.pid

    def compared(self, answered: Answered) -> Compared:
        """What the candidate would have decided.

        Raises:
            ShadowAbsent: closed, or too early for a new start.
            ShadowFailed: the candidate raised, or the process died.
            ShadowLate: no answer within the deadline.
        """
        pipe = self._pipe or self._started()
        task = Task(
            answered.meid,
            answered.report_octets,
            answered.answer_octets,
            answered.decision.report.min_rate_bps_hz,
            self._taken_gone(),
        )
        found = self._asked(pipe, task)
        if isinstance(found, str):
            raise ShadowFailed(found)
        self._pauses_s = self._new_pauses()
        return found

    def forget(self, meid: str) -> None:
        """A node has gone: told along with the next report."""
        with self._lock:
            self._gone.append(meid)

    def close(self) -> None:
        """End the process; it holds nothing that could be lost."""
        with self._lock:
            self._closed = True
            process = self._process
        if process is not None:
            process.kill()
            threading.Thread(target=process.wait, name="reaper", daemon=True).start()

    # --- on the background thread -------------------------------------------------------------------

    def _started(self) -> Connection:
        """A process that has built the candidate."""
        if self._now_s() < self._not_before_s:
            raise ShadowAbsent("a pause before the next start")
        pipe = self._spawned()
        try:
            shadow_pipe.send_candidate(pipe, self._candidate)
            if not pipe.poll(START_S):
                raise self._ended("late", ShadowLate(f"not ready within {START_S:.0f} s"))
            shadow_pipe.receive_ready(pipe)
        except (EOFError, OSError) as error:
            raise self._ended("crashed", ShadowFailed(f"the process ended at its start: {error!r}")) from error
        except ModelRejected as error:
            raise self._ended("refused", ShadowFailed(str(error))) from error
        self._pipe = pipe
        return pipe

    def _spawned(self) -> Connection:
        ours, theirs = Pipe()
        command = [sys.executable, "-m", "xapps.runtime.shadow_child", str(theirs.fileno()), str(self._deadline_s)]
        with self._lock, theirs:
            if self._closed:
                raise ShadowAbsent("closed")
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True
            )
        log.info("process %d decides in the shadow with %s", self._process.pid, self._candidate.allocator.name)
        return ours

    def _asked(self, pipe: Connection, task: Task) -> Compared | str:
        try:
            shadow_pipe.send_task(pipe, task)
            if not pipe.poll(self._deadline_s):
                raise self._ended("late", ShadowLate(f"no decision within {self._deadline_s:g} s"))
            return shadow_pipe.receive_comparison(pipe)
        except (EOFError, OSError, ValueError, TypeError, KeyError) as error:
            raise self._ended("crashed", ShadowFailed(f"the process ended: {error!r}")) from error

    def _ended(self, cause: str, error: Exception) -> Exception:
        """Clean up after a process; the error to raise: none of its own where it was closed on purpose."""
        process, self._pipe = self._process, None
        assert process is not None  # it was asked
        process.kill()
        process.wait()
        with self._lock:
            self._process = None
            if self._closed:
                return ShadowAbsent("closed")
        self._not_before_s = self._now_s() + next(self._pauses_s)
        self._on_end(cause)
        return error

    def _taken_gone(self) -> list[str]:
        with self._lock:
            gone, self._gone = self._gone, []
            return gone

    def _new_pauses(self) -> Iterator[float]:
        return backoff_s(self._rng, first_s=FIRST_PAUSE_S, limit_s=LONGEST_PAUSE_S)
