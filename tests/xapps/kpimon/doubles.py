"""A KPI monitor without a platform, fed with what a simulated node sends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from oran import e2ap
from oran.e2ap import E2SetupRequest, RicIndication, RicRequestId
from oran.e2sm import kpm
from oran.e2sm.kpm.measurements import DEFINITIONS
from oran.platform.node_inventory import GlobalNodeId, GnbDetails, NodeDetails, OfferedFunction
from oran.platform.subscriptions import ClientEndpoint, SubscriptionRequest
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from tests.xapps.runtime.doubles import Ticking
from xapps.kpimon.actions import Wishes
from xapps.kpimon.asking import KpmAsking
from xapps.kpimon.metrics import Metrics
from xapps.kpimon.monitor import Monitor
from xapps.kpimon.series import Series, metric_name
from xapps.kpimon.settings import KPM_OIDS, Reporting, snssai
from xapps.runtime.subscription_book import SubscriptionBook

MEID = "gnb_001_001_000001"
REQUEST_ID = RicRequestId(123, 5)
SLICES = (snssai("1-000001"), snssai("2-000002"))


@dataclass
class Bench:
    """The monitor's spine between two ends that a test holds."""

    max_series: int = 20_000
    stale_s: float = 4.0
    wishes: Wishes = field(default_factory=lambda: Wishes((), SLICES, 2))
    now_s: Ticking = field(default_factory=Ticking)

    def __post_init__(self) -> None:
        self.metrics = Metrics()
        self.book: SubscriptionBook[Reporting] = SubscriptionBook()
        self.series = Series(self.max_series, self.stale_s, self.now_s, self.metrics.readings_dropped)
        self.metrics.registry.register(self.series)
        self.asking = KpmAsking(ClientEndpoint(host="h", http_port=1, rmr_port=2), KPM_OIDS, self.wishes)
        self.monitor = Monitor(self.book, self.asking.plans, self.series, self.metrics, self.now_s)
        self.book.offered(MEID, kpm.RAN_FUNCTION_ID)

    def request(self, details: NodeDetails, reporting: Reporting) -> SubscriptionRequest:
        return self.asking.request(MEID, details, reporting)

    def deliver(self, *indications: RicIndication) -> None:
        self.monitor.on_messages([rmr(indication) for indication in indications])

    def scraped(self) -> dict[tuple[str, str, str, str], float]:
        """(metric, cell, slice, ue) -> value of the measurements, as Prometheus reads the exposition."""
        return scraped(self.metrics.exposition().decode())


def rmr(indication: Any, meid: str = MEID) -> RmrMessage:
    payload = e2ap.encode(indication)
    return RmrMessage(MessageType.RIC_INDICATION, payload, indication.request_id.instance, meid)


def scraped(text: str, meid: str = MEID) -> dict[tuple[str, str, str, str], float]:
    """The measurements of a node in an exposition."""
    return {
        (sample.name, sample.labels["cell"], sample.labels["slice"], sample.labels["ue"]): sample.value
        for family in text_string_to_metric_families(text)
        if family.name.startswith("ricxapp_kpm_")
        for sample in family.samples
        if sample.labels["meid"] == meid
    }


def in_base_units(
    expected: dict[str, float | None], names: tuple[str, ...], cell: str = "", slice_: str = "", ue: str = ""
) -> dict[tuple[str, str, str, str], float]:
    """What should be scraped for values in the standard's units."""
    return {
        (metric_name(name), cell, slice_, ue): float(value) * DEFINITIONS[name].in_base_unit
        for name in names
        if (value := expected[name]) is not None
    }


def details(setup: E2SetupRequest) -> NodeDetails:
    """What the inventory says of a node that set up like this."""
    return NodeDetails(
        ran_name=MEID,
        connection_status="CONNECTED",
        global_nb_id=GlobalNodeId(
            plmn_id=setup.node_id.plmn.hex().upper(),
            nb_id=format(setup.node_id.gnb_id, f"0{setup.node_id.gnb_id_bits}b"),
        ),
        gnb=GnbDetails(
            ran_functions=tuple(
                OfferedFunction.model_validate(
                    {
                        "ranFunctionId": f.id,
                        "ranFunctionDefinition": f.definition.hex(),
                        "ranFunctionRevision": f.revision,
                        "ranFunctionOid": f.oid,
                    }
                )
                for f in setup.ran_functions
            )
        ),
    )
