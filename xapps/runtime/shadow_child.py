"""``python -m xapps.runtime.shadow_child PIPE DEADLINE_S``: the process in which a model decides beside what serves.

Started by ``shadow_process`` with its end of a pipe. It ends when the other end does: at the end of the trial, of the
xApp, or when the xApp dies. It gives way to every process of ordinary priority.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from oran.errors import SuiteError
from xapps.runtime import shadow_pipe
from xapps.runtime.comparing import Compared, compared
from xapps.runtime.contracts import Allocator, DemandAllocator
from xapps.runtime.shadow_pipe import Task

NICENESS = 10
"""A weight of a tenth of an ordinary process's."""

AUTOGROUP = Path("/proc/self/autogroup")
"""Linux schedules sessions as groups where no cgroup does: niceness counts within one, and a group's has its own."""


def main(pipe: Connection, deadline_s: float) -> None:
    """Decide until the xApp closes the pipe.

    Args:
        deadline_s: the kernel ends this process in a decision that takes twice as long; the xApp ends it before, but
            may have died meanwhile.
    """
    try:
        allocator = shadow_pipe.receive_candidate(pipe)
    except SuiteError as error:
        shadow_pipe.send_ready(pipe, f"{type(error).__name__}: {error}")
        return
    shadow_pipe.send_ready(pipe)
    while True:
        task = shadow_pipe.receive_task(pipe)
        signal.setitimer(signal.ITIMER_REAL, 2.0 * deadline_s)
        found = answered(allocator, task)
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        shadow_pipe.send_comparison(pipe, found)


def give_way() -> None:
    """Let everybody else go first; called in a session of its own."""
    os.nice(NICENESS)
    with suppress(OSError):  # no such groups here, or somebody has just changed one: then a session counts like another
        AUTOGROUP.write_text(str(NICENESS))


def answered(allocator: Allocator, task: Task) -> Compared | str:
    """The comparison, or why there is none: whatever a model raises is a failure of its own."""
    try:
        for meid in task.gone:
            _forget(allocator, meid)
        report, granted = task.decoded()
        return compared(allocator, task.meid, report, granted, time.perf_counter)
    except Exception as error:  # noqa: BLE001 - handed on
        return repr(error)


def _forget(allocator: Allocator, meid: str) -> None:
    if isinstance(allocator, DemandAllocator):
        allocator.forget(meid)


if __name__ == "__main__":
    give_way()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    with suppress(EOFError, OSError):  # the xApp has gone, or wants no more
        main(Connection(int(sys.argv[1])), float(sys.argv[2]))
