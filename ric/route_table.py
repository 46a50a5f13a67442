"""Which routes follow from who is registered, connected and subscribed: the route manager's rules as one function."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from oran.rmr.message_types import MessageType
from oran.rmr.routes import MEID_OWNER, Groups, RouteKey, RouteTable
from oran.rmr.wire import UNSET_SUB_ID

_log = logging.getLogger(__name__)

PER_SUBSCRIPTION: Final = (
    MessageType.RIC_INDICATION,
    MessageType.RIC_CONTROL_ACK,
    MessageType.RIC_CONTROL_FAILURE,
    MessageType.RIC_SUB_RESP,
    MessageType.RIC_SUB_FAILURE,
    MessageType.RIC_SUB_DEL_RESP,
    MessageType.RIC_SUB_DEL_FAILURE,
)
_PLATFORM_TYPES: Final = (range(12000, 13000), range(20010, 20018))
"""E2 and A1 messages: their routes come from roles, not from message lists."""


@dataclass(frozen=True, slots=True)
class RoutedXapp:
    """What routing needs to know of a registered xApp."""

    name: str
    endpoint: str
    """``host:port`` of its RMR data port; also the sender in qualified routes."""
    control_port: int
    """Where route tables are pushed, unless the xApp asked from elsewhere."""
    tx_messages: frozenset[str]
    rx_messages: frozenset[str]
    policies: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DynamicRoute:
    """A route added by hand; it wins over generated ones."""

    mtype: int
    target: str
    sub_id: int = UNSET_SUB_ID
    sender: str = ""


@dataclass(slots=True)
class RoutingState:
    """Everything that routes follow from."""

    xapps: dict[str, RoutedXapp] = field(default_factory=dict)
    """In order of registration: of two that claim the same messages the later one gets them."""
    meid_owners: dict[str, str] = field(default_factory=dict)
    subscriptions: dict[int, list[str]] = field(default_factory=dict)
    """RIC instance id -> endpoints; each gets a copy."""
    dynamic: list[DynamicRoute] = field(default_factory=list)
    a1_endpoint: str = ""


def build(state: RoutingState) -> RouteTable:
    """The table for every process of this RIC."""
    entries: dict[RouteKey, Groups] = {}
    xapps = [xapp for xapp in state.xapps.values() if xapp.tx_messages or xapp.rx_messages]
    for xapp in xapps:
        entries[RouteKey(MessageType.RIC_CONTROL_REQ, sender=xapp.endpoint)] = ((MEID_OWNER,),)
        for mtype in (MessageType.RIC_CONTROL_ACK, MessageType.RIC_CONTROL_FAILURE):
            entries[RouteKey(mtype)] = ((xapp.endpoint,),)
    for xapp in state.xapps.values():
        for policy in xapp.policies:
            entries[RouteKey(MessageType.A1_POLICY_REQ, policy)] = ((xapp.endpoint,),)
    for mtype in (MessageType.A1_POLICY_RESP, MessageType.A1_POLICY_QUERY):
        entries[RouteKey(mtype)] = ((state.a1_endpoint,),)
    entries.update(_between_xapps(xapps))
    for instance, endpoints in state.subscriptions.items():
        groups = tuple((endpoint,) for endpoint in endpoints)
        entries.update({RouteKey(mtype, instance): groups for mtype in PER_SUBSCRIPTION})
    for route in state.dynamic:
        _append(entries, RouteKey(route.mtype, route.sub_id, route.sender), ((route.target,),))
    return RouteTable(MappingProxyType(entries), MappingProxyType(dict(state.meid_owners)))


def _append(entries: dict[RouteKey, Groups], key: RouteKey, groups: Groups) -> None:
    entries.pop(key, None)  # back in at the end: the last record wins
    entries[key] = groups


def _between_xapps(xapps: Sequence[RoutedXapp]) -> Mapping[RouteKey, Groups]:
    """From each xApp that sends a message to every one that receives it; from anybody if none says it sends it."""
    entries: dict[RouteKey, Groups] = {}
    for name in sorted({name for xapp in xapps for name in xapp.rx_messages}):
        mtype = _private_type(name)
        if mtype is None:
            continue
        receivers = tuple((xapp.endpoint,) for xapp in xapps if name in xapp.rx_messages)
        senders = [xapp.endpoint for xapp in xapps if name in xapp.tx_messages]
        for sender in senders or [""]:
            entries[RouteKey(mtype, sender=sender)] = receivers
    return entries


def _private_type(name: str) -> int | None:
    if name not in MessageType.__members__:
        _log.warning("no route for message %r: the route manager does not know its number", name)
        return None
    mtype = MessageType[name]
    return None if any(mtype in platform for platform in _PLATFORM_TYPES) else int(mtype)
