"""Publishing: the policy instance of type "model" that tells an xApp which version to serve, and the answer to it.

Every version gets an instance of its own, and those it supersedes are deleted once the xApp has enforced it. Updating
one instance instead would leave no way to tell the answer to the update from the answer before it: A1-P's status is
that of the last reply, whatever it replied to.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from oran.errors import PlatformError
from oran.platform.a1 import DEFAULT_MODEL_TYPE_ID, ModelPolicy, PolicyStatus, PolicyType, model_policy_type
from xapps.runtime.model_store import StoredVersion

POLL_PERIOD_S = 0.2
"""How often the status is asked for; A1-P has no call that waits."""


INSTANCE_PREFIX = "model-"
"""Instances whose id starts so are the rApp's own; others are left alone."""

TRIALS = ("shadow", "canary")
"""Modes of a model on trial, and the last part of their instances' ids."""

NO_ANSWER_YET = ("", "OTHER_REASON")
"""Reasons that the mediator gives before the xApp has answered; the xApp's refusals name another."""


class PolicyService(Protocol):
    """What publishing needs of ``oran.platform.a1.A1Client``."""

    def ensure_policy_type(self, policy_type: PolicyType) -> None: ...

    def policy_ids(self, policy_type_id: int) -> list[str]: ...

    def policy(self, policy_type_id: int, policy_id: str) -> dict[str, Any]: ...

    def put_policy(self, policy_type_id: int, policy_id: str, policy: dict[str, Any]) -> None: ...

    def delete_policy(self, policy_type_id: int, policy_id: str) -> None: ...

    def policy_status(self, policy_type_id: int, policy_id: str) -> PolicyStatus: ...


@dataclass(frozen=True, slots=True)
class Publication:
    """What became of a policy."""

    policy_type_id: int
    policy_id: str
    policy: ModelPolicy
    status: str
    """``ENFORCED`` or ``NOT_ENFORCED``."""
    reason: str
    seconds: float

    @property
    def enforced(self) -> bool:
        return self.status == "ENFORCED"


class A1Publisher:
    """Puts the policy that names a model, and waits for the xApp's word.

    Args:
        a1: the mediator's client.
        store_target: ``host:port`` under which xApps reach the model store.
        policy_type_id: the xApp's id of the type "model".
        timeout_s: how long an xApp may take to fetch, test and swap.
        on_answer: told what became of every policy, for the journal.
    """

    def __init__(
        self,
        a1: PolicyService,
        store_target: str,
        *,
        policy_type_id: int = DEFAULT_MODEL_TYPE_ID,
        timeout_s: float = 30.0,
        on_answer: Callable[[Publication], None] = lambda publication: None,
        now_s: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._a1 = a1
        self._store_target = store_target
        self._policy_type_id = policy_type_id
        self._timeout_s = timeout_s
        self._on_answer = on_answer
        self._now_s = now_s
        self._pause = pause

    def publish(self, stored: StoredVersion, allocator: str) -> Publication:
        """Name a stored version to the xApp.

        Returns:
            ENFORCED, or NOT_ENFORCED with the xApp's reason, or with "no answer in time". Where it was not enforced
            the earlier instances stay, as the xApp goes on serving what they name.

        Raises:
            PlatformError: the mediator refused the type or the instance, or is not there.
        """
        policy = ModelPolicy(
            allocator=allocator,
            model=stored.name,
            version=stored.version,
            sha256=stored.sha256,
            store=self._store_target,
        )
        return self.publish_policy(policy)

    def publish_classic(self, allocator: str) -> Publication:
        """Name a classic allocator, which needs no model; returns and raises as ``publish`` does."""
        return self.publish_policy(ModelPolicy(allocator=allocator))

    def publish_policy(self, policy: ModelPolicy, policy_id: str = "") -> Publication:
        """Put any model policy, a trial's too; returns and raises as ``publish`` does.

        A trial takes the place of earlier trials alone; what serves everywhere takes the place of all.
        """
        policy_id = policy_id or policy_id_of(policy)
        start_s = self._now_s()
        self._a1.ensure_policy_type(model_policy_type(self._policy_type_id))
        self._a1.put_policy(self._policy_type_id, policy_id, policy.to_json())
        status = self._settled(policy_id, start_s + self._timeout_s)
        if status.enforced:
            self._delete_superseded(policy_id, trials_only=policy.on_trial)
        publication = Publication(
            policy_type_id=self._policy_type_id,
            policy_id=policy_id,
            policy=policy,
            status=status.enforce_status,
            reason=status.enforce_reason,
            seconds=self._now_s() - start_s,
        )
        self._on_answer(publication)
        return publication

    def _settled(self, policy_id: str, deadline_s: float) -> PolicyStatus:
        """The first status that is the xApp's word, or what stands at the deadline."""
        while True:
            status = self._status(policy_id)
            if status.enforced or status.enforce_reason not in NO_ANSWER_YET:
                return status
            if self._now_s() >= deadline_s:
                return PolicyStatus(enforce_status="NOT_ENFORCED", enforce_reason="no answer in time")
            self._pause(POLL_PERIOD_S)

    def _status(self, policy_id: str) -> PolicyStatus:
        try:
            return self._a1.policy_status(self._policy_type_id, policy_id)
        except PlatformError as error:
            if error.status == 404:  # the mediator stores an instance a moment after it accepted it
                return PolicyStatus(enforce_status="NOT_ENFORCED", enforce_reason="")
            raise

    def _delete_superseded(self, policy_id: str, *, trials_only: bool) -> None:
        for other in self._own_ids():
            if other != policy_id and (is_trial(other) or not trials_only):
                self._a1.delete_policy(self._policy_type_id, other)

    def status(self, policy_id: str) -> PolicyStatus:
        """What the xApp last said of an instance; NOT_ENFORCED without a reason if there is none.

        Raises:
            PlatformError: the mediator is not there.
        """
        return self._status(policy_id)

    def serving(self) -> dict[str, dict[str, Any]]:
        """The rApp's instances that are enforced and not on trial, by id. Raises: PlatformError."""
        ids = [each for each in self._own_ids() if not is_trial(each) and self._status(each).enforced]
        return {policy_id: self._a1.policy(self._policy_type_id, policy_id) for policy_id in ids}

    def withdraw(self, policy_id: str) -> None:
        """Delete an instance, if it is there. Raises: PlatformError."""
        if policy_id in self._own_ids():
            self._a1.delete_policy(self._policy_type_id, policy_id)

    def _own_ids(self) -> list[str]:
        return [each for each in self._a1.policy_ids(self._policy_type_id) if each.startswith(INSTANCE_PREFIX)]


def policy_id_of(policy: ModelPolicy) -> str:
    """The instance of a policy: one a version and mode, since statuses of two in one could not be told apart."""
    name = policy.allocator if policy.model is None else f"{policy.model}-{policy.version}"
    return f"{INSTANCE_PREFIX}{name}-{policy.mode}" if policy.on_trial else f"{INSTANCE_PREFIX}{name}"


def is_trial(policy_id: str) -> bool:
    """Whether an instance of ours is of a model on trial."""
    return policy_id.endswith(tuple(f"-{mode}" for mode in TRIALS))
