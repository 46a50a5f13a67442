"""Policies of one xApp with a slot, a store and an outgoing side that tests hold."""

from __future__ import annotations

import json
from typing import Any

import torch
from safetensors.torch import save

from oran.e2sm.rrm import Clock, EventTrigger
from oran.errors import ConnectFailed, ModelNotFound, PlatformError
from oran.platform.a1_messages import decode_policy_response
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from tests.xapps.runtime.doubles import FixedAllocator, Outgoing, Ticking, make_allocation, make_report
from xapps.runtime.enforcers import ModelEnforcer, ReportingEnforcer, TrialModelEnforcer
from xapps.runtime.metrics import Metrics
from xapps.runtime.model_file import ModelFile
from xapps.runtime.model_slot import ModelSlot, RecentReports, Serving
from xapps.runtime.policies import Policies
from xapps.runtime.trial import Trials

MODEL, REPORTING = 20100, 20101
DEFAULT = EventTrigger(Clock.FREE_RUNNING, 20)
GOOD = ModelFile.pack(save({"w": torch.zeros(2)}), name="cell", version=3, allocator="learned")
NARROW = ModelFile.pack(save({"w": torch.ones(2)}), name="narrow", version=1, allocator="learned")


class Learned:
    """A learned allocator; the model named "narrow" has the wrong output shape."""

    name = "learned"

    def __init__(self, model: ModelFile) -> None:
        self.narrow = model.manifest.name == "narrow"

    @classmethod
    def from_model(cls, model: ModelFile) -> Learned:
        return cls(model)

    def decide(self, report):
        return make_allocation(make_report(prbs=3) if self.narrow else report)


class Reporting:
    """The part of Discovery that a reporting policy uses."""

    def __init__(self) -> None:
        self.trigger = DEFAULT
        self.refuse = False

    def change_reporting(self, trigger: EventTrigger) -> None:
        if self.refuse:
            raise PlatformError("the node reports every 10..100 ms")
        self.trigger = trigger


class Bench:
    """Policies with a slot, a store and an outgoing side."""

    def __init__(self, with_report: bool = True) -> None:
        self.out, self.metrics, self.reporting = Outgoing(), Metrics(), Reporting()
        self.slot = ModelSlot(Serving(FixedAllocator("equal")), Ticking())
        self.recent = RecentReports(4)
        if with_report:
            self.recent.add("gnb", make_report())
        self.stored: dict[tuple[str, int], ModelFile] = {("cell", 3): GOOD, ("narrow", 1): NARROW}
        self.fetched: list[tuple[str, str, int]] = []
        self.store_is_up = True
        self.trials = Trials(self.slot, self.metrics)
        model = ModelEnforcer(self.slot, self.recent, self.fetch, lambda: 0.02, self.metrics, self.trials)
        reporting = ReportingEnforcer(self.reporting, DEFAULT)  # type: ignore[arg-type]
        trials = {MODEL: TrialModelEnforcer(model)}
        self.policies = Policies({MODEL: model, REPORTING: reporting}, "ssvae", self.out, self.metrics, trials=trials)

    def fetch(self, store: str, name: str, version: int) -> ModelFile:
        self.fetched.append((store, name, version))
        if not self.store_is_up:
            raise ConnectFailed("model store: UNAVAILABLE")
        if (name, version) not in self.stored:
            raise ModelNotFound(f"{name} {version}")
        return self.stored[name, version]

    def request(self, payload: Any, instance: str = "one", kind: int = MODEL, operation: str = "CREATE") -> None:
        """One policy request as the mediator sends it, handled to the end."""
        text = payload if isinstance(payload, str) else json.dumps(payload)
        body = {"operation": operation, "policy_type_id": str(kind), "policy_instance_id": instance, "payload": text}
        self.policies.submit(RmrMessage(MessageType.A1_POLICY_REQ, json.dumps(body).encode(), kind))
        self.policies.run_pending()

    @property
    def answers(self) -> list[tuple[str, str]]:
        messages = self.out.of_type(MessageType.A1_POLICY_RESP)
        decoded = [decode_policy_response(message.payload) for message in messages]
        return [(answer.policy_instance_id, str(answer.status)) for answer in decoded]

    @property
    def reason(self) -> str:
        return self.policies.records()[-1].reason


def reference(stored: ModelFile = GOOD, **changes: Any) -> dict[str, Any]:
    manifest = stored.manifest
    body = {"allocator": "learned", "model": manifest.name, "version": manifest.version, "sha256": manifest.sha256}
    return body | changes
