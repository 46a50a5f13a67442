"""Quality and CPU time of every classic reference on the same drops: ``python benchmarks/classic_speed.py [drops]``.

The first allocator of each list is the yardstick: ``share`` is throughput relative to it over the drops in which both
meet every minimum rate, which without the yardstick's certificate would be no statement about optimality.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from e2sim import scenario
from e2sim.physics import objective
from e2sim.physics.units import db_to_linear
from e2sim.simulator import Simulator
from oran.e2sm.rrm import RadioReport
from xapps.allocators import build
from xapps.classic import exact
from xapps.classic.cell import single_cell
from xapps.classic.lagrangian import dual_bound
from xapps.classic.matching import match

ONE_CELL = ("exact", "matching", "greedy", "proportional-fair", "round-robin", "equal", "random")
SEVERAL = ("joint", "local-search", "matching", "greedy", "equal", "random")


def reports_of(name: str, count: int) -> list[RadioReport]:
    sim = Simulator(scenario.load(name), np.random.default_rng(99))
    drawn = []
    for _ in range(count):
        drawn.append(sim.observe())
        sim.step(None)
    return drawn


def judge(allocator: str, reports: list[RadioReport]) -> tuple[np.ndarray, np.ndarray, float]:
    """Throughput and feasibility of each drop, and the median CPU time of a decision [ms]."""
    decide = build(allocator).decide
    value, feasible, spent = [], [], []
    for report in reports:
        started = time.process_time()
        decision = decide(report)
        spent.append(time.process_time() - started)
        rate = objective.rates_bps_hz(db_to_linear(report.gain_db), decision, report.noise_w)
        value.append(rate @ report.weight)
        feasible.append(objective.rate_satisfied(rate, report.min_rate_bps_hz).all())
    return np.array(value), np.array(feasible), float(np.median(spent)) * 1e3


def table(name: str, allocators: tuple[str, ...], count: int) -> None:
    reports = reports_of(name, count)
    print(f"\n{name}, {count} drops{'':12}{'bps/Hz':>10}{'share %':>10}{'feasible %':>12}{'CPU ms':>10}")
    yardstick = None
    for allocator in allocators:
        value, feasible, spent_ms = judge(allocator, reports)
        yardstick = (value, feasible) if yardstick is None else yardstick
        both = feasible & yardstick[1]
        share = 100 * np.mean(value[both] / yardstick[0][both]) if both.any() else float("nan")
        print(f"  {allocator:26}{value.mean():10.2f}{share:10.2f}{100 * feasible.mean():12.1f}{spent_ms:10.2f}")


def certificates(name: str, count: int) -> None:
    """Gaps of the exact solver's certificates, and of the Lagrangian bound with its rate."""
    reports = reports_of(name, count)
    labels = [exact.solve(report) for report in reports]
    gap = np.array([label.gap for label in labels if label.feasible])
    cells = [single_cell(report) for report, label in zip(reports, labels, strict=True) if label.feasible]
    found = [match(cell) for cell in cells]
    started = time.process_time()
    bound = dual_bound(
        np.stack([cell.gain_per_w for cell in cells]),
        np.stack([cell.weight for cell in cells]),
        np.stack([cell.min_rate_bps_hz for cell in cells]),
        cells[0].budget_w,
        cells[0].cap_w,
        np.stack([each.owner for each in found]),
        np.stack([each.power_w for each in found]),
    )
    rate = len(cells) / (time.process_time() - started)
    value = np.array([label.weighted_throughput_bps_hz for label in labels if label.feasible])
    seconds = [label.seconds for label in labels]
    print(
        f"  certified gap {100 * gap.mean():.3f} % (worst {100 * gap.max():.3f} %), "
        f"CPU s median {np.median(seconds):.3f} mean {np.mean(seconds):.3f}; "
        f"dual bound {100 * np.mean(bound / value - 1):.2f} % above, {rate:,.0f} cells/s"
    )


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    for name in ("cell", "edge", "paper2"):
        table(name, ONE_CELL, count)
        certificates(name, count)
    table("interfering", SEVERAL, min(count, 10))
    table("interfering-7", SEVERAL[1:], min(count, 10))


if __name__ == "__main__":
    main()
