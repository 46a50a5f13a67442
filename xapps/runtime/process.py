"""One xApp that decides: what it is built of. How it lives on the platform stands in ``life.py``."""

from __future__ import annotations

import time
import uuid

import numpy as np

from oran.e2sm.rrm import Clock, EventTrigger
from oran.errors import ModelError
from oran.platform.node_inventory import NodeInventoryClient
from oran.platform.subscriptions import SubscriptionClient, WaitTime
from oran.rmr.wire import RmrMessage
from xapps import allocators
from xapps.runtime.app import App
from xapps.runtime.deciding import Decider
from xapps.runtime.demands import Demands, DemandsEnforcer
from xapps.runtime.discovery import Discovery
from xapps.runtime.endpoints import Endpoints
from xapps.runtime.enforcers import ModelEnforcer, ReportingEnforcer, TrialModelEnforcer
from xapps.runtime.experience import ExperienceMetrics, Outbox, Recorder
from xapps.runtime.experience_stream import ExperienceStream
from xapps.runtime.framework import Framework
from xapps.runtime.http import HttpServer
from xapps.runtime.inputs import Ages, Inputs
from xapps.runtime.ledger import SubscriptionLedger
from xapps.runtime.life import Life, Worker, client_endpoint, registrar
from xapps.runtime.metrics import Metrics
from xapps.runtime.model_file import ModelFile
from xapps.runtime.model_slot import ModelSlot, RecentReports, Serving
from xapps.runtime.model_store import ModelStoreClient
from xapps.runtime.notifications import NotificationBox
from xapps.runtime.policies import Enforcer, Policies, Role
from xapps.runtime.radio_reports import Wanted
from xapps.runtime.settings import Settings
from xapps.runtime.shadow import Beside, Partner
from xapps.runtime.shadow_process import ShadowProcess
from xapps.runtime.subscription_book import SubscriptionBook
from xapps.runtime.trial import Trials


class XappProcess:
    """Everything of one xApp, wired together. ``prepare`` of ``__main__`` must have run before."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.recent = RecentReports(settings.recent_reports)
        self.book: SubscriptionBook[EventTrigger] = SubscriptionBook()
        self.slot = ModelSlot(
            Serving(allocators.build(settings.allocator)), time.monotonic, settings.max_consecutive_failures
        )
        self.trials = Trials(self.slot, self.metrics, self._partner, max_waiting=settings.shadow_queue)
        self.framework = Framework(
            settings.rmr_port,
            self._deliver,
            max_queue=settings.max_queue,
            on_drop=self.metrics.messages_dropped.inc,
        )
        self._queries = _Schedule(first_s=0.5, last_s=settings.policy_query_s)
        self.registrar = registrar(settings, self.metrics, lambda: self._queries.restart(time.monotonic()))
        self.discovery = self._discovery()
        self.demands = self._demands()
        self.policies = self._policies()
        inputs = Inputs(self.metrics, Ages(settings.max_report_age_ms * 1e-3))
        self.decider = Decider(self.slot, self.trials, self.metrics, inputs, self.demands)
        self.recorder = self._recorder()
        self.app = self._app()
        self.http = HttpServer(self._endpoints().routes(), settings.bind_host, settings.http_port)
        self.life = Life(
            settings=settings,
            framework=self.framework,
            registrar=self.registrar,
            discovery=self.discovery,
            http=self.http,
            metrics=self.metrics,
            chores=[("query policies", self._query_policies)],  # after the routes that the query needs
            workers=[
                Worker("policies", self.policies.run, self.policies.stop),
                Worker("shadow", self.trials.background.run, self.trials.stop),
                *self._experience_workers(),
            ],
        )

    def run(self) -> None:
        """Serve until ``end``; then leave the platform as it was found."""
        self.life.run()

    def end(self) -> None:
        """Let ``run`` return; safe in a signal handler."""
        self.life.end()

    def _query_policies(self) -> None:
        if self._queries.due(time.monotonic()):
            self.policies.query()

    # --- wiring ---------------------------------------------------------------------------------------

    def _deliver(self, messages: list[RmrMessage]) -> None:
        self.app.on_messages(messages)

    def _app(self) -> App:
        self.slot.on_roll_back = lambda reason: self.policies.lost(self.settings.model_policy_type, reason)
        self.trials.on_stopped = lambda reason: self.policies.lost(self.settings.model_policy_type, reason, Role.TRIAL)
        self.recent.on_first = lambda: self.policies.retry(self.settings.model_policy_type)
        return App(
            decider=self.decider,
            recent=self.recent,
            book=self.book,
            metrics=self.metrics,
            send=self.framework.send,
            on_policy=self.policies.submit,
            now_s=time.monotonic,
            deadline_s=self.settings.decision_deadline_ms * 1e-3,
            experience=self.recorder,
        )

    def _partner(self, candidate: Serving) -> Partner:
        """Where a model in the shadow decides."""
        if self.settings.shadow_in == "thread":
            return Beside(candidate)
        return ShadowProcess(
            candidate,
            deadline_s=self.settings.shadow_deadline_s,
            on_end=lambda cause: self.metrics.shadow_processes_ended.labels(cause).inc(),
            rng=np.random.default_rng(),
        )

    def _recorder(self) -> Recorder | None:
        """For xApps that are told where experience goes."""
        settings = self.settings
        if not settings.experience_target:
            return None
        outbox = Outbox(settings.experience_queue, settings.experience_queue_bytes)
        metrics = ExperienceMetrics(self.metrics)
        return Recorder(outbox, metrics, share=settings.experience_share, rng=np.random.default_rng())

    def _experience_workers(self) -> list[Worker]:
        if self.recorder is None:
            return []
        stream = ExperienceStream(
            self.settings.experience_target,
            self.recorder,
            stream_id=f"{self.settings.instance}-{uuid.uuid4().hex}",
            xapp=self.settings.instance,
            rng=np.random.default_rng(),
        )
        return [Worker("experience", stream.run, stream.stop)]

    def _discovery(self) -> Discovery[EventTrigger]:
        settings = self.settings
        return Discovery(
            nodes=NodeInventoryClient(settings.node_manager_url, timeout_s=settings.platform_timeout_s),
            subscriptions=SubscriptionClient(settings.subscription_manager_url, timeout_s=settings.platform_timeout_s),
            notifications=NotificationBox(),
            ledger=SubscriptionLedger(self.framework.database, settings.instance),
            book=self.book,
            metrics=self.metrics,
            wanted=Wanted(
                endpoint=client_endpoint(settings),
                oid=settings.ran_function_oid,
                groups=settings.groups,
                insert_wait=WaitTime(settings.insert_wait),
                max_fragment_bytes=settings.max_fragment_bytes,
                timeout_s=settings.subscription_timeout_s,
                watchdog_s=settings.watchdog_s,
            ),
            trigger=settings.event_trigger,
            now_s=time.monotonic,
            on_gone=self._gone,
        )

    def _policies(self) -> Policies:
        settings = self.settings
        model = ModelEnforcer(
            self.slot, self.recent, self._fetch, self._latency_bound_s, self.metrics, self.trials, settings.trust
        )
        reporting = ReportingEnforcer(self.discovery, settings.event_trigger)
        enforcers: dict[int, Enforcer] = {settings.model_policy_type: model, settings.reporting_policy_type: reporting}
        if self.demands is not None and settings.demands_policy_type is not None:
            enforcers[settings.demands_policy_type] = DemandsEnforcer(self.demands, self.slot, self.recent)
        trials = {settings.model_policy_type: TrialModelEnforcer(model)}
        return Policies(enforcers, settings.name, self.framework.send, self.metrics, trials=trials)

    def _demands(self) -> Demands | None:
        """For xApps whose descriptor names a policy type of utility demands."""
        settings = self.settings
        policy_type = settings.demands_policy_type
        if policy_type is None:
            return None
        return Demands(
            self.metrics,
            window=settings.demands_window,
            tolerance=settings.demands_tolerance_ratio,
            on_verdict=lambda reason: self.policies.judged(policy_type, reason),
        )

    def _gone(self, meid: str) -> None:
        """A node has left: nothing that is remembered of it holds any more."""
        self.recent.forget(meid)
        self.decider.forget(meid)
        if self.recorder is not None:
            self.recorder.forget(meid)

    def _endpoints(self) -> Endpoints:
        return Endpoints(
            settings=self.settings,
            slot=self.slot,
            recent=self.recent,
            policies=self.policies,
            discovery=self.discovery,
            metrics=self.metrics,
            alive=lambda: self.framework.alive,
            ready=lambda: self.registrar.registered,
        )

    def _fetch(self, store: str, name: str, version: int) -> ModelFile:
        settings = self.settings
        target = store or settings.model_store
        if not target:
            raise ModelError("the policy names no model store, and no model_store is set")
        limit = settings.max_model_bytes
        with ModelStoreClient(target, timeout_s=settings.model_store_timeout_s, max_model_bytes=limit) as client:
            return client.get(name, version)

    def _latency_bound_s(self) -> float:
        """Free-running decisions must meet their deadline; in lock-step the node waits."""
        if self.discovery.trigger.clock is Clock.LOCK_STEP:
            return self.settings.insert_wait_s
        return self.settings.decision_deadline_ms * 1e-3


class _Schedule:
    """Points in time ever further apart, from ``first_s`` to ``last_s`` [s]; ``restart`` begins anew."""

    def __init__(self, first_s: float, last_s: float) -> None:
        self._first_s, self._last_s = first_s, last_s
        self.restart(0.0)

    def restart(self, now_s: float) -> None:
        self._step_s = self._first_s
        self._next_s = now_s + self._step_s

    def due(self, now_s: float) -> bool:
        """Whether a point has passed since the last call that said so."""
        if now_s < self._next_s:
            return False
        self._step_s = min(2.0 * self._step_s, self._last_s)
        self._next_s = now_s + self._step_s
        return True
