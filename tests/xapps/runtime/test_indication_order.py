"""Indications that come twice, late or out of order never make an old decision overwrite a newer one."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oran.e2sm.rrm import Clock
from oran.rmr.wire import RmrMessage
from tests.xapps.runtime.doubles import Rig, indication_messages, make_report
from tests.xapps.runtime.test_app import decided
from xapps.runtime.indication_order import WINDOW, IndicationOrder


@pytest.fixture
def rig() -> Rig:
    return Rig()


def reports(ids: range, **options) -> list[list[RmrMessage]]:
    """The messages of each report, numbered on through all of them."""
    number, found = options.pop("first", 0), []
    for report_id in ids:
        found.append(indication_messages(make_report(report_id), first_sequence_number=number, **options))
        number += len(found[-1])
    return found


@pytest.mark.parametrize("clock", list(Clock))
def test_a_duplicate_indication_is_not_answered_again(rig: Rig, clock: Clock) -> None:
    call = b"call" if clock is Clock.LOCK_STEP else None
    (messages,) = reports(range(1, 2), clock=clock, call_process_id=call)
    for _ in range(3):
        rig.app.on_messages(messages)
    assert decided(rig) == [1]
    assert rig.metrics.count(rig.metrics.stale) == 2


def test_a_report_overtaken_by_a_newer_one_is_not_answered(rig: Rig) -> None:
    first, second, third = reports(range(1, 4))
    for messages in (first, third, second):
        rig.app.on_messages(messages)
    assert decided(rig) == [1, 3]


def test_of_reports_that_waited_out_of_order_the_newest_is_answered(rig: Rig) -> None:
    first, second, third = reports(range(1, 4))
    rig.app.on_messages([*third, *first, *second])
    assert decided(rig) == [3]
    assert rig.metrics.count(rig.metrics.stale) == 2


@pytest.mark.parametrize("seed", range(4))
def test_fragments_of_one_report_may_come_in_any_order(rig: Rig, seed: int) -> None:
    shuffler = random.Random(seed)
    for messages in reports(range(1, 4), max_fragment_bytes=150):
        assert len(messages) > 1
        shuffler.shuffle(messages)
        rig.app.on_messages(messages)
    assert decided(rig) == [1, 2, 3]


def test_sequence_numbers_wrap_without_a_gap(rig: Rig) -> None:
    for messages in reports(range(1, 6), first=65533):
        rig.app.on_messages(messages)
    assert decided(rig) == [1, 2, 3, 4, 5]


def test_a_subscription_that_begins_anew_is_heard_again(rig: Rig) -> None:
    for messages in (*reports(range(1, 2), first=5000), *reports(range(1, 3))):
        rig.app.on_messages(messages)
    assert decided(rig) == [1, 1, 2]


def test_without_sequence_numbers_every_report_is_answered(rig: Rig) -> None:
    for _ in range(2):
        rig.app.on_messages(indication_messages(make_report(1)))
    assert decided(rig) == [1, 1]


@given(st.integers(0, 65535), st.integers(0, WINDOW - 1), st.integers(1, 30_000))
def test_late_numbers_are_no_news_and_later_ones_are(newest: int, behind: int, ahead: int) -> None:
    order = IndicationOrder()
    assert order.is_news("stream", newest)
    assert not order.is_news("stream", (newest - behind) % 65536)
    assert order.is_news("other", newest)
    assert order.is_news("stream", (newest + ahead) % 65536)
    order.forget("stream")
    assert order.is_news("stream", newest)
