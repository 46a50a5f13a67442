"""The A1 mediator: policy types and instances from the north, RMR to the xApps, their word as status."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from jsonschema import Draft7Validator
from jsonschema.exceptions import SchemaError
from jsonschema.exceptions import ValidationError as InstanceError
from pydantic import ValidationError

from oran.errors import DecodeError, SuiteError
from oran.platform.a1 import PolicyType
from oran.platform.a1_messages import (
    HandlerStatus,
    NotEnforcedReason,
    Operation,
    PolicyRequest,
    PolicyResponse,
    decode_policy_query,
    decode_policy_response,
    encode_policy_request,
)
from oran.rmr.endpoint import ReplyPath
from oran.rmr.message_types import MessageType
from oran.rmr.wire import RmrMessage
from ric.metrics import PlatformMetrics
from ric.sdl import Sdl

_log = logging.getLogger(__name__)

NAMESPACE: Final = "A1m_ns"


class PolicyRefused(SuiteError):
    """A type or an instance is not acceptable; told as status 400."""


class PolicyUnknown(SuiteError):
    """No such type or instance; told as status 404."""


class Bus(Protocol):
    """The mediator's place on the bus."""

    def post(self, message: RmrMessage) -> None:
        """Send by the route table; never blocks."""


class Notifications(Protocol):
    """How a client is told of a status that changed."""

    async def post(self, url: str, body: dict[str, Any]) -> bool:
        """Whether it took it."""


@dataclass(slots=True)
class PolicyInstance:
    """One policy."""

    policy: dict[str, Any]
    destination: str = ""
    """Where changes of the status are posted; empty: nowhere."""
    handlers: dict[str, PolicyResponse] = field(default_factory=dict)
    """The last word of each xApp, the latest last."""

    def status_json(self) -> dict[str, str]:
        """As ``/status`` shows it: ENFORCED only after a plain OK."""
        last = next(reversed(self.handlers.values()), None)
        if last is not None and last.status is HandlerStatus.OK:
            return {"enforceStatus": "ENFORCED", "enforceReason": ""}
        reason = last.reason if last is not None and last.reason else NotEnforcedReason.OTHER_REASON
        return {"enforceStatus": "NOT_ENFORCED", "enforceReason": str(reason)}


class A1Mediator:
    """Types and instances, kept in SDL; delivery is fire and forget, an xApp that missed one asks again."""

    def __init__(self, bus: Bus, sdl: Sdl, metrics: PlatformMetrics, notifications: Notifications) -> None:
        self._bus = bus
        self._sdl = sdl
        self._metrics = metrics
        self._notifications = notifications
        self._types: dict[int, PolicyType] = {}
        self._instances: dict[int, dict[str, PolicyInstance]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def healthy(self) -> bool:
        """Whether the database answers; without it every request is refused."""
        return await self._sdl.ping()

    async def close(self) -> None:
        """Stop what is running."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- types -----------------------------------------------------------------------------

    def type_ids(self) -> list[int]:
        """Every policy type."""
        return sorted(self._types)

    def policy_type(self, type_id: int) -> PolicyType:
        """Raises: PolicyUnknown."""
        if type_id not in self._types:
            raise PolicyUnknown(f"no policy type {type_id}")
        return self._types[type_id]

    async def create_type(self, type_id: int, policy_type: PolicyType) -> None:
        """Raises: PolicyRefused if it exists, names another id, or its schema is none (draft-07)."""
        if policy_type.policy_type_id != type_id:
            raise PolicyRefused(f"the body names policy type {policy_type.policy_type_id}")
        if type_id in self._types:
            raise PolicyRefused(f"policy type {type_id} exists")
        try:
            Draft7Validator.check_schema(policy_type.create_schema)
        except SchemaError as error:
            raise PolicyRefused(f"create_schema: {error.message}") from error
        self._types[type_id], self._instances[type_id] = policy_type, {}
        value = policy_type.model_dump_json().encode()
        await self._sdl.put(NAMESPACE, {_type_key(type_id): value})

    async def delete_type(self, type_id: int) -> None:
        """Raises: PolicyUnknown; PolicyRefused while it has instances."""
        self.policy_type(type_id)
        if self._instances[type_id]:
            raise PolicyRefused(f"policy type {type_id} has instances")
        del self._types[type_id], self._instances[type_id]
        await self._sdl.remove(NAMESPACE, [_type_key(type_id)])

    # --- instances -------------------------------------------------------------------------

    def instance_ids(self, type_id: int) -> list[str]:
        """Raises: PolicyUnknown."""
        self.policy_type(type_id)
        return list(self._instances[type_id])

    def instance(self, type_id: int, instance_id: str) -> PolicyInstance:
        """Raises: PolicyUnknown."""
        self.policy_type(type_id)
        if instance_id not in self._instances[type_id]:
            raise PolicyUnknown(f"no policy {instance_id} of type {type_id}")
        return self._instances[type_id][instance_id]

    async def put_instance(self, type_id: int, instance_id: str, policy: object, destination: str = "") -> None:
        """Create or replace an instance, and send it to the xApp.

        Raises:
            PolicyUnknown: there is no such type.
            PolicyRefused: the type's schema refuses it.
        """
        accepted = _checked(self.policy_type(type_id), policy)
        held = self._instances[type_id].get(instance_id)
        self._instances[type_id][instance_id] = PolicyInstance(accepted, destination, held.handlers if held else {})
        self._send(Operation.UPDATE if held else Operation.CREATE, type_id, instance_id)
        self._count()
        await self._store(type_id, instance_id)

    async def delete_instance(self, type_id: int, instance_id: str) -> None:
        """Raises: PolicyUnknown."""
        instance = self.instance(type_id, instance_id)
        self._send(Operation.DELETE, type_id, instance_id)
        del self._instances[type_id][instance_id]
        self._count()
        handlers = [_handler_key(type_id, instance_id, handler) for handler in instance.handlers]
        await self._sdl.remove(NAMESPACE, [*_instance_keys(type_id, instance_id), *handlers])

    def _send(self, operation: Operation, type_id: int, instance_id: str) -> None:
        policy = self._instances[type_id][instance_id].policy
        text = "" if operation is Operation.DELETE else json.dumps(policy)
        payload = encode_policy_request(PolicyRequest(operation, type_id, instance_id, text))
        self._bus.post(RmrMessage(MessageType.A1_POLICY_REQ, payload, sub_id=type_id))

    # --- RMR -------------------------------------------------------------------------------

    def on_rmr(self, message: RmrMessage, path: ReplyPath) -> None:
        """Take an xApp's status, or send it everything again that it asks for."""
        try:
            if message.mtype == MessageType.A1_POLICY_RESP:
                self._on_response(decode_policy_response(message.payload))
            elif message.mtype == MessageType.A1_POLICY_QUERY:
                self._on_query(decode_policy_query(message.payload))
            else:
                _log.info("RMR type %d from %s is not for the A1 mediator", message.mtype, message.source)
        except (DecodeError, PolicyUnknown) as error:
            _log.warning("RMR type %d from %s: %s", message.mtype, message.source, error)

    def _on_query(self, type_id: int) -> None:
        for instance_id in self.instance_ids(type_id):
            self._send(Operation.CREATE, type_id, instance_id)

    def _on_response(self, response: PolicyResponse) -> None:
        type_id, instance_id = response.policy_type_id, response.policy_instance_id
        if response.status is HandlerStatus.DELETED and instance_id not in self._instances.get(type_id, {}):
            return  # the record went with the request
        instance = self.instance(type_id, instance_id)
        before = instance.status_json()
        instance.handlers.pop(response.handler_id, None)
        instance.handlers[response.handler_id] = response
        self._run(self._publish_status(response, instance, changed=instance.status_json() != before))

    async def _publish_status(self, response: PolicyResponse, instance: PolicyInstance, *, changed: bool) -> None:
        await self._store(response.policy_type_id, response.policy_instance_id)
        if changed and instance.destination:
            await self._notifications.post(instance.destination, instance.status_json())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _count(self) -> None:
        self._metrics.policies.set(sum(map(len, self._instances.values())))

    # --- SDL -------------------------------------------------------------------------------

    async def _store(self, type_id: int, instance_id: str) -> None:
        instance = self._instances.get(type_id, {}).get(instance_id)
        if instance is None:
            return
        policy_key, metadata_key, destination_key = _instance_keys(type_id, instance_id)
        values = {
            policy_key: json.dumps(instance.policy).encode(),
            metadata_key: json.dumps({"has_been_deleted": False}).encode(),
        }
        if instance.destination:
            values[destination_key] = instance.destination.encode()
        for handler, said in instance.handlers.items():
            value = {"instance": instance_id, "handler": handler, "status": said.status, "reason": said.reason}
            values[_handler_key(type_id, instance_id, handler)] = json.dumps(value).encode()
        await self._sdl.put(NAMESPACE, values)

    async def restore(self) -> None:
        """Take over the types, instances and statuses of an earlier run."""
        for key, value in (await self._sdl.load(NAMESPACE, "a1.policy_type.")).items():
            try:
                policy_type = PolicyType.model_validate_json(value)
            except ValidationError as error:
                _log.warning("stored %s is left out: %s", key, error)
                continue
            self._types[policy_type.policy_type_id], self._instances[policy_type.policy_type_id] = policy_type, {}
        for type_id in self._types:
            await self._restore_instances(type_id)
        self._count()

    async def _restore_instances(self, type_id: int) -> None:
        prefix = f"a1.policy_instance.{type_id}."
        for key, value in (await self._sdl.load(NAMESPACE, prefix)).items():
            instance_id = key.removeprefix(prefix)
            destination_key = _instance_keys(type_id, instance_id)[2]
            destination = (await self._sdl.load(NAMESPACE, destination_key)).get(destination_key, b"")
            try:
                instance = PolicyInstance(json.loads(value), destination.decode())
                instance.handlers = await self._restore_handlers(type_id, instance_id)
            except (ValueError, KeyError, TypeError) as error:
                _log.warning("stored %s is left out: %s", key, error)
                continue
            self._instances[type_id][instance_id] = instance

    async def _restore_handlers(self, type_id: int, instance_id: str) -> dict[str, PolicyResponse]:
        said: dict[str, PolicyResponse] = {}
        for value in (await self._sdl.load(NAMESPACE, _handler_key(type_id, instance_id, ""))).values():
            body = json.loads(value)
            if body["instance"] != instance_id:
                continue  # names may hold dots, so a prefix may be another instance's
            reason = NotEnforcedReason(body["reason"]) if body["reason"] else None
            status = HandlerStatus(body["status"])
            said[body["handler"]] = PolicyResponse(type_id, instance_id, body["handler"], status, reason)
        return said


def _checked(policy_type: PolicyType, policy: object) -> dict[str, Any]:
    if not isinstance(policy, dict):
        raise PolicyRefused("a policy is a JSON object")
    try:
        Draft7Validator(policy_type.create_schema).validate(policy)
    except InstanceError as error:
        raise PolicyRefused(f"{error.json_path}: {error.message}") from error
    return policy


def _type_key(type_id: int) -> str:
    return f"a1.policy_type.{type_id}"


def _instance_keys(type_id: int, instance_id: str) -> tuple[str, str, str]:
    """Of the policy, of what is known about it, and of where its status is posted."""
    kinds = ("instance", "inst_metadata", "notification_destination")
    first, second, third = (f"a1.policy_{kind}.{type_id}.{instance_id}" for kind in kinds)
    return first, second, third


def _handler_key(type_id: int, instance_id: str, handler: str) -> str:
    return f"a1.policy_handler.{type_id}.{instance_id}.{handler}"
