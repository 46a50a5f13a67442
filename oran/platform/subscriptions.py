"""The subscription manager's REST interface: requests, notifications and a client.

The payloads are those of SubMgr 0.10 (POST ``/ric/v1/subscriptions`` and the notification that
follows it). Python names are ours, the JSON names the platform's.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError
from pydantic_core import PydanticCustomError

from oran.errors import DecodeError, PlatformError
from oran.platform.rest import RestClient

SUBSCRIPTIONS_PATH: Final = "/ric/v1/subscriptions"
NOTIFICATION_PATH: Final = "/ric/v1/subscriptions/response"
MAX_DEFINITION_BYTES: Final = 1024
"""Longest event trigger or action definition that SubMgr carries."""
OUT_OF_RANGE: Final = frozenset(
    {"greater_than_equal", "less_than_equal", "octet_range", "too_many_octets", "mixed_action_types", "too_short"}
)
"""Validation error types of a body whose shape is right but whose values are not (status 400, not 422)."""


def _octets(value: object) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, list | tuple) or any(type(octet) is not int for octet in value):
        raise PydanticCustomError("octet_type", "a list of integers is wanted")
    if not all(0 <= octet <= 255 for octet in value):
        raise PydanticCustomError("octet_range", "every number must be 0..255")
    return bytes(value)


def _short_enough(value: bytes) -> bytes:
    if len(value) > MAX_DEFINITION_BYTES:
        raise PydanticCustomError("too_many_octets", "{n} octets; at most 1024", {"n": len(value)})
    return value


Octets = Annotated[bytes, BeforeValidator(_octets), AfterValidator(_short_enough), PlainSerializer(list)]
"""Bytes that JSON carries as a list of integers."""
_Id16 = Annotated[int, Field(strict=True, ge=0, le=65535)]
_Port = Annotated[int, Field(strict=True, ge=0, le=65535)]


class _Payload(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True)

    def to_json(self) -> dict[str, Any]:
        """The body as the platform writes it; absent optional parts are left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class ActionKind(StrEnum):
    """RIC action type, as SubMgr spells it."""

    REPORT = "report"
    INSERT = "insert"
    POLICY = "policy"


class SubsequentKind(StrEnum):
    """What the node does after an insert."""

    CONTINUE = "continue"
    WAIT = "wait"


class WaitTime(StrEnum):
    """How long the node waits; SubMgr's list keeps the value ``zero`` of E2AP v1."""

    ZERO = "zero"
    W1MS = "w1ms"
    W2MS = "w2ms"
    W5MS = "w5ms"
    W10MS = "w10ms"
    W20MS = "w20ms"
    W30MS = "w30ms"
    W40MS = "w40ms"
    W50MS = "w50ms"
    W100MS = "w100ms"
    W200MS = "w200ms"
    W500MS = "w500ms"
    W1S = "w1s"
    W2S = "w2s"
    W5S = "w5s"
    W10S = "w10s"
    W20S = "w20s"
    W60S = "w60s"


class ClientEndpoint(_Payload):
    """Where the xApp listens: REST for notifications, RMR for indications."""

    host: str = Field(validation_alias="Host", serialization_alias="Host")
    """HTTP service name; SubMgr puts ``rmr`` for ``http`` in it to get the RMR service name."""
    http_port: _Port = Field(validation_alias="HTTPPort", serialization_alias="HTTPPort")
    rmr_port: _Port = Field(validation_alias="RMRPort", serialization_alias="RMRPort")

    @property
    def rmr_endpoint(self) -> str:
        """``host:port`` of the xApp's RMR side, as SubMgr derives it."""
        return f"{self.host.replace('http', 'rmr')}:{self.rmr_port}"

    @property
    def notification_url(self) -> str:
        """Where notifications are posted."""
        return f"http://{self.host}:{self.http_port}{NOTIFICATION_PATH}"


class Directives(_Payload):
    """How SubMgr treats the E2 side. Leave the whole object out for the defaults: 2 s, 2 tries, routes made."""

    e2_timeout_s: Annotated[int, Field(strict=True, ge=1, le=10)] | None = Field(
        None, validation_alias="E2TimeoutTimerValue", serialization_alias="E2TimeoutTimerValue"
    )
    e2_retries: Annotated[int, Field(strict=True, ge=0, le=10)] | None = Field(
        None, validation_alias="E2RetryCount", serialization_alias="E2RetryCount"
    )
    rmr_routing_needed: bool = Field(
        default=False, validation_alias="RMRRoutingNeeded", serialization_alias="RMRRoutingNeeded"
    )
    """Absent means false, and then no indication ever arrives."""


class Subsequent(_Payload):
    """What follows an insert, and for how long the node waits."""

    kind: SubsequentKind = Field(validation_alias="SubsequentActionType", serialization_alias="SubsequentActionType")
    wait: WaitTime = Field(validation_alias="TimeToWait", serialization_alias="TimeToWait")


class ActionToSetUp(_Payload):
    """One RIC action."""

    id: Annotated[int, Field(strict=True, ge=0, le=255)] = Field(
        validation_alias="ActionID", serialization_alias="ActionID"
    )
    kind: ActionKind = Field(validation_alias="ActionType", serialization_alias="ActionType")
    definition: Octets | None = Field(
        default=None, validation_alias="ActionDefinition", serialization_alias="ActionDefinition"
    )
    subsequent: Subsequent | None = Field(
        None, validation_alias="SubsequentAction", serialization_alias="SubsequentAction"
    )


def _one_kind(actions: tuple[ActionToSetUp, ...]) -> tuple[ActionToSetUp, ...]:
    if len({action.kind for action in actions}) > 1:
        raise PydanticCustomError("mixed_action_types", "all actions of a subscription have one type")
    return actions


class SubscriptionDetail(_Payload):
    """One event trigger and its actions; becomes one E2 subscription."""

    xapp_event_instance_id: _Id16 = Field(
        validation_alias="XappEventInstanceId", serialization_alias="XappEventInstanceId"
    )
    """Chosen by the xApp and echoed in the notification."""
    event_trigger: Octets = Field(validation_alias="EventTriggers", serialization_alias="EventTriggers")
    actions: Annotated[tuple[ActionToSetUp, ...], Field(min_length=1), AfterValidator(_one_kind)] = Field(
        validation_alias="ActionToBeSetupList", serialization_alias="ActionToBeSetupList"
    )


class SubscriptionRequest(_Payload):
    """Body of POST ``/ric/v1/subscriptions``."""

    subscription_id: str | None = Field(
        default=None, validation_alias="SubscriptionId", serialization_alias="SubscriptionId"
    )
    """Only to modify an earlier subscription."""
    client: ClientEndpoint = Field(validation_alias="ClientEndpoint", serialization_alias="ClientEndpoint")
    meid: str = Field(validation_alias="Meid", serialization_alias="Meid")
    """RAN name, from the node inventory."""
    ran_function_id: Annotated[int, Field(strict=True, ge=0, le=4095)] = Field(
        validation_alias="RANFunctionID", serialization_alias="RANFunctionID"
    )
    directives: Directives | None = Field(
        None, validation_alias="E2SubscriptionDirectives", serialization_alias="E2SubscriptionDirectives"
    )
    details: Annotated[tuple[SubscriptionDetail, ...], Field(min_length=1)] = Field(
        validation_alias="SubscriptionDetails", serialization_alias="SubscriptionDetails"
    )


class SubscriptionInstance(_Payload):
    """Outcome of one :class:`SubscriptionDetail`."""

    xapp_event_instance_id: int = Field(
        0, validation_alias="XappEventInstanceId", serialization_alias="XappEventInstanceId"
    )
    e2_event_instance_id: int = Field(
        default=0, validation_alias="E2EventInstanceId", serialization_alias="E2EventInstanceId"
    )
    """RIC instance id, and the RMR sub_id of indications; 0 means failure."""
    error_cause: str = Field(default="", validation_alias="ErrorCause", serialization_alias="ErrorCause")
    """Not blank on a partial success too: it then names the actions that were refused."""
    error_source: str = Field(default="", validation_alias="ErrorSource", serialization_alias="ErrorSource")
    timeout_type: str = Field(default="", validation_alias="TimeoutType", serialization_alias="TimeoutType")

    @property
    def succeeded(self) -> bool:
        """Whether the subscription is in force; the error fields do not say so."""
        return self.e2_event_instance_id != 0


class SubscriptionNotification(_Payload):
    """Body that SubMgr posts to the xApp; it may arrive before the 201 does."""

    subscription_id: str = Field(validation_alias="SubscriptionId", serialization_alias="SubscriptionId")
    instances: tuple[SubscriptionInstance, ...] = Field(
        (), validation_alias="SubscriptionInstances", serialization_alias="SubscriptionInstances"
    )

    @classmethod
    def from_json(cls, body: object) -> Self:
        """Raises: DecodeError if ``body`` is no notification."""
        try:
            return cls.model_validate(body)
        except ValidationError as error:
            raise DecodeError(f"not a subscription notification: {error}") from error


class SubscriptionRecord(_Payload):
    """One E2 subscription in force, as GET lists them."""

    instance_id: int = Field(default=0, validation_alias="SubscriptionId", serialization_alias="SubscriptionId")
    meid: str = Field(default="", validation_alias="Meid", serialization_alias="Meid")
    endpoints: tuple[str, ...] = Field(
        default=(), validation_alias="ClientEndpoint", serialization_alias="ClientEndpoint"
    )


class SubscriptionClient(RestClient):
    """The xApp's side of the interface; the outcome of a POST comes as a notification."""

    def subscribe(self, request: SubscriptionRequest) -> str:
        """Post a subscription; return its SubscriptionId.

        Raises:
            PlatformError: 400 out of range, 404 unknown SubscriptionId, 422 schema, 503 node not connected.
        """
        body = self.call_json("POST", SUBSCRIPTIONS_PATH, expected=(201,), json=request.to_json())
        if not isinstance(body, Mapping) or not isinstance(body.get("SubscriptionId"), str):
            raise PlatformError(f"POST {SUBSCRIPTIONS_PATH}: no SubscriptionId in {body!r}", 201)
        return str(body["SubscriptionId"])

    def unsubscribe(self, subscription_id: str) -> None:
        """Delete a subscription; an unknown one is no error.

        Raises:
            PlatformError: 400 while its creation is still running.
        """
        self.call("DELETE", f"{SUBSCRIPTIONS_PATH}/{subscription_id}", expected=(204,))

    def subscriptions(self) -> list[SubscriptionRecord]:
        """Every E2 subscription in force.

        Raises:
            PlatformError: no list came.
        """
        body = self.call_json("GET", SUBSCRIPTIONS_PATH)
        try:
            return [SubscriptionRecord.model_validate(item) for item in body or []]
        except (ValidationError, TypeError) as error:
            raise PlatformError(f"GET {SUBSCRIPTIONS_PATH}: {error}", 200) from error
