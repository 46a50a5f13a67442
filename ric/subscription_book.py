"""The subscription manager's memory: E2 subscriptions, the REST subscriptions that use them, and both in SDL."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from oran.platform.subscriptions import ActionKind, ClientEndpoint, SubscriptionDetail, SubscriptionRecord
from ric.sdl import Sdl

_log = logging.getLogger(__name__)

E2_NAMESPACE: Final = "submgr_e2SubsDb"
REST_NAMESPACE: Final = "submgr_restSubsDb"
MAX_INSTANCE_ID: Final = 65534


class Phase(StrEnum):
    """Where an E2 subscription stands."""

    CREATING = "creating"
    ACTIVE = "active"
    DELETING = "deleting"


@dataclass(slots=True, eq=False)
class E2Subscription:
    """One subscription at a node."""

    instance: int
    """RICinstanceID, RMR sub_id and the xApp's E2EventInstanceId in one; 1..65534."""
    meid: str
    ran_function_id: int
    detail: SubscriptionDetail
    phase: Phase = Phase.CREATING
    users: dict[str, str] = field(default_factory=dict)
    """REST subscription id -> RMR endpoint of its xApp."""
    error_cause: str = ""
    """Names the actions that were refused, if only some were admitted."""

    @property
    def endpoints(self) -> list[str]:
        """The xApps that get its messages, each once."""
        return list(dict.fromkeys(self.users.values()))

    def serves(self, detail: SubscriptionDetail) -> bool:
        """Whether it does exactly what ``detail`` asks for."""
        return self.detail.event_trigger == detail.event_trigger and self.detail.actions == detail.actions

    def to_json(self) -> dict[str, Any]:
        """As stored."""
        return {
            "instance": self.instance,
            "meid": self.meid,
            "ran_function_id": self.ran_function_id,
            "detail": self.detail.to_json(),
            "phase": self.phase,
            "users": self.users,
            "error_cause": self.error_cause,
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> E2Subscription:
        """Raises: ValueError, TypeError or KeyError if ``body`` is no such record."""
        detail = SubscriptionDetail.model_validate(body["detail"])
        return cls(**(body | {"detail": detail, "phase": Phase(body["phase"])}))


@dataclass(slots=True, eq=False)
class RestSubscription:
    """What one POST asked for."""

    id: str
    digest: str
    """Of the body, so that the same body is recognised."""
    meid: str
    client: ClientEndpoint
    instances: dict[int, int] = field(default_factory=dict)
    """XappEventInstanceId -> E2 instance id."""
    busy: bool = False
    """While its creation is running."""

    def to_json(self) -> dict[str, Any]:
        """As stored."""
        return {
            "id": self.id,
            "digest": self.digest,
            "meid": self.meid,
            "client": self.client.to_json(),
            "instances": self.instances,
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> RestSubscription:
        """Raises: ValueError, TypeError or KeyError if ``body`` is no such record."""
        instances = {int(key): int(value) for key, value in body["instances"].items()}
        return cls(**(body | {"client": ClientEndpoint.model_validate(body["client"]), "instances": instances}))


class SubscriptionBook:
    """All subscriptions, findable in the ways the rules need."""

    def __init__(self, sdl: Sdl) -> None:
        self._sdl = sdl
        self.e2: dict[int, E2Subscription] = {}
        self.rest: dict[str, RestSubscription] = {}
        self._last_instance = 0

    async def restore(self) -> None:
        """Read what an earlier run stored; what it had not finished is dropped."""
        for key, value in (await self._sdl.load(E2_NAMESPACE)).items():
            try:
                subscription = E2Subscription.from_json(json.loads(value))
            except (ValueError, TypeError, KeyError) as error:
                _log.warning("stored E2 subscription %s is left out: %s", key, error)
                continue
            if subscription.phase is Phase.ACTIVE:
                self.e2[subscription.instance] = subscription
        for key, value in (await self._sdl.load(REST_NAMESPACE)).items():
            try:
                self._restore_rest(RestSubscription.from_json(json.loads(value)))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                _log.warning("stored REST subscription %s is left out: %s", key, error)
        self._last_instance = max(self.e2, default=0)
        await self._drop_unused()

    def _restore_rest(self, rest: RestSubscription) -> None:
        rest.instances = {key: value for key, value in rest.instances.items() if value in self.e2}
        if rest.instances:
            self.rest[rest.id] = rest

    async def _drop_unused(self) -> None:
        for subscription in list(self.e2.values()):
            subscription.users = {rest: to for rest, to in subscription.users.items() if rest in self.rest}
            if not subscription.users:
                del self.e2[subscription.instance]
        stored_e2, stored_rest = await self._sdl.load(E2_NAMESPACE), await self._sdl.load(REST_NAMESPACE)
        await self._sdl.remove(E2_NAMESPACE, [key for key in stored_e2 if key not in map(str, self.e2)])
        await self._sdl.remove(REST_NAMESPACE, [key for key in stored_rest if key not in self.rest])

    # --- looking up ------------------------------------------------------------------------

    def by_digest(self, digest: str) -> RestSubscription | None:
        """The REST subscription that the same body made earlier."""
        return next((rest for rest in self.rest.values() if rest.digest == digest), None)

    def mergeable(self, meid: str, detail: SubscriptionDetail) -> E2Subscription | None:
        """An E2 subscription that ``detail`` may share: a REPORT with the same trigger and the same single action."""
        if len(detail.actions) != 1 or detail.actions[0].kind is not ActionKind.REPORT:
            return None
        shared = (e2 for e2 in self.e2.values() if e2.phase is not Phase.DELETING and e2.meid == meid)
        return next((e2 for e2 in shared if e2.serves(detail)), None)

    def at_node(self, meid: str) -> list[E2Subscription]:
        """Every E2 subscription at a node."""
        return [e2 for e2 in self.e2.values() if e2.meid == meid]

    def of_endpoint(self, endpoint: str) -> list[RestSubscription]:
        """Every REST subscription of an xApp."""
        return [rest for rest in self.rest.values() if rest.client.rmr_endpoint == endpoint]

    def records(self) -> list[SubscriptionRecord]:
        """What GET lists."""
        return [
            SubscriptionRecord(instance_id=e2.instance, meid=e2.meid, endpoints=tuple(e2.endpoints))
            for e2 in self.e2.values()
            if e2.phase is Phase.ACTIVE
        ]

    # --- changing --------------------------------------------------------------------------

    def open_e2(self, meid: str, ran_function_id: int, detail: SubscriptionDetail) -> E2Subscription | None:
        """A new E2 subscription under the next free instance id; None if all are in use.

        Ids go round, so that messages of a subscription just deleted do not look like a new one's.
        """
        for step in range(1, MAX_INSTANCE_ID + 1):
            instance = (self._last_instance + step - 1) % MAX_INSTANCE_ID + 1
            if instance not in self.e2:
                self._last_instance = instance
                self.e2[instance] = E2Subscription(instance, meid, ran_function_id, detail)
                return self.e2[instance]
        return None

    async def store(self, *subscriptions: E2Subscription | RestSubscription) -> None:
        """Write records to SDL, those that are still in the book."""
        e2 = {
            str(s.instance): _json(s) for s in subscriptions if isinstance(s, E2Subscription) and s.instance in self.e2
        }
        rest = {s.id: _json(s) for s in subscriptions if isinstance(s, RestSubscription) and s.id in self.rest}
        await self._sdl.put(E2_NAMESPACE, e2)
        await self._sdl.put(REST_NAMESPACE, rest)

    async def drop_e2(self, dropped: Iterable[E2Subscription]) -> None:
        """Remove E2 subscriptions, and them from their users; a REST subscription left with none goes too."""
        gone = {e2.instance for e2 in dropped if self.e2.get(e2.instance) is e2}
        for instance in gone:
            del self.e2[instance]
        touched = [rest for rest in self.rest.values() if not gone.isdisjoint(rest.instances.values())]
        for rest in touched:
            rest.instances = {key: value for key, value in rest.instances.items() if value not in gone}
        await self._sdl.remove(E2_NAMESPACE, map(str, gone))
        await self.drop_rest(rest for rest in touched if not rest.instances and not rest.busy)
        await self.store(*touched)

    async def drop_rest(self, dropped: Iterable[RestSubscription]) -> None:
        """Remove REST subscriptions; their E2 subscriptions are the caller's business."""
        ids = [rest.id for rest in dropped]
        for rest_id in ids:
            self.rest.pop(rest_id, None)
        await self._sdl.remove(REST_NAMESPACE, ids)


def _json(subscription: E2Subscription | RestSubscription) -> bytes:
    return json.dumps(subscription.to_json()).encode()
