"""Values of E2SM-RRM: what a node reports and obeys, as frozen dataclasses of numpy arrays.

Symbols: U user equipments, R radio units, K PRBs, S slices. Inside the simulator and the learners every array may
carry leading batch axes ``(..., U, R, K)``; on the wire there are none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

RAN_FUNCTION_ID = 200
"""Default RAN function id; outside 1-4 (O-RAN models) and 142-148 (vendor models seen in the field)."""

OID = "2.25.87437383947318619804727396184764560275"
"""Object identifier of E2SM-RRM: a UUID-based arc (ITU-T X.667), so that it collides with nobody's."""

REVISION = 1
"""RAN function revision of this version of the service model."""

GAIN_STEP_DB = 0.01
"""Quantisation step of reported channel gains: int16 hundredths of a dB cover +-327 dB."""

NOBODY = -1
"""Index that marks an unassigned PRB or an unserved UE."""


class Clock(IntEnum):
    """How the node's time advances."""

    FREE_RUNNING = 1
    LOCK_STEP = 2


class ReportGroup(IntEnum):
    """Groups of fields that an action definition can ask for."""

    CHANNEL = 1
    QUEUES = 2
    DECISION = 3
    KPI = 4


class ControlKind(IntEnum):
    """Kinds of control; a node lists those that it obeys."""

    ALLOCATION = 1
    SLICE_BUDGETS = 2
    BEAMS = 3
    PUNCTURING = 4
    LINK_ACTIVITY = 5


@dataclass(frozen=True, slots=True, eq=False)
class Allocation:
    """Who is served by which RU, on which PRB, at which power.

    One UE a PRB and RU holds by construction (paper 1, eq. 21); ``serving_ru`` is alpha (eq. 19), ``prb_owner`` is
    beta (eq. 20), ``power_w`` is p.
    """

    ue_ids: NDArray[np.int64]
    """UE identifiers, shape (..., U): the table that the indices below refer to."""
    serving_ru: NDArray[np.int16]
    """RU index that serves each UE, shape (..., U); NOBODY where none does."""
    prb_owner: NDArray[np.int16]
    """Index into ``ue_ids`` of the UE on each PRB, shape (..., R, K); NOBODY where the PRB is idle."""
    power_w: NDArray[np.float64]
    """Transmit power [W], shape (..., R, K)."""
    decision_id: int = 0
    """``report_id`` of the report that this decision answers."""


@dataclass(frozen=True, slots=True, eq=False)
class Kpi:
    """What the last interval delivered."""

    weighted_throughput_bps_hz: float | NDArray[np.float64]
    """Sum of weight times rate, eq. (10) of paper 1; shape (...)."""
    rate_bps_hz: NDArray[np.float64]
    """Rate of each UE summed over its PRBs [bps/Hz], shape (..., U)."""
    delay_s: NDArray[np.float64]
    """Delay of each UE [s], shape (..., U); inf where its rate is zero."""
    satisfied: NDArray[np.bool_]
    """Minimum rate and delay bound met, shape (..., U)."""
    power_w: float | NDArray[np.float64]
    """Radiated power of all RUs [W], shape (...)."""
    late_decisions: int = 0
    """Intervals so far that ended without a fresh decision."""
    applied_decisions: int = 0
    refused_decisions: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class RadioReport:
    """Radio state at the start of a slot, as the node reports it.

    Groups that were not asked for are None. Gains are quantised to ``GAIN_STEP_DB``, in the simulator as on the wire,
    so that a policy sees the same numbers on both paths.
    """

    report_id: int
    slot: int
    time_s: float
    prb_bandwidth_hz: float
    noise_w: float
    """Thermal noise in one PRB, noise figure included [W]."""
    ru_power_budget_w: NDArray[np.float64]
    """Transmit budget of each RU [W], shape (R,)."""
    prb_power_cap_w: float
    """Largest power on one PRB [W]."""
    ue_ids: NDArray[np.int64]
    """Shape (..., U)."""
    slice_ids: NDArray[np.int32]
    """Index into ``slice_names``, shape (..., U)."""
    weight: NDArray[np.float64]
    """Weight of each UE in the objective, shape (..., U)."""
    min_rate_bps_hz: NDArray[np.float64]
    """Minimum rate of each UE summed over its PRBs [bps/Hz], shape (..., U)."""
    max_delay_s: NDArray[np.float64]
    """Delay bound of each UE [s], shape (..., U); inf where there is none."""
    slice_names: tuple[str, ...] = ()
    fronthaul_capacity_bps_hz: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """Fronthaul capacity of each RU [bps/Hz], shape (R,); empty: unlimited."""
    gain_db: NDArray[np.float64] | None = None
    """Channel power gain [dB], shape (..., U, R, K)."""
    queue_bytes: NDArray[np.float64] | None = None
    """Bytes waiting for each UE, shape (..., U)."""
    in_force: Allocation | None = None
    kpi: Kpi | None = None

    @property
    def num_ues(self) -> int:
        return self.ue_ids.shape[-1]

    @property
    def num_rus(self) -> int:
        return self.ru_power_budget_w.shape[-1]


@dataclass(frozen=True, slots=True)
class RanFunctionDefinition:
    """What a node can report and obey."""

    name: str
    description: str
    clocks: tuple[Clock, ...]
    report_groups: tuple[ReportGroup, ...]
    control_kinds: tuple[ControlKind, ...]
    min_period_ms: int
    max_period_ms: int
    num_rus: int
    num_prbs: int
    max_ues: int
    max_fragment_bytes: int


@dataclass(frozen=True, slots=True)
class EventTrigger:
    """When to report: the clock and the period (lock-step: simulated time of a step)."""

    clock: Clock
    period_ms: int


@dataclass(frozen=True, slots=True)
class ActionDefinition:
    """What to report; ``max_fragment_bytes`` 0 leaves the limit to the node."""

    report_groups: tuple[ReportGroup, ...]
    max_fragment_bytes: int = 0


@dataclass(frozen=True, slots=True)
class IndicationHeader:
    """Which slice of which report an indication carries."""

    report_id: int
    fragment: int
    num_fragments: int
    total_bytes: int
    slot: int
    clock: Clock


@dataclass(frozen=True, slots=True)
class ControlHeader:
    """Which report a decision answers and who took it."""

    report_id: int
    allocator: str
    model_version: str = ""


@dataclass(frozen=True, slots=True)
class ControlOutcome:
    """What became of a decision; ``reason`` empty means applied."""

    decision_id: int
    slot: int
    reason: str = ""
    detail: str = ""


def quantise_gain_db(gain_db: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gains as they come out of the wire: rounded to ``GAIN_STEP_DB`` and clipped to int16, any shape [dB]."""
    raw = np.clip(np.rint(gain_db / GAIN_STEP_DB), -32768, 32767).astype(np.int16)
    return raw.astype(np.float64) * GAIN_STEP_DB
