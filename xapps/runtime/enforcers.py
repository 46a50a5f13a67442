"""What our two A1 policy types do: choose the allocator and its model, and choose how nodes report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from oran.e2sm.rrm import EventTrigger
from oran.errors import DigestMismatch, ModelRejected
from oran.platform.a1 import ModelPolicy, ReportingPolicy
from oran.platform.a1_messages import PolicyRequest
from xapps import allocators
from xapps.runtime import model_slot
from xapps.runtime.discovery import Discovery
from xapps.runtime.metrics import Metrics
from xapps.runtime.model_file import ModelFile
from xapps.runtime.model_slot import ModelSlot, RecentReports, Serving
from xapps.runtime.settings import CLOCKS

Fetch = Callable[[str, str, int], ModelFile]
"""(store or empty, name, version) -> model; raises ModelError or TransportError."""


@dataclass
class ModelEnforcer:
    """Fetch, verify, build, self-test, swap. Any failure leaves what serves.

    Attributes:
        latency_bound_s: longest median decision allowed now [s].
    """

    slot: ModelSlot
    recent: RecentReports
    fetch: Fetch
    latency_bound_s: Callable[[], float]
    metrics: Metrics

    def enforce(self, request: PolicyRequest) -> None:
        """Let the policy's allocator serve.

        Raises:
            SuiteError: DecodeError (not such a policy), ConfigError (no such allocator), ModelNotFound,
                DigestMismatch, ModelRejected, ConnectFailed (store).
        """
        policy = ModelPolicy.from_json(request.payload())
        try:
            self._install(self._candidate(policy))
        except Exception:
            self.metrics.model_swaps.labels("refused").inc()
            raise
        self.metrics.model_swaps.labels("swapped").inc()

    def withdraw(self) -> None:
        """Back to the initial allocator."""
        self.slot.reset()

    def _candidate(self, policy: ModelPolicy) -> Serving:
        if policy.model is None or policy.version is None:
            return Serving(allocators.build(policy.allocator))
        model = self.fetch(policy.store or "", policy.model, policy.version).verify()
        manifest = model.manifest
        if manifest.sha256 != policy.sha256:
            raise DigestMismatch(f"{policy.model} {policy.version} has SHA-256 {manifest.sha256}, not {policy.sha256}")
        if manifest.allocator != policy.allocator:
            raise ModelRejected(f"{policy.model} is a model of {manifest.allocator}, not of {policy.allocator}")
        return model_slot.build(model)

    def _install(self, candidate: Serving) -> None:
        reports = self.recent.snapshot()
        if not reports and candidate.manifest is None:
            self.slot.swap(candidate)  # our own code, nothing learned: needs no trial
        else:
            self.slot.install(candidate, reports, self.latency_bound_s())


@dataclass
class ReportingEnforcer:
    """Subscribe with another clock or period.

    Attributes:
        default: clock and period of the settings, for when there is no policy.
    """

    discovery: Discovery
    default: EventTrigger

    def enforce(self, request: PolicyRequest) -> None:
        """Change the subscriptions.

        Raises:
            SuiteError: DecodeError (not such a policy) or PlatformError (a node or the platform refuses).
        """
        policy = ReportingPolicy.from_json(request.payload())
        self.discovery.change_reporting(EventTrigger(CLOCKS[policy.clock], policy.period_ms))

    def withdraw(self) -> None:
        """Back to the settings. Raises: PlatformError."""
        self.discovery.change_reporting(self.default)
