"""One KPI monitor: what it is built of. How it lives on the platform stands in ``xapps/runtime/life.py``."""

from __future__ import annotations

import time

from oran.platform.node_inventory import NodeInventoryClient
from oran.platform.subscriptions import SubscriptionClient
from oran.rmr.wire import RmrMessage
from xapps.kpimon.actions import Wishes
from xapps.kpimon.archive import Archive
from xapps.kpimon.asking import KpmAsking
from xapps.kpimon.metrics import Metrics
from xapps.kpimon.monitor import Monitor
from xapps.kpimon.series import Series
from xapps.kpimon.settings import Reporting, Settings
from xapps.runtime.discovery import Discovery
from xapps.runtime.framework import Framework
from xapps.runtime.http import HttpServer, Response
from xapps.runtime.ledger import SubscriptionLedger
from xapps.runtime.life import Life, client_endpoint, registrar
from xapps.runtime.notifications import NotificationBox
from xapps.runtime.platform_routes import platform_routes
from xapps.runtime.subscription_book import SubscriptionBook


class KpimonProcess:
    """Everything of one KPI monitor, wired together. ``build`` of ``__main__`` prepares its surroundings."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.book: SubscriptionBook[Reporting] = SubscriptionBook()
        self.series = Series(settings.max_series, settings.stale_s, time.monotonic, self.metrics.readings_dropped)
        self.metrics.registry.register(self.series)
        self.asking = KpmAsking(
            endpoint=client_endpoint(settings),
            oids=settings.ran_function_oids,
            wishes=Wishes(settings.measurements, settings.snssais, settings.max_cells),
            timeout_s=settings.subscription_timeout_s,
            watchdog_s=settings.watchdog_s,
        )
        self.monitor = Monitor(self.book, self.asking.plans, self.series, self.metrics, time.monotonic)
        self.framework = Framework(
            settings.rmr_port, self._deliver, max_queue=settings.max_queue, on_drop=self.metrics.messages_dropped.inc
        )
        self.archive = Archive(self.framework.database, settings.sdl_namespace, self.series, self.metrics, time.time)
        self.discovery = self._discovery()
        self.registrar = registrar(settings, self.metrics)
        self.life = Life(
            settings=settings,
            framework=self.framework,
            registrar=self.registrar,
            discovery=self.discovery,
            http=self._http(),
            metrics=self.metrics,
            chores=[("write SDL", lambda: self.archive.write(self.monitor.fresh))],
        )

    def run(self) -> None:
        """Serve until ``end``; then leave the platform as it was found."""
        self.life.run()

    def end(self) -> None:
        """Let ``run`` return; safe in a signal handler."""
        self.life.end()

    def _deliver(self, messages: list[RmrMessage]) -> None:
        self.monitor.on_messages(messages)

    def _discovery(self) -> Discovery[Reporting]:
        settings = self.settings
        return Discovery(
            nodes=NodeInventoryClient(settings.node_manager_url, timeout_s=settings.platform_timeout_s),
            subscriptions=SubscriptionClient(settings.subscription_manager_url, timeout_s=settings.platform_timeout_s),
            notifications=NotificationBox(),
            ledger=SubscriptionLedger(self.framework.database, settings.instance),
            book=self.book,
            metrics=self.metrics,
            wanted=self.asking,
            trigger=settings.reporting,
            now_s=time.monotonic,
            on_gone=self._gone,
        )

    def _gone(self, meid: str) -> None:
        """A node has left: its values are those of nobody."""
        self.asking.plans.pop(meid, None)
        self.series.forget(meid)
        self.monitor.fresh.discard(meid)
        self.archive.gone(meid)

    def _http(self) -> HttpServer:
        settings = self.settings
        routes = platform_routes(
            settings,
            exposition=self.metrics.exposition,
            notified=self.discovery.notifications.post,
            alive=lambda: self.framework.alive,
            ready=lambda: self.registrar.registered,
        )
        routes["GET", "/ric/v1/state"] = self._state
        return HttpServer(routes, settings.bind_host, settings.http_port)

    def _state(self, body: bytes) -> Response:
        subscriptions = [
            {
                "meid": entry.meid,
                "ran_function_id": entry.ran_function_id,
                "instance_id": entry.instance_id,
                "period_ms": entry.trigger.period_ms,
                "granularity_ms": entry.trigger.granularity_ms,
            }
            for entry in self.book.all()
        ]
        return Response.json(
            {
                "name": self.settings.name,
                "version": self.settings.version,
                "registered": self.registrar.registered,
                "subscriptions": subscriptions,
                "series": len(self.series),
            }
        )
