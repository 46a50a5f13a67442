"""One message of every kind, with every optional part present."""

from oran.e2ap import messages as m

REQUEST = m.RicRequestId(123, 1)
PLMN = b"\x00\xf1\x10"
NODE = m.GlobalGnbId(PLMN, 0x19B, 22, du_id=7)
FUNCTION = m.RanFunction(2, b"definition", 1, "1.3.6.1.4.1.53148.1.2.2.2")
REF = m.RanFunctionRef(2, 1)
REJECTED = m.RanFunctionRejected(3, m.CauseRicService.RAN_FUNCTION_NOT_SUPPORTED)
F1 = m.ComponentId(m.InterfaceType.F1, 7)
XN = m.ComponentId(m.InterfaceType.XN, m.GlobalGnbId(PLMN, 5, 32))
X2 = m.ComponentId(m.InterfaceType.X2, m.GlobalEnbId(PLMN, 5, 28))
NG = m.ComponentId(m.InterfaceType.NG, "amf 1")
CONFIG = m.ComponentConfig(F1, b"request", b"response")
ACK = m.ComponentConfigAck(F1)
NACK = m.ComponentConfigAck(XN, m.CauseE2Node.E2NODE_COMPONENT_UNKNOWN)
TNL = m.TnlInformation(b"\x7f\x00\x00\x01", 36421)
CONNECTION = m.TnlConnection(TNL, m.TnlUsage.BOTH)
DIAGNOSTICS = m.CriticalityDiagnostics(
    8,
    m.TriggeringMessage.INITIATING,
    m.Criticality.REJECT,
    REQUEST,
    (m.IeDiagnostic(m.Criticality.REJECT, 30, missing=True),),
)
CAUSE = m.CauseMisc.OM_INTERVENTION
ACTION = m.Action(
    1,
    m.ActionType.REPORT,
    b"action definition",
    m.SubsequentAction(m.SubsequentActionType.CONTINUE, m.RicTimeToWait.W10MS),
)

SAMPLES: tuple[m.Pdu, ...] = (
    m.E2SetupRequest(1, NODE, (FUNCTION, FUNCTION), (CONFIG, m.ComponentConfig(X2, b"", b""))),
    m.E2SetupResponse(1, m.GlobalRicId(PLMN, 25), (REF,), (REJECTED,), (ACK, NACK)),
    m.E2SetupFailure(1, CAUSE, m.TimeToWait.V10S, DIAGNOSTICS, TNL),
    m.ResetRequest(2, CAUSE),
    m.ResetResponse(2, DIAGNOSTICS),
    m.ErrorIndication(3, REQUEST, 2, CAUSE, DIAGNOSTICS),
    m.RicSubscriptionRequest(REQUEST, 2, b"event trigger", (ACTION, m.Action(2, m.ActionType.POLICY))),
    m.RicSubscriptionResponse(REQUEST, 2, (1,), (m.ActionNotAdmitted(2, m.CauseRicRequest.ACTION_NOT_SUPPORTED),)),
    m.RicSubscriptionFailure(REQUEST, 2, m.CauseRicRequest.RAN_FUNCTION_ID_INVALID, DIAGNOSTICS),
    m.RicSubscriptionDeleteRequest(REQUEST, 2),
    m.RicSubscriptionDeleteResponse(REQUEST, 2),
    m.RicSubscriptionDeleteFailure(REQUEST, 2, m.CauseRicRequest.REQUEST_ID_UNKNOWN, DIAGNOSTICS),
    m.RicSubscriptionDeleteRequired((m.SubscriptionToRemove(REQUEST, 2, CAUSE),)),
    m.RicIndication(REQUEST, 2, 1, m.IndicationType.INSERT, b"header", b"message", 7, b"\x01\x02"),
    m.RicControlRequest(REQUEST, 3, b"header", b"message", b"\x07", m.ControlAckRequest.ACK),
    m.RicControlAcknowledge(REQUEST, 3, b"\x07", b"outcome"),
    m.RicControlFailure(REQUEST, 3, m.CauseRicRequest.CONTROL_MESSAGE_INVALID, b"\x07", b"outcome"),
    m.RicServiceUpdate(4, (FUNCTION,), (FUNCTION,), (REF,)),
    m.RicServiceUpdateAcknowledge(4, (REF,), (REJECTED,)),
    m.RicServiceUpdateFailure(4, CAUSE, m.TimeToWait.V1S, DIAGNOSTICS),
    m.RicServiceQuery(5, (REF,)),
    m.E2ConnectionUpdate(6, (CONNECTION,), (TNL,), (CONNECTION,)),
    m.E2ConnectionUpdateAcknowledge(
        6, (CONNECTION,), (m.TnlSetupFailed(TNL, m.CauseTransport.TRANSPORT_RESOURCE_UNAVAILABLE),)
    ),
    m.E2ConnectionUpdateFailure(6, CAUSE, m.TimeToWait.V60S, DIAGNOSTICS),
    m.E2NodeConfigurationUpdate(7, NODE, (CONFIG,), (m.ComponentConfig(NG, b"a", b"b"),), (XN, X2)),
    m.E2NodeConfigurationUpdateAcknowledge(7, (ACK,), (NACK,), (ACK,)),
    m.E2NodeConfigurationUpdateFailure(7, CAUSE, m.TimeToWait.V5S, DIAGNOSTICS),
)
"""In the order of :mod:`oran.e2ap.messages`."""
