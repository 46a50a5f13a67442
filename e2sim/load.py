"""Offered load: packets that arrive slot by slot and the queues in which they wait."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from e2sim.physics import queues, traffic
from e2sim.scenario import Scenario, SliceConfig

Array = NDArray[np.float64]

LONGEST_WAIT_SLOTS = 64
"""Bytes that have waited this long are dropped even where there is no bound."""


class Load:
    """Sources and queues of all UEs. Arrivals never depend on what was served.

    Args:
        scenario: the slices' sources and delay bounds.
        rng: source of the arrivals.
        batch_shape: leading axes.
        slice_ids: slice of each UE, shape (U,).
    """

    _arrived: Array

    def __init__(
        self, scenario: Scenario, rng: np.random.Generator, batch_shape: tuple[int, ...], slice_ids: NDArray[np.int32]
    ) -> None:
        self._scenario = scenario
        self._rngs = rng.spawn(len(scenario.slices))
        self._sources = [source(each) for each in scenario.slices]
        self._batch = batch_shape
        self._slice_ids = np.asarray(slice_ids)
        self._limit_slots = np.array([_limit_slots(each, scenario.slot_s) for each in scenario.slices])
        self._backlog = queues.empty(batch_shape, len(slice_ids), int(self._limit_slots.max()))
        self._wait_s = np.zeros((*batch_shape, len(slice_ids)))
        for index in range(len(scenario.slices)):
            self._wait_s[..., self._slice_ids == index] = self._first_waits(index, int((slice_ids == index).sum()))
        self._arrive()

    @property
    def queue_bytes(self) -> Array:
        """Bytes that wait at the start of the slot, new arrivals included, shape (..., U)."""
        return self._backlog.sum(axis=-1) + self._arrived

    def serve(self, rate_bps: Array) -> queues.Served:
        """Runs the slot at the rates of the decision, shape (..., U), and draws the next slot's arrivals."""
        limit = np.broadcast_to(self._limit_slots[self._slice_ids], self._arrived.shape)
        capacity_bytes = rate_bps * self._scenario.slot_s / 8.0
        self._backlog, served = queues.serve(self._backlog, self._arrived, capacity_bytes, limit)
        self._arrive()
        return served

    def add_ue(self, slice_id: int) -> None:
        self._slice_ids = np.append(self._slice_ids, np.int32(slice_id))
        new = queues.empty(self._batch, 1, self._backlog.shape[-1])
        self._backlog = np.concatenate([self._backlog, new], axis=-2)
        self._wait_s = np.concatenate([self._wait_s, self._first_waits(slice_id, 1)], axis=-1)
        self._arrived = np.concatenate([self._arrived, new[..., 0]], axis=-1)

    def remove_ue(self, index: int) -> None:
        self._slice_ids = np.delete(self._slice_ids, index)
        self._backlog = np.delete(self._backlog, index, axis=-2)
        self._wait_s = np.delete(self._wait_s, index, axis=-1)
        self._arrived = np.delete(self._arrived, index, axis=-1)

    def _arrive(self) -> None:
        self._arrived = np.zeros(self._wait_s.shape)
        for index, (kind, rng) in enumerate(zip(self._sources, self._rngs, strict=True)):
            mine = self._slice_ids == index
            if kind is not None and mine.any():
                arrived = traffic.arrivals(rng, kind, self._wait_s[..., mine], self._scenario.slot_s)
                self._arrived[..., mine], self._wait_s[..., mine] = arrived

    def _first_waits(self, index: int, count: int) -> Array:
        kind, shape = self._sources[index], (*self._batch, count)
        if kind is None:
            return np.full(shape, np.inf)
        rng = self._rngs[index]
        return kind.gap_s(rng, shape) * rng.random(shape)  # somewhere within a gap, so that UEs are not in step


def source(of: SliceConfig) -> traffic.Source | None:
    """The traffic source that a slice's configuration names; None: full buffer, nothing is counted."""
    if of.traffic == "poisson":
        return traffic.poisson(of.packets_per_s, of.packet_bytes)
    named = {
        "cbr": traffic.Source(traffic.constant(1.0 / of.packets_per_s), traffic.constant(of.packet_bytes)),
        "mmtc": traffic.MMTC,
        "vonr": traffic.VONR,
        "embb-pareto": traffic.EMBB_PARETO,
        "urllc-sporadic": traffic.URLLC_SPORADIC,
    }
    return named.get(of.traffic)


def _limit_slots(of: SliceConfig, slot_s: float) -> int:
    bound_s = math.inf if of.max_delay_s is None else of.max_delay_s
    return int(min(max(bound_s / slot_s, 1.0), LONGEST_WAIT_SLOTS))
