"""Quality and CPU time of the classic references on fresh drops: ``python -m benchmarks.classic_speed [--table]``.

Prints JSON, or readable tables. Three parts:

- every allocator on the same drops; ``share`` is throughput relative to the first of the list over the drops in which
  both meet every minimum rate, which without that one's certificate would be no statement about optimality;
- matching against certified optima (``--exact`` drops) and, on many more drops, against the Lagrangian dual bound
  (``--dual``), which lies above the optimum;
- bounds of several interfering RUs beside what is reached.

CPU times are medians of one thread's processor time. The seeds are not those on which matching's levels were chosen.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from e2sim import scenario
from e2sim.physics import objective
from e2sim.physics.units import db_to_linear
from e2sim.simulator import Simulator
from oran.e2sm.rrm import RadioReport
from xapps.allocators import build
from xapps.classic import exact, interference_bound
from xapps.classic.cell import Cell, single_cell
from xapps.classic.lagrangian import dual_bound
from xapps.classic.matching import Solution, match

ONE_CELL = ("exact", "matching", "greedy", "proportional-fair", "round-robin", "equal", "random")
SEVERAL = ("joint", "local-search", "matching", "greedy", "equal", "random")
SEED = 20_261_122


def reports_of(name: str, count: int, seed: int) -> list[RadioReport]:
    sim = Simulator(scenario.load(name), np.random.default_rng(seed))
    drawn = []
    for _ in range(count):
        drawn.append(sim.observe())
        sim.step(None)
    return drawn


def judge(allocator: str, reports: list[RadioReport]) -> tuple[NDArray, NDArray, float]:
    """Throughput and feasibility of each drop, and the median CPU time of a decision [ms]."""
    decide = build(allocator).decide
    decide(reports[0])  # what is imported or compiled once is not timed
    value, feasible, spent = [], [], []
    for report in reports:
        started = time.thread_time()
        decision = decide(report)
        spent.append(time.thread_time() - started)
        rate = objective.rates_bps_hz(db_to_linear(report.gain_db), decision, report.noise_w)
        value.append(rate @ report.weight)
        feasible.append(objective.rate_satisfied(rate, report.min_rate_bps_hz).all())
    return np.array(value), np.array(feasible), float(np.median(spent)) * 1e3


def ranking(allocators: tuple[str, ...], reports: list[RadioReport]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    yardstick = None
    for allocator in allocators:
        value, feasible, spent_ms = judge(allocator, reports)
        yardstick = (value, feasible) if yardstick is None else yardstick
        both = feasible & yardstick[1]
        share = 100 * float(np.mean(value[both] / yardstick[0][both])) if both.any() else None
        rows.append(
            {
                "allocator": allocator,
                "throughput_bps_hz": float(value.mean()),
                "share_percent": share,
                "feasible_percent": 100 * float(feasible.mean()),
                "cpu_ms": spent_ms,
            }
        )
    return rows


def value_of(cell: Cell, solution: Solution) -> float:
    return float(cell.rates_bps_hz(solution.owner, solution.power_w) @ cell.weight)


def against_exact(reports: list[RadioReport]) -> dict[str, Any]:
    """Matching as a share of certified optima, and what the certificates cost."""
    labels = [exact.solve(report) for report in reports]
    matched = [match(single_cell(report)) for report in reports]
    share = [
        100 * value_of(single_cell(report), found) / label.weighted_throughput_bps_hz if found.feasible else 0.0
        for report, label, found in zip(reports, labels, matched, strict=True)
        if label.feasible
    ]
    gap = 100 * np.array([label.gap for label in labels if label.feasible])
    seconds = [label.seconds for label in labels]
    return {
        "drops": len(reports),
        "feasible": len(share),
        "matching_percent_mean": float(np.mean(share)),
        "matching_percent_worst": float(np.min(share)),
        "matching_missed_feasible": int(np.count_nonzero(np.array(share) == 0.0)),
        "certified_gap_percent_mean": float(gap.mean()),
        "certified_gap_percent_worst": float(gap.max()),
        "exact_cpu_s_median": float(np.median(seconds)),
        "exact_cpu_s_mean": float(np.mean(seconds)),
        "exact_cpu_s_worst": float(np.max(seconds)),
    }


def against_dual(name: str, count: int, seed: int) -> dict[str, Any]:
    """Matching as a share of the dual bound over thousands of drops; the optimum lies between."""
    cells = [single_cell(report) for report in reports_of(name, count, seed)]
    found = [match(cell) for cell in cells]
    kept = [(cell, each) for cell, each in zip(cells, found, strict=True) if each.feasible]
    started = time.process_time()
    bound = dual_bound(
        np.stack([cell.gain_per_w for cell, _ in kept]),
        np.stack([cell.weight for cell, _ in kept]),
        np.stack([cell.min_rate_bps_hz for cell, _ in kept]),
        cells[0].budget_w,
        cells[0].cap_w,
        np.stack([each.owner for _, each in kept]),
        np.stack([each.power_w for _, each in kept]),
    )
    rate = len(kept) / (time.process_time() - started)
    share = 100 * np.array([value_of(cell, each) for cell, each in kept]) / bound
    return {
        "drops": count,
        "matching_feasible_percent": 100 * len(kept) / count,
        "matching_percent_of_bound_mean": float(share.mean()),
        "matching_percent_of_bound_first_percentile": float(np.percentile(share, 1)),
        "bounds_per_cpu_second": rate,
    }


def against_interference_bound(name: str, reports: list[RadioReport]) -> dict[str, Any]:
    """Best of local search as a share of the bound that lets every RU dream of silent others."""
    bound = np.array([interference_bound.upper_bound(report) for report in reports])
    value, _, _ = judge("local-search", reports)
    return {"bound_bps_hz": float(bound.mean()), "local_search_percent": 100 * float(np.mean(value / bound))}


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    seed, found = arguments.seed, {}
    for name in ("cell", "edge", "paper2"):
        reports = reports_of(name, arguments.drops, seed)
        found[name] = {"allocators": ranking(ONE_CELL, reports)}
        if arguments.exact and name != "paper2":
            found[name]["exact"] = against_exact(reports_of(name, arguments.exact, seed + 1))
        if arguments.dual:
            found[name]["dual"] = against_dual(name, arguments.dual, seed + 2)
    for name, allocators in (("interfering", SEVERAL), ("interfering-7", SEVERAL[1:])):
        reports = reports_of(name, min(arguments.drops, 10), seed)
        found[name] = {
            "allocators": ranking(allocators, reports),
            "bound": against_interference_bound(name, reports),
        }
    return found


def as_tables(found: dict[str, Any]) -> str:
    lines = []
    for name, parts in found.items():
        lines.append(f"\n{name:28}{'bps/Hz':>10}{'share %':>10}{'feasible %':>12}{'CPU ms':>10}")
        for row in parts["allocators"]:
            share = float("nan") if row["share_percent"] is None else row["share_percent"]
            lines.append(
                f"  {row['allocator']:26}{row['throughput_bps_hz']:10.2f}{share:10.2f}"
                f"{row['feasible_percent']:12.1f}{row['cpu_ms']:10.2f}"
            )
        lines += [f"  {part}: {json.dumps(parts[part])}" for part in ("exact", "dual", "bound") if part in parts]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--drops", type=int, default=20, help="drops of the rankings")
    parser.add_argument("--exact", type=int, default=20, help="drops solved exactly for matching's share; 0: none")
    parser.add_argument("--dual", type=int, default=1000, help="drops judged by the dual bound; 0: none")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--table", action="store_true", help="readable tables instead of JSON")
    arguments = parser.parse_args()
    found = {"seed": arguments.seed} | measure(arguments)
    if arguments.table:
        del found["seed"]
        print(as_tables(found))
    else:
        print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
