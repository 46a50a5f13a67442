"""Sweeps of load and power with one trained network: what Figs 6c to 6f of paper 1 show.

Minimum rates are elastic, as beyond some load they cannot all be met: least shortfall first, then throughput. So a
curve of throughput says little without the share of satisfied UEs, and both are measured.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from e2sim import scenario as scenarios
from e2sim.scenario import Scenario, varied
from e2sim.simulator import Simulator
from rapp.draws import Stream, draw, generator
from rapp.evaluation import decided
from rapp.figures.ssvae_rows import BEST_OF_8, MEAN, PHYSICS, unlearned
from rapp.figures.tables import Plan, Say, Variant, trained
from rapp.files import write_atomically
from xapps import allocators
from xapps.classic.cell import single_cell
from xapps.classic.lagrangian import dual_bound
from xapps.classic.matching import match
from xapps.runtime.contracts import Allocator
from xapps.runtime.model_slot import build
from xapps.ssvae.batches import drops, stack

Array = NDArray[np.float64]

ONE_LOAD = Variant(title="SS-VAE, one load", decoding=MEAN)
"""The network of the tables, which saw 10 and 10 UEs only."""
NETWORK = Variant(
    title="SS-VAE",
    labels=800,
    changes={"epochs": 10},
    loads={4: 500, 7: 400, 14: 300, 20: 200, 30: 150},
    decoding=MEAN,
)
"""One network for all loads: drops of several loads beside those of 10 and 10 UEs."""
WITH_PHYSICS = "SS-VAE and the physics, best of 8"
LEARNED = {
    WITH_PHYSICS: replace(NETWORK, decoding=BEST_OF_8 | PHYSICS),
    "SS-VAE, best of 8": replace(NETWORK, decoding=BEST_OF_8),
    "SS-VAE": NETWORK,
    "SS-VAE, one load": ONE_LOAD,
}
IN_POWER = {name: LEARNED[name] for name in (WITH_PHYSICS, "SS-VAE")}
REFERENCES = ("matching", "greedy", "equal")
BOUND = "upper bound"
DROPS = 60
"""Drops a point; the same for everybody and, as far as the scenario allows, along the sweep."""

UES = (4, 7, 10, 13, 16, 20, 25, 30, 35)
"""UEs a service, Fig. 6c."""
POWERS_DBM = (28, 31, 34, 37, 40, 43)
"""Power budgets of the RU, Figs 6d and 6e."""
CAPS_DBM = (15, 18, 21, 24, 27, 30)
"""Caps P_s a PRB of (13), Fig. 6f: what the paper calls the power of a slice."""


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """What one allocator does at one point of a sweep, means over the drops."""

    slices: Array
    """Weighted throughput of each slice, shape (S,) [bps/Hz]; of the bound: the whole, shape (1,)."""
    satisfied: float
    """Share of the UEs whose service levels hold; NaN for the bound."""

    @property
    def throughput(self) -> float:
        """Weighted throughput of all slices [bps/Hz]."""
        return float(self.slices.sum())


Curve = list[dict[str, Point]]
"""One entry a point: allocator -> what it does there."""


def by_ues(plan: Plan, say: Say) -> Curve:
    """Fig. 6c: UEs a service from ``UES``, one network trained at 10 and 10."""
    return _swept(plan, say, [_loaded(ues) for ues in UES], LEARNED)


def by_power(plan: Plan, say: Say) -> Curve:
    """Fig. 6e: power budgets from ``POWERS_DBM``."""
    return _swept(plan, say, [{"radio__ru_power_budget_dbm": power} for power in POWERS_DBM])


def by_cap(plan: Plan, say: Say) -> Curve:
    """Fig. 6f: caps a PRB from ``CAPS_DBM``."""
    return _swept(plan, say, [{"radio__prb_power_cap_dbm": cap} for cap in CAPS_DBM])


def by_power_and_ues(plan: Plan, say: Say, ues: Sequence[int] = (5, 10, 15, 20)) -> dict[int, Curve]:
    """Fig. 6d: a curve over ``POWERS_DBM`` for each number of UEs a service."""
    budgets = [{"radio__ru_power_budget_dbm": power} for power in POWERS_DBM]
    return {count: _swept(plan, say, [_loaded(count) | budget for budget in budgets]) for count in ues}


def table(plan: Plan, say: Say) -> list[str]:
    """Markdown of Fig. 6c: throughput and share of satisfied UEs of everybody at every load."""
    curve = by_ues(plan, say)
    names = list(curve[0])
    lines = [f"| UEs a service | {' | '.join(names)} |", "| ---: |" + " ---: |" * len(names)]
    for ues, point in zip(UES, curve, strict=True):
        lines.append(f"| {ues} | {' | '.join(_cell(point[name]) for name in names)} |")
    return [*lines, "", f"Throughput [bps/Hz], in brackets the share of UEs that are satisfied; {DROPS} drops a row."]


def measure(scenario: Scenario, named: Mapping[str, Allocator], num_drops: int | None = None) -> dict[str, Point]:
    """Every allocator on the same drops of a scenario with one RU, and the Lagrangian bound."""
    found, num_drops = {}, num_drops or DROPS
    for name, allocator in named.items():
        simulator = Simulator(scenario, generator(Stream.HELD_OUT, 0), (num_drops,))
        report = simulator.observe()
        kpi = simulator.step(stack([decided(allocator, drop).allocation for drop in drops(report)]))
        worth = kpi.rate_bps_hz * report.weight
        shares = [np.where(report.slice_ids == index, worth, 0.0) for index in range(len(scenario.slices))]
        found[name] = Point(np.array([each.sum(axis=-1).mean() for each in shares]), float(kpi.satisfied.mean()))
    return found | {BOUND: Point(upper_bound(scenario, num_drops).mean(keepdims=True), float("nan"))}


def upper_bound(scenario: Scenario, num_drops: int) -> Array:
    """No allocation earns more, shape (num_drops,) [bps/Hz]; minimum rates count where they can all be met."""
    reports = drops(draw(scenario, generator(Stream.HELD_OUT, 0), num_drops))
    cells = [single_cell(report) for report in reports]
    cells = [cell if match(cell).feasible else replace(cell, min_rate_bps_hz=0.0 * cell.weight) for cell in cells]
    found = [match(cell) for cell in cells]
    return dual_bound(
        np.stack([cell.gain_per_w for cell in cells]),
        np.stack([cell.weight for cell in cells]),
        np.stack([cell.min_rate_bps_hz for cell in cells]),
        np.array([cell.budget_w for cell in cells]),
        cells[0].cap_w,
        np.stack([each.owner for each in found]),
        np.stack([each.power_w for each in found]),
    )


def _loaded(ues: int) -> dict[str, Any]:
    return {"slices__0__num_ues": ues, "slices__1__num_ues": ues}


def _swept(
    plan: Plan, say: Say, changes: Sequence[Mapping[str, Any]], learned: Mapping[str, Variant] = IN_POWER
) -> Curve:
    cell = scenarios.load("cell")
    models = {name: trained(plan, cell, each, plan.seeds[0]) for name, each in learned.items()}
    named: dict[str, Allocator] = {name: build(model).allocator for name, model in models.items()}
    named |= unlearned() | {name: allocators.build(name) for name in REFERENCES}
    folder = plan.root / "sweeps" / "-".join(model.manifest.sha256[:8] for model in models.values())
    curve = []
    for change in changes:
        say(f"cell: {', '.join(f'{key} {value}' for key, value in change.items())}")
        curve.append(_kept(folder, varied(cell, **change), named))
    return curve


def _kept(folder: Path, scenario: Scenario, named: Mapping[str, Allocator]) -> dict[str, Point]:
    """A point that was measured before with the same network is not measured again."""
    folder.mkdir(parents=True, exist_ok=True)
    titles = hashlib.sha256("/".join(named).encode()).hexdigest()[:8]
    path = folder / f"{scenario.digest[:16]}-{DROPS}-{titles}.json"
    if not path.exists():
        found = {name: [point.slices.tolist(), point.satisfied] for name, point in measure(scenario, named).items()}
        with write_atomically(path) as file:
            file.write(json.dumps(found).encode())
    read = json.loads(path.read_text())
    return {name: Point(np.array(slices), satisfied) for name, (slices, satisfied) in read.items()}


def _cell(point: Point) -> str:
    return f"{point.throughput:.1f}" + ("" if np.isnan(point.satisfied) else f" ({point.satisfied:.1%})")
