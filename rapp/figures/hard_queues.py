"""Decisions that couple over time: bytes lost to the latency limit in the "bursty" cell, by load and allocator."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from e2sim import scenario as scenarios
from e2sim.scenario import Scenario
from e2sim.simulator import Simulator
from oran.e2sm.rrm import Allocation, RadioReport
from rapp.draws import Stream, generator
from xapps import allocators
from xapps.classic.matching import MatchingAllocator
from xapps.runtime.contracts import Allocator

LOADS = (8, 16, 24)
"""eMBB UEs; URLLC and mMTC stay as the scenario has them."""

SLOTS = 120
MOST_DEMAND_BPS_HZ = 6.0
"""More than this is not asked for in one slot; what waits longer asks again."""

NOT_WAITING = 1e-3
"""Weight of a UE whose queue is empty."""


class DrainAllocator:
    """Matching that is asked for what would empty the queues, and for nothing where there is none.

    Args:
        slot_s: time in which a queue is to be emptied.
    """

    name = "drain"

    def __init__(self, slot_s: float) -> None:
        self._slot_s = slot_s
        self._matching = MatchingAllocator()

    def decide(self, report: RadioReport) -> Allocation:
        """Needs queues in the report."""
        waiting = np.asarray(report.queue_bytes)
        demand = 8.0 * waiting / (self._slot_s * report.prb_bandwidth_hz)
        asked = replace(
            report,
            min_rate_bps_hz=np.minimum(demand, MOST_DEMAND_BPS_HZ),
            weight=np.where(waiting > 0, report.weight, NOT_WAITING),
        )
        return self._matching.decide(asked)


def scenario_of(load: int) -> Scenario:
    return scenarios.varied(scenarios.load("bursty"), slices__0__num_ues=load)


def contenders(scenario: Scenario) -> Mapping[str, Callable[[], Allocator]]:
    """Rows of the table: those that do not look at the queues, and one that does."""
    blind = ("round-robin", "proportional-fair", "matching")
    named = {name: lambda name=name: allocators.build(name) for name in blind}  # type: ignore[misc]
    return {**named, "matching, asked to empty the queues": lambda: DrainAllocator(scenario.slot_s)}


def lost_share(make: Callable[[], Allocator], scenario: Scenario, episodes: int) -> NDArray[np.float64]:
    """Bytes that outstayed their limit over bytes that left the queues, by slice, shape (S,)."""
    lost, left = (np.zeros(len(scenario.slices)) for _ in range(2))
    for episode in range(episodes):
        simulator, allocator = Simulator(scenario, generator(Stream.HELD_OUT, episode)), make()
        for _ in range(SLOTS):
            report = simulator.observe()
            simulator.step(allocator.decide(report))
            if simulator.served is None:
                continue
            of_slice = report.slice_ids[:, None] == np.arange(len(lost))
            lost += simulator.served.dropped_bytes @ of_slice
            left += (simulator.served.dropped_bytes + simulator.served.delivered_bytes) @ of_slice
    return np.asarray(lost / np.maximum(left, 1e-12))
