"""Indications as they should not be, series that must not grow or grow old, and what SDL is given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ricsdl.exceptions import NotConnected

from oran import e2ap
from oran.e2ap import IndicationType, RicIndication, RicServiceQuery
from oran.e2sm import kpm
from oran.errors import PlatformError
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from tests.xapps.kpimon.doubles import MEID, REQUEST_ID, Bench, rmr
from xapps.kpimon.actions import PlannedAction, Scope
from xapps.kpimon.archive import Archive
from xapps.kpimon.readings import Place, Reading
from xapps.kpimon.series import metric_name

NAMES = (kpm.Measurement("DRB.UEThpDl"), kpm.Measurement("RRU.PrbUsedDl"), kpm.Measurement("Vendor.Thing"))
CELL = PlannedAction(1, Scope(), kpm.ActionDefinition(1, kpm.ActionFormat1(NAMES, 1000)))
UES = PlannedAction(
    2, Scope(per_ue=True), kpm.ActionDefinition(4, kpm.ActionFormat4((), kpm.ActionFormat1(NAMES, 1000)))
)


@pytest.fixture
def bench() -> Bench:
    bench = Bench()
    bench.asking.plans[MEID] = {1: CELL, 2: UES}
    return bench


def report(*records: tuple[kpm.Value, ...], names: tuple[kpm.Measurement, ...] = NAMES) -> kpm.MessageFormat1:
    return kpm.MessageFormat1(tuple(kpm.Record(values) for values in records), names, 1000)


def indication(message: kpm.IndicationMessage | bytes, action_id: int = 1, function_id: int = 2) -> RicIndication:
    octets = message if isinstance(message, bytes) else kpm.encode_message(message)
    header = kpm.encode_header(kpm.IndicationHeader(0), kpm.OSC)
    return RicIndication(REQUEST_ID, function_id, action_id, IndicationType.REPORT, header, octets)


def shown(bench: Bench, name: str, ue: str = "") -> float | None:
    return bench.scraped().get((metric_name(name), "", "", ue))


def ignored(bench: Bench, reason: str) -> float:
    return bench.metrics.count(bench.metrics.indications_ignored, reason=reason)


def test_values_are_shown_in_base_units_and_unknown_ones_as_they_came(bench: Bench) -> None:
    bench.deliver(indication(report((1.5, 7, 42))))
    assert shown(bench, "DRB.UEThpDl") == 1500.0
    assert shown(bench, "RRU.PrbUsedDl") == 7.0
    assert bench.scraped()["ricxapp_kpm_vendor_thing", "", "", ""] == 42.0


def test_of_several_periods_the_last_one_is_shown(bench: Bench) -> None:
    bench.deliver(indication(report((1.0, 1, 1), (2.0, 2, 2), (3.0, 3, None))))
    assert shown(bench, "DRB.UEThpDl") == 3000.0
    assert bench.metrics.count(bench.metrics.readings_without_value) == 1


def test_a_value_that_is_no_more_takes_its_series_away(bench: Bench) -> None:
    bench.deliver(indication(report((1.0, 1, 1))))
    bench.deliver(indication(report((None, 0, 1))))
    assert shown(bench, "DRB.UEThpDl") is None
    assert shown(bench, "RRU.PrbUsedDl") == 0.0


def test_names_that_a_report_leaves_out_are_those_that_were_asked_for(bench: Bench) -> None:
    bench.deliver(indication(report((1.0, 2, 3), names=())))
    assert shown(bench, "RRU.PrbUsedDl") == 2.0
    ue = kpm.UeReport(kpm.GnbDuUeId(9), report((1.0, 4, 3), names=()))
    bench.deliver(indication(kpm.MessageFormat3((ue,)), action_id=2))
    assert shown(bench, "RRU.PrbUsedDl", ue="9") == 4.0


@pytest.mark.parametrize(
    "damaged",
    [
        indication(b""),
        indication(b"\xff" * 30),
        indication(kpm.encode_message(report((1.0, 2, 3)))[:-9]),
        indication(report((1.0, 2), names=NAMES)),
        indication(kpm.MessageFormat3((kpm.UeReport(kpm.GnbDuUeId(9), report((1.0, 4, 3))),))),
        indication(report((1.0, 2, 3)), action_id=2),
    ],
    ids=["empty", "garbage", "cut off", "too few values", "UEs where the node was asked", "the node where UEs were"],
)
def test_a_bad_indication_is_counted_and_shows_nothing_and_the_next_one_is_read(bench: Bench, damaged) -> None:
    bench.deliver(damaged, indication(report((1.0, 2, 3))))
    assert bench.metrics.count(bench.metrics.handler_errors, type="indication") == 1
    assert len(bench.series) == 3


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=80), cut=st.integers(0, 60))
def test_whatever_octets_come_nothing_escapes(data: bytes, cut: int) -> None:
    bench = Bench()
    bench.asking.plans[MEID] = {1: CELL, 2: UES}
    whole = rmr(indication(report((1.0, 2, 3))))
    bench.monitor.on_messages(
        [RmrMessage(MessageType.RIC_INDICATION, whole.payload[:cut] + data, meid=MEID), rmr(indication(data)), whole]
    )
    assert shown(bench, "RRU.PrbUsedDl") is not None


def test_what_is_not_ours_is_ignored_by_reason(bench: Bench) -> None:
    bench.deliver(indication(report((1.0, 2, 3)), function_id=3))
    bench.deliver(indication(report((1.0, 2, 3)), action_id=9))
    bench.monitor.on_messages([rmr(indication(report((1.0, 2, 3))), meid="stranger")])
    query = rmr(indication(b""))
    bench.monitor.on_messages([replace(query, payload=e2ap.encode(RicServiceQuery(1)))])
    bench.monitor.on_messages([RmrMessage(MessageType.A1_POLICY_REQ, b"{}", meid=MEID)])
    assert (ignored(bench, "not_subscribed"), ignored(bench, "unknown_action")) == (2, 1)
    assert ignored(bench, "unexpected_pdu") == 1
    assert len(bench.series) == 0


def test_series_beyond_the_limit_are_dropped_and_counted_and_the_old_ones_go_on() -> None:
    bench = Bench(max_series=4)
    for ue in range(6):
        bench.series.take([Reading("RRU.PrbUsedDl", Place(MEID, ue=str(ue)), float(ue))])
    bench.series.take([Reading("RRU.PrbUsedDl", Place(MEID, ue="0"), 99.0)])
    assert (len(bench.series), shown(bench, "RRU.PrbUsedDl", ue="0")) == (4, 99.0)
    assert bench.metrics.count(bench.metrics.readings_dropped) == 2


def test_a_series_without_news_goes_and_makes_room() -> None:
    bench = Bench(max_series=1, stale_s=4.0)
    bench.series.take([Reading("RRU.PrbUsedDl", Place(MEID, ue="1"), 1.0)])
    bench.now_s.time_s += 3.9
    assert shown(bench, "RRU.PrbUsedDl", ue="1") == 1.0
    bench.now_s.time_s += 0.2
    assert bench.scraped() == {}
    bench.series.take([Reading("RRU.PrbUsedDl", Place(MEID, ue="2"), 2.0)])
    assert shown(bench, "RRU.PrbUsedDl", ue="2") == 2.0


def test_names_that_collide_in_prometheus_give_one_series_that_can_be_scraped(bench: Bench) -> None:
    bench.series.take([Reading(name, Place(MEID), value) for name, value in (("A.b", 1.0), ("a_B", 2.0), ("", 3.0))])
    assert bench.scraped()["ricxapp_kpm_a_b", "", "", ""] == 2.0


def test_a_node_that_has_gone_leaves_no_series(bench: Bench) -> None:
    bench.deliver(indication(report((1.0, 2, 3))))
    bench.series.take([Reading("RRU.PrbUsedDl", Place("other"), 1.0)])
    bench.series.forget(MEID)
    assert len(bench.series) == 1
    assert bench.scraped() == {}


# --- SDL ----------------------------------------------------------------------------------------------


class Database:
    """An SDL that may be away."""

    def __init__(self) -> None:
        self.stored: dict[str, Any] = {}
        self.works = True

    def set(self, ns: str, key: str, value: Any) -> None:
        if not self.works:
            raise NotConnected
        self.stored[f"{ns}/{key}"] = value

    def get(self, ns: str, key: str) -> Any:
        return self.stored.get(f"{ns}/{key}")

    def delete(self, ns: str, key: str) -> None:
        if not self.works:
            raise NotConnected
        self.stored.pop(f"{ns}/{key}", None)


def test_sdl_holds_the_newest_values_of_every_node_and_nothing_of_those_that_left(bench: Bench) -> None:
    database = Database()
    archive = Archive(database, "kpi", bench.series, bench.metrics, lambda: 1234.5)
    bench.deliver(indication(report((1.5, 7, None))))
    archive.write(bench.monitor.fresh)
    assert database.stored[f"kpi/{MEID}"] == {
        "unix_s": 1234.5,
        "measurements": {
            "DRB.UEThpDl": {"unit": "bits_per_second", "values": [["", "", "", 1500.0]]},
            "RRU.PrbUsedDl": {"unit": "prbs", "values": [["", "", "", 7.0]]},
        },
    }
    archive.write(bench.monitor.fresh)
    assert bench.metrics.count(bench.metrics.sdl_writes) == 1
    archive.gone(MEID)
    archive.write(bench.monitor.fresh)
    assert database.stored == {}


def test_what_could_not_be_written_is_written_when_sdl_is_back(bench: Bench) -> None:
    database = Database()
    archive = Archive(database, "kpi", bench.series, bench.metrics, lambda: 0.0)
    bench.deliver(indication(report((1.5, 7, 1))))
    database.works = False
    with pytest.raises(PlatformError):
        archive.write(bench.monitor.fresh)
    archive.gone("left")
    with pytest.raises(PlatformError):
        archive.write(set())
    database.works = True
    archive.write(bench.monitor.fresh)
    assert list(database.stored) == [f"kpi/{MEID}"]
