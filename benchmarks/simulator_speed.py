"""Slots per CPU-second of the simulator and its memory: ``python -m benchmarks.simulator_speed [--table]``.

Scenarios over batch sizes, and curves over UEs, PRBs, RUs and batch around one base, of one thread. A slot is
observe and step. Memory is the peak that Python and numpy allocate for a simulator and three of its slots. Prints JSON,
or readable tables.
"""

from __future__ import annotations

import argparse
import json
import time
import tracemalloc
from typing import Any

import numpy as np

from e2sim import scenario
from e2sim.scenario import Scenario, varied
from e2sim.simulator import Simulator
from oran.e2sm.rrm import Allocation, RadioReport

SECONDS_EACH = 0.4
SCENARIOS = ("cell", "interfering", "interfering-7", "bursty")
BATCHES = (1, 64, 1024)
MOST_GAINS = 20_000_000
"""Batches of more (UE, RU, PRB) gains are left out."""
BASE = {"num_ues": 20, "num_rus": 3, "num_prbs": 25, "batch": 1}
CURVES = {
    "num_ues": (6, 12, 24, 48, 96, 192),
    "num_prbs": (12, 25, 50, 100, 200),
    "num_rus": (1, 3, 7, 19),
    "batch": (1, 4, 16, 64, 256),
}


def dealt(report: RadioReport) -> Allocation:
    """PRBs dealt round, one RU serving UEs u with u mod R == ru, budgets split evenly."""
    gain_db = report.gain_db
    assert gain_db is not None  # a simulator's report carries the channel
    batch, (ues, rus, prbs) = gain_db.shape[:-3], gain_db.shape[-3:]
    serving = np.broadcast_to(np.arange(ues) % rus, (*batch, ues)).astype(np.int16)
    owner = np.arange(rus)[:, None] + rus * (np.arange(prbs) % (ues // rus))
    owner = np.broadcast_to(owner, (*batch, rus, prbs)).astype(np.int16)
    power_w = np.broadcast_to((report.ru_power_budget_w / prbs)[:, None], owner.shape)
    return Allocation(np.asarray(report.ue_ids), serving, owner, np.minimum(power_w, report.prb_power_cap_w))


def measure(radio: Scenario, batch: int) -> dict[str, float]:
    sim = Simulator(radio, np.random.default_rng(1), (batch,) if batch > 1 else ())
    decision = dealt(sim.observe())
    steps, started = 0, time.process_time()
    while time.process_time() - started < SECONDS_EACH:
        sim.observe()
        sim.step(decision)
        steps += 1
    a_second = steps * batch / (time.process_time() - started)
    return {"batch": batch, "slots_per_cpu_second": round(a_second, 1), "peak_mib": round(peak_mib(radio, batch), 2)}


def peak_mib(radio: Scenario, batch: int) -> float:
    """Peak of what is allocated from the simulator's construction to its third slot."""
    tracemalloc.start()
    try:
        sim = Simulator(radio, np.random.default_rng(1), (batch,) if batch > 1 else ())
        for _ in range(3):
            sim.step(dealt(sim.observe()))
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def over_scenarios() -> list[dict[str, Any]]:
    rows = []
    for name in SCENARIOS:
        radio = scenario.load(name)
        gains = radio.num_ues * radio.num_rus * radio.num_prbs
        size = {"scenario": name, "ues": radio.num_ues, "rus": radio.num_rus, "prbs": radio.num_prbs}
        rows += [size | measure(radio, batch) for batch in BATCHES if batch * gains <= MOST_GAINS]
    return rows


def curve(axis: str) -> list[dict[str, Any]]:
    """One of the four sizes varied, the others as in ``BASE``."""
    rows = []
    for value in CURVES[axis]:
        size = BASE | {axis: value}
        radio = varied(
            scenario.load("interfering"),
            radio__num_prbs=size["num_prbs"],
            layout__num_rus=size["num_rus"],
            slices__0__num_ues=size["num_ues"] - size["num_ues"] // 2,
            slices__1__num_ues=size["num_ues"] // 2,
        )
        rows.append(size | measure(radio, size["batch"]))
    return rows


def as_tables(found: dict[str, Any]) -> str:
    lines = []
    for title, rows in ({"scenarios": found["scenarios"]} | found["curves"]).items():
        lines += [f"\n{title}", "  ".join(f"{column:>20}" for column in rows[0])]
        lines += ["  ".join(f"{value:>20}" for value in row.values()) for row in rows]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", action="store_true", help="readable tables instead of JSON")
    arguments = parser.parse_args()
    found = {"scenarios": over_scenarios(), "curves": {axis: curve(axis) for axis in CURVES}}
    print(as_tables(found) if arguments.table else json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
