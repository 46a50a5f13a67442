"""Types of the E2AP information elements (O-RAN.WG3.E2AP-v02.03, 9.2 and 9.3), on the PER runtime."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from oran.aper import (
    BitString,
    Choice,
    Enumerated,
    Field,
    Integer,
    Mapped,
    OctetString,
    PrintableString,
    Sequence,
    SequenceOf,
    Wrapped,
    not_comprehended,
)
from oran.aper.composed import by_class
from oran.aper.types import Type
from oran.e2ap import messages as m
from oran.e2ap.containers import SingleContainerList
from oran.errors import LocalProtocolError

RAN_FUNCTION_ID = Integer(0, 4095)
REVISION = Integer(0, 4095)
TRANSACTION_ID = Integer(0, 255, extensible=True)
ACTION_ID = Integer(0, 255)
INDICATION_SN = Integer(0, 65535)
OCTETS = OctetString()
PLMN = OctetString(3, 3)
NODE_PART_ID = Integer(0, 2**36 - 1)
NAME = PrintableString(1, 150, extensible=True)

REQUEST_ID = Sequence(
    Field("requestor", Integer(0, 65535)),
    Field("instance", Integer(0, 65535)),
    of=m.RicRequestId,
)

CRITICALITY = Enumerated(tuple(m.Criticality), extensible=False)
TIME_TO_WAIT = Enumerated(tuple(m.TimeToWait))
INDICATION_TYPE = Enumerated(tuple(m.IndicationType))
CONTROL_ACK_REQUEST = Enumerated(tuple(m.ControlAckRequest))


# --- Cause: a value or a group of a later version is read as "unspecified" of its group, else of misc ---

_UNSPECIFIED: dict[type, m.Cause] = {
    m.CauseRicRequest: m.CauseRicRequest.UNSPECIFIED,
    m.CauseTransport: m.CauseTransport.UNSPECIFIED,
    m.CauseProtocol: m.CauseProtocol.UNSPECIFIED,
}

CAUSE = Choice(
    [Enumerated(tuple(group), unknown=_UNSPECIFIED.get(group, m.CauseMisc.UNSPECIFIED)) for group in m.CAUSE_GROUPS],
    by_class(*m.CAUSE_GROUPS),
    unknown=m.CauseMisc.UNSPECIFIED,
)

# --- global identifiers -----------------------------------------------------------------------

_GNB_ID = Choice([BitString(22, 32)], lambda _: 0)
_PLMN_AND_GNB_ID = Sequence(Field("plmn", PLMN), Field("gnb_id", _GNB_ID))


def _plmn_and_id(value: m.GlobalGnbId) -> tuple[bytes, tuple[int, int]]:
    if not isinstance(value, m.GlobalGnbId):
        raise LocalProtocolError(f"{value!r} is not a GlobalGnbId")
    return value.plmn, (value.gnb_id, value.gnb_id_bits)


def _gnb(value: tuple[bytes, tuple[int, int]]) -> m.GlobalGnbId:
    plmn, (gnb_id, bits) = value
    return m.GlobalGnbId(plmn, gnb_id, bits)


GLOBAL_GNB = Mapped(_PLMN_AND_GNB_ID, _plmn_and_id, _gnb)
"""GlobalgNB-ID and GlobalenGNB-ID: the same octets."""

_E2_NODE_GNB = Mapped(
    Sequence(
        Field("global_gnb_id", _PLMN_AND_GNB_ID),
        Field("global_en_gnb_id", GLOBAL_GNB, optional=True),
        Field("cu_up_id", NODE_PART_ID, optional=True),
        Field("du_id", NODE_PART_ID, optional=True),
    ),
    lambda node: (_plmn_and_id(node), None, node.cu_up_id, node.du_id),
    lambda parts: replace(_gnb(parts[0]), cu_up_id=parts[2], du_id=parts[3]),
)


class _OnlyGnb:
    """Alternatives en-gNB, ng-eNB and eNB of GlobalE2node-ID: well-formed, but not served."""

    min_bits = 0

    def write(self, writer: Any, value: Any) -> None:
        raise LocalProtocolError(f"{value!r} is not a gNB")

    def read(self, reader: Any) -> Any:
        raise not_comprehended("a GlobalE2node-ID other than gNB")


GLOBAL_E2_NODE_ID = Choice([_E2_NODE_GNB, _OnlyGnb(), _OnlyGnb(), _OnlyGnb()], lambda _: 0)

GLOBAL_RIC_ID = Mapped(
    Sequence(Field("plmn", PLMN), Field("ric_id", BitString(20, 20))),
    lambda ric: (ric.plmn, (ric.ric_id, 20)),
    lambda parts: m.GlobalRicId(parts[0], parts[1][0]),
)

# --- RAN functions ----------------------------------------------------------------------------

RAN_FUNCTION_ITEM = Sequence(
    Field("id", RAN_FUNCTION_ID),
    Field("definition", OCTETS),
    Field("revision", REVISION),
    Field("oid", PrintableString(1, 1000, extensible=True)),
    of=m.RanFunction,
)
RAN_FUNCTIONS = SingleContainerList(8, m.Criticality.IGNORE, RAN_FUNCTION_ITEM, 1, 256)
RAN_FUNCTION_IDS = SingleContainerList(
    6,
    m.Criticality.IGNORE,
    Sequence(Field("id", RAN_FUNCTION_ID), Field("revision", REVISION), of=m.RanFunctionRef),
    1,
    256,
)
RAN_FUNCTIONS_REJECTED = SingleContainerList(
    7,
    m.Criticality.IGNORE,
    Sequence(Field("id", RAN_FUNCTION_ID), Field("cause", CAUSE), of=m.RanFunctionRejected),
    1,
    256,
)

# --- E2 node components -----------------------------------------------------------------------

_ENB_ID_XN_BITS, _ENB_ID_X2_BITS = (20, 18, 21), (20, 28, 18, 21)
_ENB_ID_XN = Choice([BitString(n, n) for n in _ENB_ID_XN_BITS], lambda enb: _enb_index(enb, _ENB_ID_XN_BITS))
_ENB_ID_X2 = Choice(
    [BitString(n, n) for n in _ENB_ID_X2_BITS[:2]],
    lambda enb: _enb_index(enb, _ENB_ID_X2_BITS),
    additions=[BitString(n, n) for n in _ENB_ID_X2_BITS[2:]],
)


def _enb_index(enb: tuple[int, int], sizes: tuple[int, ...]) -> int:
    if enb[1] not in sizes:
        raise LocalProtocolError(f"an eNB identifier of {enb[1]} bits, {sizes} allowed")
    return sizes.index(enb[1])


def _enb(enb_id: Type) -> Mapped:
    return Mapped(
        Sequence(Field("plmn", PLMN), Field("enb_id", enb_id)),
        lambda node: (node.plmn, (node.enb_id, node.enb_id_bits)),
        lambda parts: m.GlobalEnbId(parts[0], *parts[1]),
    )


_XN_NODE = Choice([GLOBAL_GNB, _enb(_ENB_ID_XN)], by_class(m.GlobalGnbId, m.GlobalEnbId))


def _x2_ids(node: m.GlobalGnbId | m.GlobalEnbId) -> tuple[m.GlobalEnbId | None, m.GlobalGnbId | None]:
    return (node, None) if isinstance(node, m.GlobalEnbId) else (None, node)


def _x2_node(ids: tuple[m.GlobalEnbId | None, m.GlobalGnbId | None]) -> m.GlobalGnbId | m.GlobalEnbId:
    node = ids[1] or ids[0]
    if node is None:
        raise ValueError("an X2 component without a node identity")
    return node


_X2_NODE = Mapped(
    Sequence(Field("enb", _enb(_ENB_ID_X2), optional=True), Field("en_gnb", GLOBAL_GNB, optional=True)),
    _x2_ids,
    _x2_node,
)

_COMPONENT_ID_KINDS: dict[m.InterfaceType, Type] = {
    m.InterfaceType.NG: Wrapped(NAME),
    m.InterfaceType.XN: Wrapped(_XN_NODE),
    m.InterfaceType.E1: Wrapped(NODE_PART_ID),
    m.InterfaceType.F1: Wrapped(NODE_PART_ID),
    m.InterfaceType.W1: Wrapped(NODE_PART_ID),
    m.InterfaceType.S1: Wrapped(NAME),
    m.InterfaceType.X2: _X2_NODE,
}


def _component_value(interface: m.InterfaceType, kind: Type) -> Mapped:
    return Mapped(kind, lambda component: component.value, lambda value: m.ComponentId(interface, value))


_COMPONENT_ID = Choice(
    [_component_value(interface, kind) for interface, kind in _COMPONENT_ID_KINDS.items()],
    lambda component: component.interface.index,
)
_INTERFACE_TYPE = Enumerated(tuple(m.InterfaceType))
_COMPONENT_FIELDS = (Field("interface", _INTERFACE_TYPE), Field("component", _COMPONENT_ID))
"""The interface type precedes every component identity, although the identity implies it."""

_CONFIGURATION = Sequence(Field("request_part", OCTETS), Field("response_part", OCTETS))
_COMPONENT_CONFIG = Mapped(
    Sequence(*_COMPONENT_FIELDS, Field("configuration", _CONFIGURATION)),
    lambda item: (item.component.interface, item.component, (item.request_part, item.response_part)),
    lambda parts: m.ComponentConfig(parts[1], *parts[2]),
)

_SUCCESS, _FAILURE = 0, 1
_ACK = Sequence(Field("outcome", Enumerated((_SUCCESS, _FAILURE))), Field("failure_cause", CAUSE, optional=True))


def _ack_outcome(cause: m.Cause | None) -> tuple[int, m.Cause | None]:
    return (_SUCCESS, None) if cause is None else (_FAILURE, cause)


def _ack_cause(outcome: tuple[int, m.Cause | None]) -> m.Cause | None:
    return None if outcome[0] == _SUCCESS else outcome[1] or m.CauseMisc.UNSPECIFIED


_COMPONENT_ACK = Mapped(
    Sequence(*_COMPONENT_FIELDS, Field("ack", _ACK)),
    lambda item: (item.component.interface, item.component, _ack_outcome(item.failure_cause)),
    lambda parts: m.ComponentConfigAck(parts[1], _ack_cause(parts[2])),
)
_COMPONENT_REMOVAL = Mapped(
    Sequence(*_COMPONENT_FIELDS),
    lambda component: (component.interface, component),
    lambda parts: parts[1],
)


def _component_list(item_id: int, item: Type) -> SingleContainerList:
    return SingleContainerList(item_id, m.Criticality.REJECT, item, 1, 1024)


COMPONENT_ADDITIONS = _component_list(51, _COMPONENT_CONFIG)
COMPONENT_ADDITION_ACKS = _component_list(53, _COMPONENT_ACK)
COMPONENT_UPDATES = _component_list(34, _COMPONENT_CONFIG)
COMPONENT_UPDATE_ACKS = _component_list(36, _COMPONENT_ACK)
COMPONENT_REMOVALS = _component_list(55, _COMPONENT_REMOVAL)
COMPONENT_REMOVAL_ACKS = _component_list(57, _COMPONENT_ACK)

# --- subscriptions ----------------------------------------------------------------------------

_SUBSEQUENT_ACTION = Sequence(
    Field("type", Enumerated(tuple(m.SubsequentActionType))),
    Field("time_to_wait", Enumerated(tuple(m.RicTimeToWait))),
    of=m.SubsequentAction,
)
_ACTION = Sequence(
    Field("id", ACTION_ID),
    Field("type", Enumerated(tuple(m.ActionType))),
    Field("definition", OCTETS, optional=True),
    Field("subsequent", _SUBSEQUENT_ACTION, optional=True),
    of=m.Action,
)
SUBSCRIPTION_DETAILS = Sequence(
    Field("event_trigger", OCTETS),
    Field("actions", SingleContainerList(19, m.Criticality.IGNORE, _ACTION, 1, 16)),
)
"""RICsubscriptionDetails; the value is (event trigger definition, actions)."""

ACTIONS_ADMITTED = SingleContainerList(14, m.Criticality.IGNORE, Wrapped(ACTION_ID), 1, 16)
ACTIONS_NOT_ADMITTED = SingleContainerList(
    16,
    m.Criticality.IGNORE,
    Sequence(Field("id", ACTION_ID), Field("cause", CAUSE), of=m.ActionNotAdmitted),
    0,
    16,
)
SUBSCRIPTIONS_TO_REMOVE = SingleContainerList(
    61,
    m.Criticality.IGNORE,
    Sequence(
        Field("request_id", REQUEST_ID),
        Field("ran_function_id", RAN_FUNCTION_ID),
        Field("cause", CAUSE),
        of=m.SubscriptionToRemove,
    ),
    1,
    1024,
)
"""Bounded by 1024 as from v2.03 (a two-octet count). v2.00 has no useful bound and a one-octet count."""

# --- transport network layer ------------------------------------------------------------------


def _tnl_to_wire(tnl: m.TnlInformation) -> tuple[tuple[int, int], tuple[int, int] | None]:
    address = (int.from_bytes(tnl.address, "big"), 8 * len(tnl.address))
    return address, None if tnl.port is None else (tnl.port, 16)


def _tnl_from_wire(parts: tuple[tuple[int, int], tuple[int, int] | None]) -> m.TnlInformation:
    (address, bits), port = parts
    if bits % 8:
        raise ValueError(f"a transport address of {bits} bits")
    return m.TnlInformation(address.to_bytes(bits // 8, "big"), None if port is None else port[0])


TNL_INFORMATION = Mapped(
    Sequence(
        Field("address", BitString(1, 160, extensible=True)),
        Field("port", BitString(16, 16), optional=True),
    ),
    _tnl_to_wire,
    _tnl_from_wire,
)
TNL_CONNECTIONS = SingleContainerList(
    43,
    m.Criticality.IGNORE,
    Sequence(Field("tnl", TNL_INFORMATION), Field("usage", Enumerated(tuple(m.TnlUsage))), of=m.TnlConnection),
    1,
    32,
)
TNL_REMOVALS = SingleContainerList(47, m.Criticality.IGNORE, Wrapped(TNL_INFORMATION), 1, 32)
TNL_FAILURES = SingleContainerList(
    41,
    m.Criticality.IGNORE,
    Sequence(Field("tnl", TNL_INFORMATION), Field("cause", CAUSE), of=m.TnlSetupFailed),
    1,
    32,
)

# --- diagnostics ------------------------------------------------------------------------------

_IE_DIAGNOSTIC = Sequence(
    Field("criticality", CRITICALITY),
    Field("ie_id", Integer(0, 65535)),
    Field("missing", Enumerated((False, True), unknown=False)),
    of=m.IeDiagnostic,
)
DIAGNOSTICS = Sequence(
    Field("procedure_code", Integer(0, 255), optional=True),
    Field("triggering_message", Enumerated(tuple(m.TriggeringMessage), extensible=False), optional=True),
    Field("procedure_criticality", CRITICALITY, optional=True),
    Field("request_id", REQUEST_ID, optional=True),
    Field("ies", SequenceOf(_IE_DIAGNOSTIC, 1, 256), optional=True, absent=()),
    of=m.CriticalityDiagnostics,
)
