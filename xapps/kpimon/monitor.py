"""The spine of the KPI monitor: an indication comes in, values are shown.

RMR message -> E2AP RicIndication -> E2SM-KPM message -> readings -> series
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from oran import e2ap
from oran.e2ap import RicIndication
from oran.errors import SuiteError
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from xapps.kpimon.actions import PlannedAction
from xapps.kpimon.metrics import Metrics
from xapps.kpimon.readings import Reading, readings
from xapps.kpimon.series import Series
from xapps.kpimon.settings import Reporting
from xapps.runtime.subscription_book import SubscriptionBook

log = logging.getLogger(__name__)


@dataclass
class Monitor:
    """Takes what RMR delivers; no socket, no thread, no clock of its own.

    Attributes:
        plans: RAN name -> action id -> what was asked.
        now_s: monotonic clock.
        fresh: nodes with values that SDL does not have yet.
    """

    book: SubscriptionBook[Reporting]
    plans: Mapping[str, Mapping[int, PlannedAction]]
    series: Series
    metrics: Metrics
    now_s: Callable[[], float]
    fresh: set[str] = field(default_factory=set)

    def on_messages(self, messages: Sequence[RmrMessage]) -> None:
        """Handle everything that has arrived, oldest first; the loop goes on whatever one message does."""
        for message in messages:
            kind = "indication" if message.mtype == MessageType.RIC_INDICATION else "other"
            self.metrics.messages.labels(kind).inc()
            if kind == "other":
                continue
            try:
                self.on_indication(message)
            except SuiteError as error:
                log.warning("from %s: %s: %s", message.meid, type(error).__name__, error)
                self.metrics.handler_errors.labels(kind, type(error).__name__).inc()
            except Exception as error:
                log.exception("indication of %s failed", message.meid)
                self.metrics.handler_errors.labels(kind, type(error).__name__).inc()

    def on_indication(self, message: RmrMessage) -> None:
        """Show what an indication says.

        Raises:
            DecodeError: malformed E2AP or E2SM-KPM; nothing of the message is shown.
        """
        indication = e2ap.decode(message.payload)
        if not isinstance(indication, RicIndication):
            self._ignore("unexpected_pdu")
            return
        meid = message.meid
        if not self.book.accepts(meid, indication.ran_function_id, indication.request_id.instance):
            self._ignore("not_subscribed")
            return
        action = self.plans.get(meid, {}).get(indication.action_id)
        if action is None:
            self._ignore("unknown_action")
            return
        self.book.heard(meid, self.now_s())
        self.metrics.indications.labels(meid).inc()
        self._show(meid, list(readings(meid, action, indication.message)))

    def _show(self, meid: str, found: list[Reading]) -> None:
        without = sum(reading.value is None for reading in found)
        self.metrics.readings.labels(meid).inc(len(found) - without)
        self.metrics.readings_without_value.labels(meid).inc(without)
        self.series.take(found)
        self.fresh.add(meid)

    def _ignore(self, reason: str) -> None:
        self.metrics.indications_ignored.labels(reason).inc()
