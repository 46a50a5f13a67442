"""Who is in the cell: identifiers, slices and service levels of the UEs, and how they come and go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from e2sim.physics.delay import rate_for_delay_bps
from e2sim.scenario import Scenario

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """The UE table, one entry a UE, shape (U,) each."""

    ue_ids: NDArray[np.int64]
    slice_ids: NDArray[np.int32]

    @classmethod
    def initial(cls, scenario: Scenario) -> Population:
        """The slices' UEs in order, numbered from 1."""
        counts = [each.num_ues for each in scenario.slices]
        return cls(np.arange(1, sum(counts) + 1), np.repeat(np.arange(len(counts), dtype=np.int32), counts))

    def __len__(self) -> int:
        return len(self.ue_ids)

    def with_ue(self, ue_id: int, slice_id: int) -> Population:
        return Population(np.append(self.ue_ids, ue_id), np.append(self.slice_ids, np.int32(slice_id)))

    def without(self, index: int) -> Population:
        return Population(np.delete(self.ue_ids, index), np.delete(self.slice_ids, index))


@dataclass(frozen=True, slots=True, eq=False)
class ServiceLevels:
    """What UEs are promised: by slice, shape (S,) each, or spread over the UEs, shape (..., U) each."""

    weight: Array
    min_rate_bps_hz: Array
    """Raised to what the delay bound asks for (paper 1, eq. 16 solved for the rate), so that (14) contains (16)."""
    max_delay_s: Array
    packet_bits: Array

    @classmethod
    def of(cls, scenario: Scenario) -> ServiceLevels:
        slices = scenario.slices
        max_delay_s = np.array([np.inf if each.max_delay_s is None else each.max_delay_s for each in slices])
        packet_bits = np.array([8.0 * each.packet_bytes for each in slices])
        for_delay = rate_for_delay_bps(max_delay_s, packet_bits, scenario.propagation_delay_s)
        promised = np.array([each.min_rate_bps_hz for each in slices])
        return cls(
            weight=np.array([each.weight for each in slices]),
            min_rate_bps_hz=np.maximum(promised, for_delay / scenario.radio.prb_bandwidth_hz),
            max_delay_s=max_delay_s,
            packet_bits=packet_bits,
        )

    def at(self, slice_ids: NDArray[np.int32], batch_shape: tuple[int, ...]) -> ServiceLevels:
        """The levels of the UEs of given slices (U,), shape (*batch_shape, U) each."""
        shape = (*batch_shape, len(slice_ids))
        return ServiceLevels(
            weight=np.broadcast_to(self.weight[slice_ids], shape),
            min_rate_bps_hz=np.broadcast_to(self.min_rate_bps_hz[slice_ids], shape),
            max_delay_s=np.broadcast_to(self.max_delay_s[slice_ids], shape),
            packet_bits=np.broadcast_to(self.packet_bits[slice_ids], shape),
        )
