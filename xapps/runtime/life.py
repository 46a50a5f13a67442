"""The life of one xApp process on the platform: what starts in which order, what is done again and again, how it ends.

HTTP before anything that is answered over HTTP; registration before subscriptions, since RtMgr makes routes only to
registered xApps; chores of the xApp itself after both.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from oran.errors import PlatformError, SuiteError
from oran.platform.app_manager import AppManagerClient, Registration
from oran.platform.subscriptions import ClientEndpoint
from xapps.runtime.discovery import Discovery
from xapps.runtime.framework import Framework
from xapps.runtime.http import HttpServer
from xapps.runtime.metrics import PlatformMetrics
from xapps.runtime.platform_settings import PlatformSettings
from xapps.runtime.registration import Registrar

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Worker:
    """A thread of the xApp's own."""

    name: str
    run: Callable[[], None]
    stop: Callable[[], None]


@dataclass
class Life:
    """Runs one xApp until ``end``.

    Attributes:
        chores: steps by name, taken in every round once the xApp is registered and its nodes are looked after.
        workers: threads that run from the start to the end.
    """

    settings: PlatformSettings
    framework: Framework
    registrar: Registrar
    discovery: Discovery[Any]
    http: HttpServer
    metrics: PlatformMetrics
    chores: Sequence[tuple[str, Callable[[], object]]] = ()
    workers: Sequence[Worker] = ()
    _stop: threading.Event = field(default_factory=threading.Event)
    _healthy: bool = False
    _failing: dict[str, str] = field(default_factory=dict)
    """Operation -> what it failed with last."""

    def run(self) -> None:
        """Serve until ``end``; then leave the platform as it was found."""
        self.http.start()
        threading.Thread(target=self._keep_in_touch, name="platform", daemon=True).start()
        for worker in self.workers:
            threading.Thread(target=worker.run, name=worker.name, daemon=True).start()
        gc.collect()
        gc.freeze()  # what exists now lives as long as the process: no full collection walks it in mid-decision
        self.framework.serve()
        self._leave()

    def end(self) -> None:
        """Let ``run`` return; safe in a signal handler."""
        self._stop.set()
        self.framework.end()

    def _leave(self) -> None:
        """Unsubscribe and deregister, within the time allowed."""
        self._stop.set()
        for worker in self.workers:
            worker.stop()
        leaving = threading.Thread(target=self._say_goodbye, name="leaving", daemon=True)
        leaving.start()
        leaving.join(self.settings.stop_timeout_s)
        if leaving.is_alive():
            log.warning("the platform did not answer in time; left without a word")
        self.http.close()

    def _say_goodbye(self) -> None:
        self.discovery.stop()
        try:
            self.registrar.end()
        except PlatformError as error:
            log.warning("not deregistered: %s", error)

    # --- the worker that keeps in touch with the platform -------------------------------------------

    def _keep_in_touch(self) -> None:
        while not self._stop.is_set():
            self._survived("health", self._check_health)
            if self._survived("register", self.registrar.ensure):
                self._survived("discover", self.discovery.tick)
                for operation, chore in self.chores:
                    self._survived(operation, chore)
            self._stop.wait(self.settings.poll_period_s)

    def _check_health(self) -> None:
        was_healthy = self._healthy
        self._healthy = self.framework.check_health()
        if self._healthy and not was_healthy:
            self.discovery.rewrite_ledger()

    def _survived(self, operation: str, step: Callable[[], object]) -> bool:
        """Whether a step succeeded; a failure is counted, logged when it is a new one, and tried again next round."""
        try:
            step()
        except SuiteError as error:
            if self._failing.get(operation) != str(error):
                log.warning("%s: %s", operation, error)
            self._failing[operation] = str(error)
        except Exception:
            log.exception("%s failed", operation)
        else:
            if self._failing.pop(operation, None) is not None:
                log.info("%s: works again", operation)
            return True
        self.metrics.platform_errors.labels(operation).inc()
        return False


def registrar(
    settings: PlatformSettings, metrics: PlatformMetrics, on_registered: Callable[[], None] = lambda: None
) -> Registrar:
    """The registration that the settings describe."""
    registration = Registration(
        app_name=settings.name,
        instance_name=settings.instance,
        http_endpoint=settings.http_endpoint,
        rmr_endpoint=settings.rmr_endpoint,
        app_version=settings.version,
        config=settings.registered_config,
    )
    client = AppManagerClient(settings.app_manager_url, timeout_s=settings.platform_timeout_s)
    return Registrar(client, registration, metrics, on_registered)


def client_endpoint(settings: PlatformSettings) -> ClientEndpoint:
    """Where the subscription manager finds this xApp."""
    return ClientEndpoint(host=settings.http_name, http_port=settings.http_port, rmr_port=settings.rmr_port)
