"""Slots per CPU-second of the simulator over batch sizes and scenarios: ``python benchmarks/simulator_speed.py``."""

from __future__ import annotations

import time

import numpy as np

from e2sim import scenario
from e2sim.simulator import Simulator
from oran.e2sm.rrm import Allocation, RadioReport

SECONDS_EACH = 1.5


def dealt(report: RadioReport) -> Allocation:
    """PRBs dealt round, one RU serving UEs u with u mod R == ru, budgets split evenly."""
    batch, (ues, rus, prbs) = report.gain_db.shape[:-3], report.gain_db.shape[-3:]
    serving = np.broadcast_to(np.arange(ues) % rus, (*batch, ues)).astype(np.int16)
    mine = ues // rus
    owner = np.arange(rus)[:, None] + rus * (np.arange(prbs) % mine)
    owner = np.broadcast_to(owner, (*batch, rus, prbs)).astype(np.int16)
    power_w = np.broadcast_to((report.ru_power_budget_w / prbs)[:, None], owner.shape)
    return Allocation(np.asarray(report.ue_ids), serving, owner, np.minimum(power_w, report.prb_power_cap_w))


def slots_per_cpu_second(name: str, batch: int) -> float:
    sim = Simulator(scenario.load(name), np.random.default_rng(1), (batch,) if batch > 1 else ())
    decision = dealt(sim.observe())
    steps, started = 0, time.process_time()
    while time.process_time() - started < SECONDS_EACH:
        sim.observe()
        sim.step(decision)
        steps += 1
    return steps * batch / (time.process_time() - started)


def main() -> None:
    print(
        f"{'scenario':16}{'UE x RU x PRB':>16}"
        + "".join(f"{f'batch {b}':>14}" for b in (1, 64, 1024))
        + "   slots/CPU-s"
    )
    for name in ("cell", "interfering", "interfering-7", "bursty"):
        radio = scenario.load(name)
        size = f"{radio.num_ues} x {radio.num_rus} x {radio.num_prbs}"
        batches = (1, 64, 1024) if radio.num_rus < 7 else (1, 64)
        print(f"{name:16}{size:>16}" + "".join(f"{slots_per_cpu_second(name, b):14,.0f}" for b in batches))


if __name__ == "__main__":
    main()
