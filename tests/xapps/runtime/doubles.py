"""Reports, bytes and doubles that the tests of the runtime share."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from oran import e2ap
from oran.e2ap import IndicationType, RicIndication, RicRequestId
from oran.e2sm.rrm import NOBODY, Allocation, Clock, Kpi, RadioReport, split_report
from oran.errors import NoRoute
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from xapps.runtime.app import App
from xapps.runtime.deciding import Decider
from xapps.runtime.inputs import Inputs
from xapps.runtime.metrics import Metrics
from xapps.runtime.model_slot import ModelSlot, RecentReports, Serving
from xapps.runtime.shadow import Beside, Partner
from xapps.runtime.subscription_book import SubscriptionBook
from xapps.runtime.trial import Trials

MEID = "gnb_001_001_0000019b"
FUNCTION_ID = 200
REQUEST_ID = RicRequestId(123, 7)


def make_report(
    report_id: int = 1, *, ues: int = 4, rus: int = 2, prbs: int = 6, kpi: bool = False, seed: int = 1
) -> RadioReport:
    rng = np.random.default_rng(seed)
    slice_ids = np.arange(ues, dtype=np.int32) % 2
    rates = rng.uniform(1.0, 9.0, ues)
    return RadioReport(
        report_id=report_id,
        slot=report_id + 10,
        time_s=report_id * 0.02,
        prb_bandwidth_hz=180e3,
        noise_w=7e-16,
        ru_power_budget_w=np.full(rus, 10.0),
        prb_power_cap_w=4.0,
        ue_ids=np.arange(100, 100 + ues, dtype=np.int64),
        slice_ids=slice_ids,
        weight=np.ones(ues),
        min_rate_bps_hz=np.full(ues, 2.0),
        max_delay_s=np.full(ues, np.inf),
        slice_names=("embb", "urllc"),
        gain_db=np.rint(rng.uniform(-120.0, -80.0, (ues, rus, prbs)) * 100) / 100,
        kpi=Kpi(float(rates.sum()), rates, np.full(ues, 0.01), rates > 2.0, 12.5, 3, 5, 1) if kpi else None,
    )


def make_allocation(report: RadioReport) -> Allocation:
    """A feasible decision: UEs and PRBs shared out in turn, every RU at its budget."""
    assert report.gain_db is not None
    ues, rus, prbs = report.gain_db.shape
    serving = (np.arange(ues) % rus).astype(np.int16)
    owner = np.full((rus, prbs), NOBODY, np.int16)
    power = np.zeros((rus, prbs))
    for ru in range(rus):
        own = np.flatnonzero(serving == ru)
        if own.size:
            owner[ru] = own[np.arange(prbs) % own.size]
            power[ru] = min(report.ru_power_budget_w[ru] / prbs, report.prb_power_cap_w)
    return Allocation(report.ue_ids, serving, owner, power, report.report_id)


@dataclass
class FixedAllocator:
    """Decides by a given function and remembers what it was asked."""

    name: str = "equal"
    answer: Callable[[RadioReport], Allocation] = make_allocation
    asked: list[int] = field(default_factory=list)

    def decide(self, report: RadioReport) -> Allocation:
        self.asked.append(report.report_id)
        return self.answer(report)


@dataclass
class Ticking:
    """A clock that a test moves."""

    time_s: float = 100.0
    step_s: float = 0.0

    def __call__(self) -> float:
        self.time_s += self.step_s
        return self.time_s


@dataclass
class Outgoing:
    """RMR's sending side."""

    sent: list[RmrMessage] = field(default_factory=list)
    broken: bool = False

    def __call__(self, message: RmrMessage) -> None:
        if self.broken:
            raise NoRoute("no route")
        self.sent.append(message)

    def of_type(self, mtype: MessageType) -> list[RmrMessage]:
        return [message for message in self.sent if message.mtype == mtype]


@dataclass
class Rig:
    """An App between two ends that a test holds."""

    allocator: FixedAllocator = field(default_factory=FixedAllocator)
    now_s: Ticking = field(default_factory=Ticking)
    metrics: Metrics = field(default_factory=Metrics)
    out: Outgoing = field(default_factory=Outgoing)
    recent: RecentReports = field(default_factory=lambda: RecentReports(4))
    policies: list[RmrMessage] = field(default_factory=list)
    partner: Callable[[Serving], Partner] = Beside

    def __post_init__(self) -> None:
        self.book = SubscriptionBook()
        self.book.offered(MEID, FUNCTION_ID)
        self.slot = ModelSlot(Serving(self.allocator), self.now_s)
        self.trials = Trials(self.slot, self.metrics, self.partner, max_waiting=4)
        self.decider = Decider(self.slot, self.trials, self.metrics, Inputs(self.metrics))
        self.app = App(
            self.decider,
            self.recent,
            self.book,
            self.metrics,
            self.out,
            self.policies.append,
            self.now_s,
            deadline_s=0.02,
        )


def indication_messages(
    report: RadioReport,
    *,
    clock: Clock = Clock.FREE_RUNNING,
    meid: str = MEID,
    function_id: int = FUNCTION_ID,
    call_process_id: bytes | None = None,
    max_fragment_bytes: int = 8000,
    request_id: RicRequestId = REQUEST_ID,
    first_sequence_number: int | None = None,
) -> list[RmrMessage]:
    """What E2T sends for one report: every fragment a message."""
    kind = IndicationType.INSERT if clock is Clock.LOCK_STEP else IndicationType.REPORT
    parts = split_report(report, clock=clock, max_fragment_bytes=max_fragment_bytes)
    pdus = [
        RicIndication(request_id, function_id, 1, kind, header, body, number, call_process_id)
        for number, (header, body) in zip(_numbers(first_sequence_number), parts, strict=False)
    ]
    return [RmrMessage(MessageType.RIC_INDICATION, e2ap.encode(pdu), request_id.instance, meid) for pdu in pdus]


def _numbers(first: int | None) -> Iterator[int | None]:
    return itertools.repeat(None) if first is None else (number % 65536 for number in itertools.count(first))


def with_power(allocation: Allocation, power_w: Sequence[Sequence[float]] | np.ndarray) -> Allocation:
    return replace(allocation, power_w=np.asarray(power_w, np.float64))
