"""The acting half of ALCOR: report in, powers out, multipliers in between.

``decide`` takes one report on its own and serves as if nobody had demands. ``decide_at`` remembers: it keeps pairs and
multipliers a node, plays batches of reports, and learns from the rates that the node measured.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import Allocation, RadioReport
from oran.errors import ConfigError, ModelRejected
from xapps.alcor import learned
from xapps.alcor.cells import CellSharing
from xapps.alcor.channels import draw_activity
from xapps.alcor.feasibility import Bounds, constant_service_ratio, shortfalls
from xapps.alcor.links import rates_bps_hz, switched
from xapps.alcor.pairing import Pairing, full_power_w, most_power_w, one_link_an_ru, snr_of_links
from xapps.alcor.settling import Settling
from xapps.alcor.time_sharing import WEIGHTING, TimeSharing, TimeSharingRule
from xapps.alcor.ura import PairGreedyUra, Ura, WmmseUra
from xapps.runtime.contracts import SharingState
from xapps.runtime.model_file import ModelFile

Array = NDArray[np.float64]
Indices = NDArray[np.int16]

SILENCING = TimeSharingRule(rule="ascent", means="silencing", gamma=1.0)


class AlcorPolicy:
    """Time sharing over a policy for unconstrained resource allocation.

    Args:
        ura: the black box.
        rule: how multipliers move; by default weights where the policy takes them, else silencing.
        distributed: multipliers live in the cells (one an RU), which exchange only the largest.
        seed: of the activity draws.

    Raises:
        ConfigError: weights for a policy that takes none.
    """

    def __init__(
        self, ura: Ura, rule: TimeSharingRule | None = None, *, distributed: bool = False, seed: int = 0
    ) -> None:
        self.rule = rule or (WEIGHTING if ura.takes_weights else SILENCING)
        if self.rule.means == "weighting" and not ura.takes_weights:
            raise ConfigError("means", "weighting", f"{ura.name} takes no weights; use silencing")
        self.name = "alcor" if isinstance(ura, learned.LEARNED_KINDS) else f"alcor-{ura.name}"
        self.ura, self.distributed, self._seed = ura, distributed, seed
        self._nodes: dict[str, _Node] = {}

    @classmethod
    def from_model(cls, model: ModelFile) -> AlcorPolicy:
        """The policy of a stored model; ``architecture["time_sharing"]`` and ``["distributed"]`` are options.

        The policy of local measurements is distributed unless it says otherwise.

        Raises:
            ModelRejected: weights and architecture do not make a policy.
            ConfigError: a field of the time sharing has a bad value.
        """
        architecture = model.manifest.architecture
        ura = learned.from_weights(architecture, model.weights)
        options = architecture.get("time_sharing")
        try:
            rule = None if options is None else TimeSharingRule(**options)
        except TypeError as error:
            raise ModelRejected(f"time_sharing: {error}") from error
        return cls(ura, rule, distributed=bool(architecture.get("distributed", isinstance(ura, learned.LocalUra))))

    def decide(self, report: RadioReport) -> Allocation:
        """Powers for one report without a past: everybody may send.

        Raises:
            ConfigError: the report carries no channel, or a number of UEs that the policy cannot take.
        """
        rus = Pairing().rus(report)
        ones = np.ones(report.num_ues)
        return self._play(report, rus, ones, ones)[0]

    def decide_at(self, meid: str, report: RadioReport) -> Allocation:
        """Powers for the next slot of a node, its minimum rates being the demands.

        Raises:
            ConfigError: as :meth:`decide`.
        """
        node = self._nodes.get(meid)
        if node is None:
            rng = np.random.default_rng([self._seed, zlib.crc32(meid.encode())])
            node = self._nodes[meid] = _Node(rng, self.rule, self.distributed)
        rus = node.prepare(report)
        active = draw_activity(node.rng, node.activity, 1)[0]
        allocation, rate = self._play(report, rus, active, node.weight)
        node.sent(rate)
        return allocation

    def sharing(self, meid: str) -> SharingState | None:
        """Where the multipliers of a node stand; None before its first report."""
        node = self._nodes.get(meid)
        return None if node is None else node.state()

    def forget(self, meid: str) -> None:
        """A node has gone."""
        self._nodes.pop(meid, None)

    def refusal(self, reports: Sequence[RadioReport]) -> str:
        """Why no powers and no sharing of time meet the demands of these reports; empty if that is not certain."""
        for of_same_ues in _grouped(reports):
            first, rus = of_same_ues[0], Pairing().rus(of_same_ues[0])
            snr = np.array([snr_of_links(each, rus, most_power_w(each)) for each in of_same_ues])
            closest = Bounds(snr, rus).closest(first.min_rate_bps_hz)
            short = ", ".join(shortfalls(first.ue_ids, first.min_rate_bps_hz, closest))
            if short:
                return f"above what one user or two can have; closest rates [bps/Hz]: {short}"
        return ""

    def constant_service_ratio(self, reports: Sequence[RadioReport]) -> float:
        """Share of the reports' channels in which constant powers meet all demands: a hint, see ``feasibility``."""
        met = [
            constant_service_ratio(snr_of_links(each, Pairing().rus(each))[None], each.min_rate_bps_hz)
            for each in reports
        ]
        return float(np.mean(met)) if met else 1.0

    def _play(self, report: RadioReport, rus: Indices, active: Array, weight: Array) -> tuple[Allocation, Array]:
        """The allocation, and the rates that it brings by the report, shape (U,)."""
        snr = snr_of_links(report, rus)
        prbs, ues = snr.shape[:2]
        rows = np.flatnonzero(active)
        share = np.zeros((prbs, ues))
        if rows.size:
            utility = report.weight * weight
            equal = bool(np.ptp(utility) == 0.0)
            share = self.ura.shares(
                snr,
                np.broadcast_to(active, (prbs, ues)),
                None if equal or not self.ura.takes_weights else np.broadcast_to(utility, (prbs, ues)),
            )
        value = weight * rates_bps_hz(switched(snr, np.broadcast_to(active, (prbs, ues))), share)
        owner = one_link_an_ru(share, value, rus, report.num_rus)
        chosen = np.take_along_axis(share.T, np.maximum(owner, 0).astype(np.intp), axis=0) if ues else 0.0 * owner
        power_w = np.where(owner >= 0, chosen * full_power_w(report)[:, None], 0.0)
        served = np.zeros(ues, bool)
        served[owner[owner >= 0]] = True
        serving = np.where(served, rus, np.int16(-1)).astype(np.int16)
        kept = (np.arange(ues)[:, None, None] == owner).any(axis=1).T if ues else np.zeros((prbs, 0), bool)
        rate = rates_bps_hz(snr, share * kept).sum(axis=0)
        return Allocation(report.ue_ids, serving, owner, power_w, report.report_id), rate


@dataclass
class _Node:
    """What is remembered of one node."""

    rng: np.random.Generator
    rule: TimeSharingRule
    distributed: bool

    def __post_init__(self) -> None:
        self.pairing = Pairing()
        self._ue_ids = np.zeros(0, np.int64)
        self._demand = np.zeros(0)
        self._sharing: TimeSharing | CellSharing | None = None
        self._settling: Settling | None = None
        self._rates: list[Array] = []
        self._expected: Array | None = None
        self.activity = self.weight = np.zeros(0)

    def prepare(self, report: RadioReport) -> Indices:
        """Learn from the last slot, restart if users or demands have changed; the RU of each UE."""
        rus = self.pairing.rus(report)
        same_users = np.array_equal(report.ue_ids, self._ue_ids)
        if same_users and self._expected is not None:
            self._learn(self._measured(report))
        if self._sharing is None or not same_users or not np.array_equal(report.min_rate_bps_hz, self._demand):
            self._restart(report, rus)
        return rus

    def sent(self, rate: Array) -> None:
        """The rates to expect of what was decided."""
        self._expected = rate

    def state(self) -> SharingState:
        rates = np.mean(self._rates, axis=0) if self._rates else np.zeros(len(self._ue_ids))
        multiplier = np.zeros(len(self._ue_ids)) if self._sharing is None else self._sharing.multiplier
        settled = None if self._settling is None else self._settling.after
        return SharingState(
            self._ue_ids,
            self._demand,
            rates,
            multiplier,
            self.activity,
            None if settled is None else settled // self.rule.batches,
        )

    def _measured(self, report: RadioReport) -> Array:
        """What the node delivered; what was to be expected where it does not say."""
        assert self._expected is not None
        if report.kpi is not None and report.kpi.rate_bps_hz.shape == self._expected.shape:
            return report.kpi.rate_bps_hz
        return self._expected

    def _learn(self, rate: Array) -> None:
        assert self._sharing is not None
        assert self._settling is not None
        self._rates.append(rate)
        if len(self._rates) >= self.rule.batch:
            mean = np.mean(self._rates, axis=0)
            self._sharing.advance(mean)
            self._settling.add(mean)
            self._next_batch()

    def _restart(self, report: RadioReport, rus: Indices) -> None:
        """New demands or users: multipliers of those who stay are kept where users came or went."""
        multipliers = () if self._sharing is None else self._sharing.multiplier
        before = dict(zip(self._ue_ids.tolist(), multipliers, strict=True))
        changed_users = not np.array_equal(report.ue_ids, self._ue_ids)
        start = np.array([before.get(int(ue_id), 0.0) if changed_users else 0.0 for ue_id in report.ue_ids], np.float64)
        self._ue_ids, self._demand = report.ue_ids, report.min_rate_bps_hz
        self._settling = Settling(self._demand)
        if self.distributed:
            self._sharing = CellSharing(self._demand, rus, self.rule, start)
        else:
            self._sharing = TimeSharing(self._demand, self.rule, start)
        self._next_batch()

    def _next_batch(self) -> None:
        assert self._sharing is not None
        self._rates, self._expected = [], None
        self.activity, self.weight = self._sharing.activity, self._sharing.weight


def _grouped(reports: Sequence[RadioReport]) -> list[list[RadioReport]]:
    """Reports with the same UEs and demands together."""
    groups: dict[tuple[bytes, bytes], list[RadioReport]] = {}
    for report in reports:
        groups.setdefault((report.ue_ids.tobytes(), report.min_rate_bps_hz.tobytes()), []).append(report)
    return list(groups.values())


def pair_greedy() -> AlcorPolicy:
    """ALCOR over pair-greedy: needs no model."""
    return AlcorPolicy(PairGreedyUra())


def wmmse(iterations: int = 100) -> AlcorPolicy:
    """ALCOR over WMMSE: needs no model."""
    return AlcorPolicy(WmmseUra(iterations))
