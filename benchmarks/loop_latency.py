"""The loop's latency and rate on this machine: indication sent by the node to control applied by the node. Prints JSON.

Free-running with a report every 20 ms (20 UEs x 25 PRBs), allocator *equal*, then lock-step as fast as the loop goes.
Compare figures of one run only; the machine should be idle. ``--experience`` lets the xApp stream what it saw, decided
and got to the rApp; ``--experience --without-rapp`` does so while there is none to take it.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np

from rapp.local.operator import NodeOperator, set_reporting, wait_for_indications
from rapp.local.suite import LocalSuite

FREE_RUNNING_S = 20.0
LOCK_STEP_SLOTS = 1000


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(suite: LocalSuite, *, without_rapp: bool) -> dict:
    suite.start_all()
    node = NodeOperator(suite.nodes["e2sim"])
    wait_for_indications(suite, node)
    if without_rapp:
        suite.processes["rapp"].kill()
    time.sleep(2)
    pids = {name: suite.processes[name].pid for name in ("e2sim", "ric", "ssvae")}
    before = {name: cpu_seconds(pid) for name, pid in pids.items()}
    first, late = node.latencies_ms()["next"], node.state()["controls"]["late"]
    time.sleep(FREE_RUNNING_S)
    values = node.latencies_ms(first)["latencies_ms"]
    late = node.state()["controls"]["late"] - late
    cpu = {name: (cpu_seconds(pid) - before[name]) / len(values) * 1e3 for name, pid in pids.items()}
    p50, p99 = np.percentile(values, [50, 99])
    set_reporting(suite, node, "lock-step")
    start_s = time.perf_counter()
    node.run_episode(seed=1, slots=LOCK_STEP_SLOTS, timeout_s=120)
    lock_step_hz = LOCK_STEP_SLOTS / (time.perf_counter() - start_s)
    return {
        "free_running": {
            "reports": len(values),
            "period_ms": 20,
            "p50_ms": round(p50, 3),
            "p99_ms": round(p99, 3),
            "max_ms": round(max(values), 3),
            "late": late,
        },
        "cpu_ms_per_report": {name: round(value, 3) for name, value in cpu.items()},
        "lock_step_loops_per_s": round(lock_step_hz, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experience", action="store_true")
    parser.add_argument("--without-rapp", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        suite = LocalSuite(Path(folder), "cell", experience=options.experience)
        try:
            print(json.dumps(measure(suite, without_rapp=options.without_rapp), indent=2))
        finally:
            suite.stop()


if __name__ == "__main__":
    main()
