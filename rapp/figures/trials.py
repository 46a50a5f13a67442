"""Trials that are kept: what a slow reference decided on the held-out drops, in pieces, so that a cut one continues."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from e2sim.scenario import Scenario
from e2sim.simulator import Simulator
from oran.e2sm.rrm import Allocation, RadioReport
from rapp.draws import Stream, generator
from rapp.evaluation import Decided, Trial, decided, judged
from rapp.files import write_atomically
from xapps.runtime.contracts import Allocator
from xapps.ssvae.batches import drops, stack

PIECE_DROPS = 25


def kept_trial(
    root: Path, name: str, make: Callable[[], Allocator], scenario: Scenario, *, seed: int, num_drops: int
) -> Trial:
    """The trial of an allocator that never changes, from its folder as far as it is there.

    Args:
        root: folder of kept trials; scenario, seed and number of drops name the one of this trial inside it.
        name: of the allocator, which must decide alike for ever.
        make: builds it, if anything is left to decide.
    """
    simulator, _, found = _kept(root, name, make, scenario, seed, num_drops)
    return judged(name, simulator, found)


def kept_decisions(
    root: Path, name: str, make: Callable[[], Allocator], scenario: Scenario, *, seed: int, num_drops: int
) -> tuple[RadioReport, Allocation]:
    """The held-out drops of a kept trial and what was decided on them, arrays (N, ...); arguments as there."""
    _, report, found = _kept(root, name, make, scenario, seed, num_drops)
    return report, stack([each.allocation for each in found])


def _kept(
    root: Path, name: str, make: Callable[[], Allocator], scenario: Scenario, seed: int, num_drops: int
) -> tuple[Simulator, RadioReport, list[Decided]]:
    folder = root / f"{name}-{scenario.name}-{scenario.digest[:12]}-{seed}-{num_drops}"
    folder.mkdir(parents=True, exist_ok=True)
    simulator = Simulator(scenario, generator(Stream.HELD_OUT, seed), (num_drops,))
    report = simulator.observe()
    reports = list(drops(report))
    found: list[Decided] = []
    for start in range(0, num_drops, PIECE_DROPS):
        path, piece = folder / f"piece-{start // PIECE_DROPS:04d}.npz", reports[start : start + PIECE_DROPS]
        if not path.exists():
            _write(path, [decided(make(), report) for report in piece])
        found += _read(path, piece)
    return simulator, report, found


def _write(path: Path, found: list[Decided]) -> None:
    allocation = stack([each.allocation for each in found])
    with write_atomically(path) as file:
        np.savez_compressed(
            file,
            serving_ru=allocation.serving_ru,
            prb_owner=allocation.prb_owner,
            power_w=allocation.power_w,
            repaired=[each.repaired for each in found],
            latency_ms=[each.latency_ms for each in found],
        )


def _read(path: Path, reports: list[RadioReport]) -> list[Decided]:
    with np.load(path, allow_pickle=False) as piece:
        fields = [piece[name] for name in ("serving_ru", "prb_owner", "power_w", "repaired", "latency_ms")]
    return [
        Decided(Allocation(report.ue_ids, serving_ru, prb_owner, power_w), int(repaired), float(latency_ms))
        for report, serving_ru, prb_owner, power_w, repaired, latency_ms in zip(reports, *fields, strict=True)
    ]
