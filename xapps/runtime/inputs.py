"""Which reports nobody should decide on: without a channel, not finite, contradictory, empty, or old.

The decoder has vouched for the shapes; what is judged here are the values. A report that is found wanting never reaches
an allocator: see ``last_safe`` for what is answered instead.
"""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import RadioReport
from xapps.runtime.metrics import MOST_SLICES, Metrics

log = logging.getLogger(__name__)

Array = NDArray[np.float64]

Stream = tuple[str, Hashable]
"""Where reports come from: node and subscription."""

NO_GAIN_DB: Final = -327.68
"""The smallest gain that the wire can carry: stands for a gain that is not known."""

LATE_SLOTS: Final = 64
"""A slot that lies so little behind the newest comes late; one further behind belongs to a node that began anew."""

DELAYS_COMPARED: Final = 8
"""Reports among which the least delayed one tells what delay is usual; few, since a node's clock may run slower than
ours."""


class Fault(StrEnum):
    """Why a report cannot be decided on."""

    NO_CHANNEL = "no_channel"
    NO_UES = "no_ues"
    NOT_FINITE = "not_finite"
    BAD_TABLE = "bad_table"
    """A UE stands twice in it, or a slice that has no name."""
    BAD_LIMITS = "bad_limits"
    """A budget, a cap, the noise or the bandwidth is no power or width."""
    OLD_SLOT = "old_slot"
    """A slot that was reported before."""
    TOO_OLD = "too_old"
    """Much later on its way than the reports before it."""


# --- content ----------------------------------------------------------------------------------------------------------


def content_fault(report: RadioReport) -> Fault | None:
    """What is wrong with the values of a report without batch axes; None if nothing is.

    Queues, delay bounds and fronthaul capacities may be infinite, gains and weights may not. KPIs are not looked at:
    no decision depends on them.
    """
    gain_db = report.gain_db
    if gain_db is None or 0 in gain_db.shape[1:]:
        return Fault.NO_CHANNEL
    if not _limits_hold(report):
        return Fault.BAD_LIMITS
    if report.num_ues == 0:
        return Fault.NO_UES
    if not (_finite(gain_db) and all(map(_finite, (report.weight, report.min_rate_bps_hz)))):
        return Fault.NOT_FINITE
    if np.isnan(report.max_delay_s).any() or (report.queue_bytes is not None and np.isnan(report.queue_bytes).any()):
        return Fault.NOT_FINITE
    return None if _table_holds(report) else Fault.BAD_TABLE


def _finite(values: Array) -> bool:
    """One pass and no mask: a sum is finite only if its terms are."""
    return math.isfinite(values.sum())


def _limits_hold(report: RadioReport) -> bool:
    budget_w = report.ru_power_budget_w
    positive = (report.noise_w, report.prb_bandwidth_hz)
    return (
        all(0.0 < value < math.inf for value in positive)
        and 0.0 <= report.prb_power_cap_w < math.inf
        and _finite(budget_w)
        and bool((budget_w >= 0.0).all())
        and not np.isnan(report.fronthaul_capacity_bps_hz).any()
    )


def _table_holds(report: RadioReport) -> bool:
    slice_ids = report.slice_ids
    named = len(report.slice_names) or MOST_SLICES
    return len(set(report.ue_ids.tolist())) == report.num_ues and 0 <= slice_ids.min() <= slice_ids.max() < named


def repaired(report: RadioReport, like: RadioReport | None) -> RadioReport:
    """The report with what cannot be used replaced: limits by those of ``like``, or by zero power; gains that are not
    known by ``NO_GAIN_DB``; weights and rates by zero; later rows of a UE are left to the shield."""
    known = like is not None and like.num_rus == report.num_rus
    budget_w = like.ru_power_budget_w if known and like is not None else np.zeros(report.num_rus)
    cap_w = like.prb_power_cap_w if like is not None else 0.0
    gain_db = report.gain_db
    slices = max(len(report.slice_names), 1)
    return replace(
        report,
        noise_w=_positive_or(report.noise_w, like.noise_w if like is not None else 1.0),
        prb_bandwidth_hz=_positive_or(report.prb_bandwidth_hz, like.prb_bandwidth_hz if like is not None else 1.0),
        prb_power_cap_w=report.prb_power_cap_w if 0.0 <= report.prb_power_cap_w < math.inf else cap_w,
        ru_power_budget_w=_where_sound(report.ru_power_budget_w, budget_w),
        fronthaul_capacity_bps_hz=np.nan_to_num(report.fronthaul_capacity_bps_hz, nan=0.0, posinf=np.inf),
        weight=_where_sound(report.weight, 0.0),
        min_rate_bps_hz=_where_sound(report.min_rate_bps_hz, 0.0),
        max_delay_s=np.where(np.isnan(report.max_delay_s), np.inf, report.max_delay_s),
        slice_ids=np.clip(report.slice_ids, 0, slices - 1),
        gain_db=None if gain_db is None else np.where(np.isfinite(gain_db), gain_db, NO_GAIN_DB),
        queue_bytes=None if report.queue_bytes is None else np.nan_to_num(report.queue_bytes, nan=0.0, posinf=np.inf),
    )


def _positive_or(value: float, otherwise: float) -> float:
    return value if 0.0 < value < math.inf else otherwise


def _where_sound(values: Array, otherwise: Array | float) -> Array:
    return np.where(np.isfinite(values) & (values >= 0.0), values, otherwise)


# --- age --------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Heard:
    """What a stream of reports has told of its time."""

    slot: int
    time_s: float
    delays_s: deque[float] = field(default_factory=lambda: deque(maxlen=DELAYS_COMPARED))


@dataclass(slots=True)
class Ages:
    """Tells old reports of free-running nodes by slot and by time.

    Attributes:
        max_age_s: a report that took so much longer than the quickest of those before it is too old [s]; 0: none is.
    """

    max_age_s: float = 0.0
    _heard: dict[Stream, _Heard] = field(default_factory=dict)

    def fault(self, stream: Stream, report: RadioReport, now_s: float) -> Fault | None:
        """Take note of a report that has just arrived; what its age makes of it."""
        heard = self._heard.get(stream)
        if heard is not None and 0 <= heard.slot - report.slot < LATE_SLOTS:
            return Fault.OLD_SLOT
        if heard is None or report.slot < heard.slot:
            heard = self._heard[stream] = _Heard(report.slot, report.time_s)
        delay_s, period_s = now_s - report.time_s, report.time_s - heard.time_s
        usual_s = min(heard.delays_s, default=delay_s)
        heard.slot, heard.time_s = report.slot, report.time_s
        heard.delays_s.append(delay_s)
        # a node that cannot keep up falls behind by some of its periods; that is no delay
        allowed_s = self.max_age_s + DELAYS_COMPARED * period_s
        return Fault.TOO_OLD if self.max_age_s and delay_s - usual_s > allowed_s else None

    def forget(self, stream: Stream) -> None:
        """The stream has ended."""
        self._heard.pop(stream, None)

    def forget_node(self, meid: str) -> None:
        """Every stream of the node has ended."""
        for stream in [each for each in self._heard if each[0] == meid]:
            self.forget(stream)


# --- both, told to the operator ---------------------------------------------------------------------------------------


@dataclass
class Inputs:
    """Judges every report, counts faults by reason, and says once when a node's reports turn bad or good again."""

    metrics: Metrics
    ages: Ages = field(default_factory=Ages)
    _faulty: dict[str, Fault] = field(default_factory=dict)

    def fault(self, stream: Stream, report: RadioReport, now_s: float, *, lock_step: bool) -> Fault | None:
        """Why a report cannot be decided on; a node in lock-step waits for its answer, so nothing of it is old."""
        meid = stream[0]
        found = content_fault(report) or (None if lock_step else self.ages.fault(stream, report, now_s))
        if found is not None:
            self.metrics.reports_unusable.labels(meid, found).inc()
        if found is not self._faulty.get(meid):
            self._changed(meid, found)
        return found

    def forget(self, meid: str) -> None:
        """A node has gone."""
        if self._faulty.pop(meid, None) is not None:
            self.metrics.input_unusable.labels(meid).set(0)
        self.ages.forget_node(meid)

    def _changed(self, meid: str, found: Fault | None) -> None:
        self.metrics.input_unusable.labels(meid).set(found not in (None, Fault.NO_UES))
        if found is None:
            log.info("%s: reports can be used again", meid)
            del self._faulty[meid]
            return
        self._faulty[meid] = found
        if found is Fault.NO_UES:
            log.info("%s: nobody is there to serve", meid)
        else:
            log.warning("%s: report cannot be used: %s; no allocator is asked", meid, found)
