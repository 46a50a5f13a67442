"""What our two A1 policy types do: choose the allocator and its model, or try one, and choose how nodes report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from oran.e2sm.rrm import EventTrigger
from oran.errors import DecodeError, DigestMismatch, ModelRejected
from oran.platform.a1 import ModelPolicy, ReportingPolicy
from oran.platform.a1_messages import PolicyRequest
from xapps import allocators
from xapps.runtime import model_slot
from xapps.runtime.discovery import Discovery
from xapps.runtime.metrics import Metrics
from xapps.runtime.model_file import ModelFile
from xapps.runtime.model_slot import ModelSlot, RecentReports, Serving
from xapps.runtime.settings import CLOCKS
from xapps.runtime.signatures import SignatureRefused, Trust
from xapps.runtime.trial import Trials

Fetch = Callable[[str, str, int], ModelFile]
"""(store or empty, name, version) -> model; raises ModelError or TransportError."""


@dataclass
class ModelEnforcer:
    """Fetch, verify, build, self-test, swap. Any failure leaves what serves.

    With guard rules in the policy what serves from then on is watched against what was delivered before.

    Attributes:
        latency_bound_s: longest median decision allowed now [s].
        trust: whose signatures a model needs.
    """

    slot: ModelSlot
    recent: RecentReports
    fetch: Fetch
    latency_bound_s: Callable[[], float]
    metrics: Metrics
    trials: Trials
    trust: Trust = field(default_factory=Trust)

    def enforce(self, request: PolicyRequest) -> None:
        """Let the policy's allocator serve.

        Raises:
            SuiteError: DecodeError (not such a policy), ConfigError (no such allocator), ModelNotFound,
                DigestMismatch, ModelRejected, ConnectFailed (store).
        """
        policy = ModelPolicy.from_json(request.payload())
        with self.refusal_counted():
            candidate, before = self.candidate(policy), self.trials.baselines()
            self._install(candidate)
        self.metrics.model_swaps.labels("swapped").inc()
        if policy.guard is not None:
            self.trials.watch(candidate, policy.guard, before)

    def withdraw(self) -> None:
        """Back to the initial allocator."""
        self.slot.reset()

    def candidate(self, policy: ModelPolicy) -> Serving:
        """What a policy names, built; raises as ``enforce`` does."""
        if policy.model is None or policy.version is None:
            return Serving(allocators.build(policy.allocator))
        model = self.fetch(policy.store or "", policy.model, policy.version).verify()
        manifest = model.manifest
        if manifest.sha256 != policy.sha256:
            raise DigestMismatch(f"{policy.model} {policy.version} has SHA-256 {manifest.sha256}, not {policy.sha256}")
        if (manifest.name, manifest.version) != (policy.model, policy.version):
            raise ModelRejected(f"{policy.model} {policy.version} is {manifest.name} {manifest.version}")
        signed_by = self._vouched_for(model)
        if manifest.allocator != policy.allocator:
            raise ModelRejected(f"{policy.model} is a model of {manifest.allocator}, not of {policy.allocator}")
        return replace(model_slot.build(model), signed_by=signed_by)

    def _vouched_for(self, model: ModelFile) -> str:
        """Id of the key that vouches for a model, empty where none need; raises SignatureRefused."""
        try:
            signed_by = self.trust.check(model)
        except SignatureRefused as refused:
            self.metrics.model_signatures.labels(refused.verdict).inc()
            raise
        self.metrics.model_signatures.labels("trusted" if signed_by else "not_required").inc()
        return signed_by

    def needs_test(self, candidate: Serving) -> bool:
        """Our own code, nothing learned, may serve before the first report."""
        return candidate.manifest is not None or bool(self.recent.snapshot())

    def _install(self, candidate: Serving) -> None:
        if self.needs_test(candidate):
            self.slot.install(candidate, self.recent.snapshot(), self.latency_bound_s())
        else:
            self.slot.swap(candidate)

    @contextmanager
    def refusal_counted(self) -> Iterator[None]:
        """A step that may refuse a model."""
        try:
            yield
        except Exception:
            self.metrics.model_swaps.labels("refused").inc()
            raise


@dataclass
class TrialModelEnforcer:
    """What model policies in mode ``shadow`` or ``canary`` do; what serves goes on serving."""

    models: ModelEnforcer

    def takes(self, request: PolicyRequest) -> bool:
        """Whether a policy puts a model on trial; one that is no policy is not taken, and refused as any other."""
        try:
            return ModelPolicy.from_json(request.payload()).on_trial
        except DecodeError:
            return False

    def enforce(self, request: PolicyRequest) -> None:
        """Put the policy's allocator on trial. Raises: SuiteError, as ``ModelEnforcer`` does."""
        policy, models = ModelPolicy.from_json(request.payload()), self.models
        with models.refusal_counted():
            candidate = models.candidate(policy)
            if models.needs_test(candidate):
                reports, bound_s = models.recent.snapshot(), models.latency_bound_s()
                model_slot.self_test(candidate.allocator, reports, bound_s, models.slot.now_s)
        models.trials.begin(candidate, policy)

    def withdraw(self) -> None:
        """No model is on trial any more."""
        self.models.trials.end()


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
