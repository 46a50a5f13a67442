"""Settings of an xApp that decides; those that every xApp has are in ``platform_settings``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from oran.e2sm.rrm import OID, Clock, EventTrigger, ReportGroup
from oran.errors import ConfigError
from xapps.runtime.platform_settings import CHART_VARIABLES, PlatformSettings, load_as, prepare_environment
from xapps.runtime.signatures import Trust

__all__ = ["CHART_VARIABLES", "CLOCKS", "Settings", "load", "prepare_environment"]

CLOCKS = {"free-running": Clock.FREE_RUNNING, "lock-step": Clock.LOCK_STEP}
"""Names of the clocks in settings and in A1 policies."""


class Settings(PlatformSettings):
    """Settings of one xApp process that runs an allocator."""

    # --- what we ask for and obey
    ran_function_oid: str = OID
    """Service model to look for in the nodes."""
    clock: Literal["free-running", "lock-step"] = "free-running"
    period_ms: int = Field(default=20, ge=1)
    """Report period; in lock-step the simulated time of a step [ms]."""
    report_groups: tuple[Literal["channel", "queues", "decision", "kpi"], ...] = ("channel", "queues", "kpi")
    max_fragment_bytes: int = Field(default=0, ge=0)
    """Largest fragment of a report; 0 leaves it to the node [bytes]."""
    insert_wait: Literal["w100ms", "w200ms", "w500ms", "w1s", "w2s", "w5s", "w10s"] = "w2s"
    """How long a node in lock-step waits for its control (RICtimeToWait)."""
    model_policy_type: int = Field(default=20100, ge=1, lt=2**31)
    """A1 policy type that names the allocator and its model."""
    reporting_policy_type: int = Field(default=20101, ge=1, lt=2**31)
    """A1 policy type that sets the clock and the period."""
    demands_policy_type: int | None = Field(default=None, ge=1, lt=2**31)
    """A1 policy type of utility demands; none: minimum rates are those that the node reports."""
    demands_window: int = Field(default=500, ge=1)
    """Reports over which rates are averaged before demands are called met or missed."""
    demands_tolerance_ratio: float = Field(default=0.05, ge=0, lt=1)
    """Share by which an average rate may fall short of its demand."""

    # --- how we decide
    allocator: str = "equal"
    """Allocator that serves until a policy names another."""
    decision_deadline_ms: float = Field(default=20.0, gt=0)
    """A free-running decision that takes longer is counted as late; a model that does is refused [ms]."""
    max_report_age_ms: float = Field(default=1000.0, ge=0)
    """A free-running report that comes so much later than those before it is answered by the last safe decision; 0:
    none is [ms]."""
    max_consecutive_failures: int = Field(default=3, ge=1)
    """Decisions that may fail in a row before the previous model is put back."""
    recent_reports: int = Field(default=8, ge=1)
    """Reports of each node kept for the self-test of a new model."""
    shadow_queue: int = Field(default=16, ge=1)
    """Reports that may wait for a model in the shadow; further ones are dropped and counted."""
    shadow_in: Literal["process", "thread"] = "process"
    """Where it decides: a process of its own (about 100 MB), or a thread of this one, which slows it down."""
    shadow_deadline_s: float = Field(default=5.0, gt=0)
    """A decision in the shadow that takes longer costs its process its life [s]."""
    preload: tuple[str, ...] = ()
    """Learned allocators whose code is imported at the start, so that the first model need not wait for it."""
    threads: int = Field(default=1, ge=1)
    """Of the linear algebra: small networks gain nothing from more, which only fight for the cores."""
    experience_target: str = Field(default="", pattern="^([^:/ ]+:[0-9]+)?$")
    """gRPC endpoint of the rApp that takes experience; empty: none is sent."""
    experience_share: float = Field(default=1.0, gt=0, le=1)
    """Probability with which a decision and its outcome are sent."""
    experience_queue: int = Field(default=1024, ge=1)
    """Transitions that may wait to be sent; the oldest are dropped and counted."""
    experience_queue_bytes: int = Field(default=64 * 1024 * 1024, ge=1)
    """Memory that they may hold, about."""
    model_store: str = ""
    """gRPC endpoint of the model store, for policies that name none."""
    trusted_keys: tuple[str, ...] = ()
    """Public keys whose signatures vouch for models, as ``ed25519:<base64>``."""
    require_signature: bool = False
    """Refuse models that none of them signed."""
    model_store_timeout_s: float = Field(default=10.0, gt=0)
    max_model_bytes: int = Field(default=64 * 1024 * 1024, gt=0)
    policy_query_s: float = Field(default=30.0, gt=0)
    """Longest interval between two queries for the policies in force."""

    @model_validator(mode="after")
    def _distinct_policy_types(self) -> Self:
        if len(set(self.policy_types)) != len(self.policy_types):
            raise ConfigError("reporting_policy_type", self.policy_types, "policy types must differ")
        return self

    @model_validator(mode="after")
    def _keys_can_be_used(self) -> Self:
        Trust.of(self.trusted_keys, required=self.require_signature)
        return self

    @property
    def trust(self) -> Trust:
        """Whose signatures a model needs."""
        return Trust.of(self.trusted_keys, required=self.require_signature)

    @property
    def numeric_threads(self) -> int:
        return self.threads

    @property
    def policy_types(self) -> tuple[int, ...]:
        """Ids of the A1 policy types that this xApp handles."""
        types = (self.model_policy_type, self.reporting_policy_type, self.demands_policy_type)
        return tuple(each for each in types if each is not None)

    @property
    def event_trigger(self) -> EventTrigger:
        return EventTrigger(CLOCKS[self.clock], self.period_ms)

    @property
    def insert_wait_s(self) -> float:
        number = self.insert_wait.strip("wms")
        return float(number) * (1e-3 if self.insert_wait.endswith("ms") else 1.0)

    @property
    def groups(self) -> tuple[ReportGroup, ...]:
        return tuple(ReportGroup[name.upper()] for name in self.report_groups)


def load(arguments: Sequence[str] = (), **overrides: Any) -> Settings:
    """Settings from the command line, the environment and the descriptor.

    Raises:
        ConfigError: a value is missing or wrong; names the field.
    """
    return load_as(Settings, arguments, **overrides)
