"""Hypothesis strategies for every E2AP message, over the whole range of every field."""

from __future__ import annotations

from hypothesis import strategies as st

from oran.e2ap import messages as m

octet = st.integers(0, 255)
uint16 = st.integers(0, 65535)
ran_function_id = st.integers(0, 4095)
revision = st.integers(0, 4095)
transaction_id = octet
plmn = st.binary(min_size=3, max_size=3)
octets = st.binary(max_size=40) | st.binary(min_size=120, max_size=300)
node_part_id = st.integers(0, 2**36 - 1) | st.integers(0, 300)
printable = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?"
name = st.text(printable, min_size=1, max_size=150) | st.text(printable, min_size=151, max_size=200)
oid = st.text("0123456789.", min_size=1, max_size=60) | st.text(printable, min_size=1001, max_size=1010)
cause = st.one_of([st.sampled_from(list(group)) for group in m.CAUSE_GROUPS])
request_id = st.builds(m.RicRequestId, uint16, uint16)


def few(items: st.SearchStrategy, low: int = 0, high: int = 3) -> st.SearchStrategy:
    return st.lists(items, min_size=low, max_size=high).map(tuple)


@st.composite
def sized(draw: st.DrawFn, cls: type, bits: st.SearchStrategy, **others: st.SearchStrategy) -> object:
    width = draw(bits)
    return cls(draw(plmn), draw(st.integers(0, 2**width - 1)), width, **{k: draw(v) for k, v in others.items()})


gnb = sized(m.GlobalGnbId, st.integers(22, 32))
gnb_node = sized(m.GlobalGnbId, st.integers(22, 32), cu_up_id=st.none() | node_part_id, du_id=st.none() | node_part_id)
component_id = st.one_of(
    st.builds(m.ComponentId, st.sampled_from([m.InterfaceType.NG, m.InterfaceType.S1]), name),
    st.builds(
        m.ComponentId, st.sampled_from([m.InterfaceType.E1, m.InterfaceType.F1, m.InterfaceType.W1]), node_part_id
    ),
    st.builds(m.ComponentId, st.sampled_from([m.InterfaceType.XN, m.InterfaceType.X2]), gnb),
    st.builds(m.ComponentId, st.just(m.InterfaceType.XN), sized(m.GlobalEnbId, st.sampled_from([18, 20, 21]))),
    st.builds(m.ComponentId, st.just(m.InterfaceType.X2), sized(m.GlobalEnbId, st.sampled_from([18, 20, 21, 28]))),
)
component = st.builds(m.ComponentConfig, component_id, octets, octets)
component_ack = st.builds(m.ComponentConfigAck, component_id, st.none() | cause)
function = st.builds(m.RanFunction, ran_function_id, octets, revision, oid)
function_ref = st.builds(m.RanFunctionRef, ran_function_id, revision)
function_rejected = st.builds(m.RanFunctionRejected, ran_function_id, cause)
subsequent = st.builds(
    m.SubsequentAction, st.sampled_from(list(m.SubsequentActionType)), st.sampled_from(list(m.RicTimeToWait))
)
action = st.builds(m.Action, octet, st.sampled_from(list(m.ActionType)), st.none() | octets, st.none() | subsequent)
not_admitted = st.builds(m.ActionNotAdmitted, octet, cause)
to_remove = st.builds(m.SubscriptionToRemove, request_id, ran_function_id, cause)
address = st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16) | st.binary(min_size=20, max_size=24)
tnl = st.builds(m.TnlInformation, address, st.none() | uint16)
connection = st.builds(m.TnlConnection, tnl, st.sampled_from(list(m.TnlUsage)))
tnl_failed = st.builds(m.TnlSetupFailed, tnl, cause)
ie_diagnostic = st.builds(m.IeDiagnostic, st.sampled_from(list(m.Criticality)), uint16, st.booleans())
diagnostics = st.none() | st.builds(
    m.CriticalityDiagnostics,
    st.none() | octet,
    st.none() | st.sampled_from(list(m.TriggeringMessage)),
    st.none() | st.sampled_from(list(m.Criticality)),
    st.none() | request_id,
    few(ie_diagnostic),
)
wait = st.none() | st.sampled_from(list(m.TimeToWait))
call = st.none() | octets

MESSAGES: dict[type, st.SearchStrategy] = {
    m.E2SetupRequest: st.builds(m.E2SetupRequest, transaction_id, gnb_node, few(function, 1), few(component, 1)),
    m.E2SetupResponse: st.builds(
        m.E2SetupResponse,
        transaction_id,
        st.builds(m.GlobalRicId, plmn, st.integers(0, 2**20 - 1)),
        few(function_ref),
        few(function_rejected),
        few(component_ack, 1),
    ),
    m.E2SetupFailure: st.builds(m.E2SetupFailure, transaction_id, cause, wait, diagnostics, st.none() | tnl),
    m.ResetRequest: st.builds(m.ResetRequest, transaction_id, cause),
    m.ResetResponse: st.builds(m.ResetResponse, transaction_id, diagnostics),
    m.ErrorIndication: st.builds(
        m.ErrorIndication,
        st.none() | transaction_id,
        st.none() | request_id,
        st.none() | ran_function_id,
        st.none() | cause,
        diagnostics,
    ),
    m.RicSubscriptionRequest: st.builds(
        m.RicSubscriptionRequest, request_id, ran_function_id, octets, few(action, 1, 16)
    ),
    m.RicSubscriptionResponse: st.builds(
        m.RicSubscriptionResponse, request_id, ran_function_id, few(octet, 1, 16), few(not_admitted, 0, 16)
    ),
    m.RicSubscriptionFailure: st.builds(m.RicSubscriptionFailure, request_id, ran_function_id, cause, diagnostics),
    m.RicSubscriptionDeleteRequest: st.builds(m.RicSubscriptionDeleteRequest, request_id, ran_function_id),
    m.RicSubscriptionDeleteResponse: st.builds(m.RicSubscriptionDeleteResponse, request_id, ran_function_id),
    m.RicSubscriptionDeleteFailure: st.builds(
        m.RicSubscriptionDeleteFailure, request_id, ran_function_id, cause, diagnostics
    ),
    m.RicSubscriptionDeleteRequired: st.builds(m.RicSubscriptionDeleteRequired, few(to_remove, 1)),
    m.RicIndication: st.builds(
        m.RicIndication,
        request_id,
        ran_function_id,
        octet,
        st.sampled_from(list(m.IndicationType)),
        octets,
        octets,
        st.none() | uint16,
        call,
    ),
    m.RicControlRequest: st.builds(
        m.RicControlRequest,
        request_id,
        ran_function_id,
        octets,
        octets,
        call,
        st.none() | st.sampled_from(list(m.ControlAckRequest)),
    ),
    m.RicControlAcknowledge: st.builds(m.RicControlAcknowledge, request_id, ran_function_id, call, st.none() | octets),
    m.RicControlFailure: st.builds(m.RicControlFailure, request_id, ran_function_id, cause, call, st.none() | octets),
    m.RicServiceUpdate: st.builds(m.RicServiceUpdate, transaction_id, few(function), few(function), few(function_ref)),
    m.RicServiceUpdateAcknowledge: st.builds(
        m.RicServiceUpdateAcknowledge, transaction_id, few(function_ref), few(function_rejected)
    ),
    m.RicServiceUpdateFailure: st.builds(m.RicServiceUpdateFailure, transaction_id, cause, wait, diagnostics),
    m.RicServiceQuery: st.builds(m.RicServiceQuery, transaction_id, few(function_ref)),
    m.E2ConnectionUpdate: st.builds(m.E2ConnectionUpdate, transaction_id, few(connection), few(tnl), few(connection)),
    m.E2ConnectionUpdateAcknowledge: st.builds(
        m.E2ConnectionUpdateAcknowledge, transaction_id, few(connection), few(tnl_failed)
    ),
    m.E2ConnectionUpdateFailure: st.builds(m.E2ConnectionUpdateFailure, transaction_id, cause, wait, diagnostics),
    m.E2NodeConfigurationUpdate: st.builds(
        m.E2NodeConfigurationUpdate,
        transaction_id,
        st.none() | gnb_node,
        few(component),
        few(component),
        few(component_id),
    ),
    m.E2NodeConfigurationUpdateAcknowledge: st.builds(
        m.E2NodeConfigurationUpdateAcknowledge,
        transaction_id,
        few(component_ack),
        few(component_ack),
        few(component_ack),
    ),
    m.E2NodeConfigurationUpdateFailure: st.builds(
        m.E2NodeConfigurationUpdateFailure, transaction_id, cause, wait, diagnostics
    ),
}
"""Message class -> strategy for its values."""

any_message = st.one_of(list(MESSAGES.values()))
