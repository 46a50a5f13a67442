"""Publishing a version through A1, against a mediator made of a dictionary."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from oran.errors import PlatformError
from oran.platform.a1 import PolicyStatus, PolicyType
from rapp.a1_publisher import A1Publisher

TYPE_ID = 20100


@dataclass
class Mediator:
    """Answers each status question with the next of ``answers``, the last one for ever."""

    answers: list[PolicyStatus | None]
    types: list[int] = field(default_factory=list)
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)

    def ensure_policy_type(self, policy_type: PolicyType) -> None:
        self.types.append(policy_type.policy_type_id)

    def policy_ids(self, policy_type_id: int) -> list[str]:
        return list(self.policies)

    def put_policy(self, policy_type_id: int, policy_id: str, policy: dict[str, Any]) -> None:
        assert policy_type_id in self.types
        self.policies[policy_id] = policy

    def delete_policy(self, policy_type_id: int, policy_id: str) -> None:
        del self.policies[policy_id]

    def policy_status(self, policy_type_id: int, policy_id: str) -> PolicyStatus:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            raise PlatformError("no such instance", 404)
        return answer


ENFORCED = PolicyStatus(enforce_status="ENFORCED", enforce_reason="")
PENDING = PolicyStatus(enforce_status="NOT_ENFORCED", enforce_reason="OTHER_REASON")
REFUSED = PolicyStatus(enforce_status="NOT_ENFORCED", enforce_reason="STATEMENT_NOT_APPLICABLE")


class Clock:
    """Time that passes only in pauses."""

    def __init__(self) -> None:
        self.now = 0.0

    def pause(self, seconds: float) -> None:
        self.now += seconds


def publisher(mediator: Mediator, timeout_s: float = 10.0) -> A1Publisher:
    clock = Clock()
    return A1Publisher(mediator, "store:50051", timeout_s=timeout_s, now_s=lambda: clock.now, pause=clock.pause)


def test_a_published_version_is_named_with_its_digest_and_waited_for(store, make_model):
    stored = store.put(make_model())
    mediator = Mediator([None, PENDING, PENDING, ENFORCED])
    publication = publisher(mediator).publish(stored, "ssvae")
    assert publication.enforced
    assert publication.seconds == pytest.approx(0.6)
    assert mediator.types == [TYPE_ID]
    assert mediator.policies == {
        "model-ssvae-1": {
            "allocator": "ssvae",
            "model": "ssvae",
            "version": 1,
            "sha256": stored.sha256,
            "store": "store:50051",
        }
    }


def test_earlier_instances_go_once_the_new_one_is_enforced_and_foreign_ones_stay(store, make_model):
    mediator = Mediator([ENFORCED], policies={"by-hand": {}})
    for weights in (b"a", b"b"):
        publisher(mediator).publish(store.put(make_model(weights=weights)), "ssvae")
    assert set(mediator.policies) == {"by-hand", "model-ssvae-2"}


def test_a_refusal_comes_back_with_its_reason_and_the_earlier_instance_stays(store, make_model):
    mediator = Mediator([PENDING, REFUSED], policies={"model-ssvae-0": {}})
    publication = publisher(mediator).publish(store.put(make_model()), "ssvae")
    assert not publication.enforced
    assert publication.reason == "STATEMENT_NOT_APPLICABLE"
    assert "model-ssvae-0" in mediator.policies


def test_no_answer_in_time_is_not_enforced(store, make_model):
    publication = publisher(Mediator([PENDING]), timeout_s=1.0).publish(store.put(make_model()), "ssvae")
    assert (publication.status, publication.reason) == ("NOT_ENFORCED", "no answer in time")
    assert 1.0 <= publication.seconds < 1.5


def test_a_classic_allocator_needs_no_model():
    mediator = Mediator([ENFORCED])
    assert publisher(mediator).publish_classic("equal").enforced
    assert mediator.policies == {"model-equal": {"allocator": "equal"}}


def test_other_failures_of_the_mediator_are_not_swallowed(store, make_model):
    class Broken(Mediator):
        def policy_status(self, policy_type_id: int, policy_id: str) -> PolicyStatus:
            raise PlatformError("database down", 503)

    with pytest.raises(PlatformError, match="database down"):
        publisher(Broken([ENFORCED])).publish(store.put(make_model()), "ssvae")
