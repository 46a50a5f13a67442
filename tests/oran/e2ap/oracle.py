"""Our messages as values of pycrate's E2AP module, written from the wire facts, not from our tables."""

from __future__ import annotations

from typing import Any

from pycrate_asn1dir import E2AP

from oran.e2ap import messages as m

PDU = E2AP.E2AP_PDU_Descriptions.E2AP_PDU

_KINDS = ("initiatingMessage", "successfulOutcome", "unsuccessfulOutcome")
_CAUSE_GROUPS = ("ricRequest", "ricService", "e2Node", "transport", "protocol", "misc")


def oracle_encode(pdu: m.Pdu) -> bytes:
    PDU.set_val(oracle_value(pdu))
    return bytes(PDU.to_aper())


def oracle_decode(data: bytes) -> Any:
    PDU.from_aper(data)
    return PDU.get_val()


def ie(number: int, criticality: str, kind: str, value: Any) -> dict[str, Any]:
    return {"id": number, "criticality": criticality, "value": (kind, value)}


def _some(*pairs: tuple[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in pairs if value is not None}


def _ies(*ies: dict[str, Any] | None) -> list[dict[str, Any]]:
    return [item for item in ies if item is not None]


def _maybe(value: Any, make: Any) -> Any:
    return None if value is None or value == () else make(value)


def cause(value: m.Cause) -> tuple[str, str]:
    return _CAUSE_GROUPS[m.CAUSE_GROUPS.index(type(value))], value.value


def request_id(value: m.RicRequestId) -> dict[str, int]:
    return {"ricRequestorID": value.requestor, "ricInstanceID": value.instance}


def _gnb(value: m.GlobalGnbId, plmn: str, inner: str) -> dict[str, Any]:
    return {plmn: value.plmn, inner: ("gnb-ID" if inner == "gnb-id" else "gNB-ID", (value.gnb_id, value.gnb_id_bits))}


def node_id(value: m.GlobalGnbId) -> tuple[str, dict[str, Any]]:
    return "gNB", {"global-gNB-ID": _gnb(value, "plmn-id", "gnb-id")} | _some(
        ("gNB-CU-UP-ID", value.cu_up_id), ("gNB-DU-ID", value.du_id)
    )


_ENB_XN = {20: "enb-ID-macro", 18: "enb-ID-shortmacro", 21: "enb-ID-longmacro"}
_ENB_X2 = {20: "macro-eNB-ID", 28: "home-eNB-ID", 18: "short-Macro-eNB-ID", 21: "long-Macro-eNB-ID"}


def _xn(node: m.GlobalGnbId | m.GlobalEnbId) -> tuple[str, dict[str, Any]]:
    if isinstance(node, m.GlobalGnbId):
        return "gNB", _gnb(node, "plmn-id", "gnb-id")
    return "ng-eNB", {"plmn-id": node.plmn, "enb-id": (_ENB_XN[node.enb_id_bits], (node.enb_id, node.enb_id_bits))}


def _x2(node: m.GlobalGnbId | m.GlobalEnbId) -> dict[str, Any]:
    if isinstance(node, m.GlobalGnbId):
        return {"global-en-gNB-ID": _gnb(node, "pLMN-Identity", "gNB-ID")}
    bits = node.enb_id_bits
    return {"global-eNB-ID": {"pLMN-Identity": node.plmn, "eNB-ID": (_ENB_X2[bits], (node.enb_id, bits))}}


def component(value: m.ComponentId) -> dict[str, Any]:
    kind, node = value.interface, value.value
    inner: Any = {
        m.InterfaceType.NG: lambda: {"amf-name": node},
        m.InterfaceType.XN: lambda: {"global-NG-RAN-Node-ID": _xn(node)},
        m.InterfaceType.E1: lambda: {"gNB-CU-UP-ID": node},
        m.InterfaceType.F1: lambda: {"gNB-DU-ID": node},
        m.InterfaceType.W1: lambda: {"ng-eNB-DU-ID": node},
        m.InterfaceType.S1: lambda: {"mme-name": node},
        m.InterfaceType.X2: lambda: _x2(node),
    }[kind]()
    choice = "e2nodeComponentInterfaceType" + {"xn": "Xn"}.get(kind.value, kind.value.upper())
    return {"e2nodeComponentInterfaceType": kind.value, "e2nodeComponentID": (choice, inner)}


def _config(value: m.ComponentConfig) -> dict[str, Any]:
    parts = {"e2nodeComponentRequestPart": value.request_part, "e2nodeComponentResponsePart": value.response_part}
    return component(value.component) | {"e2nodeComponentConfiguration": parts}


def _ack(value: m.ComponentConfigAck) -> dict[str, Any]:
    ack: dict[str, Any] = {"updateOutcome": "success" if value.failure_cause is None else "failure"}
    if value.failure_cause is not None:
        ack["failureCause"] = cause(value.failure_cause)
    return component(value.component) | {"e2nodeComponentConfigurationAck": ack}


def _components(values: Any, name: str, list_id: int, item_id: int, make: Any) -> Any:
    full = f"E2nodeComponentConfig{name}"
    return _maybe(
        values,
        lambda v: ie(
            list_id, "reject", full + "-List", [ie(item_id, "reject", full + "-Item", make(item)) for item in v]
        ),
    )


def _functions(number: int, values: Any) -> Any:
    def item(f: m.RanFunction) -> dict[str, Any]:
        body = {
            "ranFunctionID": f.id,
            "ranFunctionDefinition": f.definition,
            "ranFunctionRevision": f.revision,
            "ranFunctionOID": f.oid,
        }
        return ie(8, "ignore", "RANfunction-Item", body)

    return _maybe(values, lambda v: ie(number, "reject", "RANfunctions-List", [item(f) for f in v]))


def _function_refs(number: int, values: Any) -> Any:
    def item(f: m.RanFunctionRef) -> dict[str, Any]:
        return ie(6, "ignore", "RANfunctionID-Item", {"ranFunctionID": f.id, "ranFunctionRevision": f.revision})

    return _maybe(values, lambda v: ie(number, "reject", "RANfunctionsID-List", [item(f) for f in v]))


def _functions_rejected(values: Any) -> Any:
    def item(f: m.RanFunctionRejected) -> dict[str, Any]:
        return ie(7, "ignore", "RANfunctionIDcause-Item", {"ranFunctionID": f.id, "cause": cause(f.cause)})

    return _maybe(values, lambda v: ie(13, "reject", "RANfunctionsIDcause-List", [item(f) for f in v]))


def tnl(value: m.TnlInformation) -> dict[str, Any]:
    address = int.from_bytes(value.address, "big"), 8 * len(value.address)
    return {"tnlAddress": address} | _some(("tnlPort", None if value.port is None else (value.port, 16)))


_USAGE = ("ric-service", "support-function", "both")


def _connections(number: int, values: Any) -> Any:
    def item(c: m.TnlConnection) -> dict[str, Any]:
        body = {"tnlInformation": tnl(c.tnl), "tnlUsage": _USAGE[c.usage]}
        return ie(43, "ignore", "E2connectionUpdate-Item", body)

    return _maybe(values, lambda v: ie(number, "reject", "E2connectionUpdate-List", [item(c) for c in v]))


_CRITICALITY = ("reject", "ignore", "notify")
_TRIGGER = ("initiating-message", "successful-outcome", "unsuccessfull-outcome")


def _diagnostics(value: m.CriticalityDiagnostics | None) -> Any:
    def make(d: m.CriticalityDiagnostics) -> dict[str, Any]:
        items = [
            {
                "iECriticality": _CRITICALITY[item.criticality],
                "iE-ID": item.ie_id,
                "typeOfError": "missing" if item.missing else "not-understood",
            }
            for item in d.ies
        ]
        body = _some(
            ("procedureCode", d.procedure_code),
            ("triggeringMessage", None if d.triggering_message is None else _TRIGGER[d.triggering_message]),
            (
                "procedureCriticality",
                None if d.procedure_criticality is None else _CRITICALITY[d.procedure_criticality],
            ),
            ("ricRequestorID", None if d.request_id is None else request_id(d.request_id)),
            ("iEsCriticalityDiagnostics", items or None),
        )
        return ie(2, "ignore", "CriticalityDiagnostics", body)

    return _maybe(value, make)


def _tx(pdu: Any) -> dict[str, Any]:
    return ie(49, "reject", "TransactionID", pdu.transaction_id)


def _ids(pdu: Any) -> list[dict[str, Any]]:
    return [
        ie(29, "reject", "RICrequestID", request_id(pdu.request_id)),
        ie(5, "reject", "RANfunctionID", pdu.ran_function_id),
    ]


def _cause(pdu: Any, criticality: str = "ignore") -> dict[str, Any]:
    return ie(1, criticality, "Cause", cause(pdu.cause))


def _wait(pdu: Any) -> Any:
    return _maybe(pdu.time_to_wait, lambda w: ie(31, "ignore", "TimeToWait", w.value))


def _string(number: int, kind: str, value: bytes | None) -> Any:
    return None if value is None else ie(number, "reject", kind, value)


def _action(a: m.Action) -> dict[str, Any]:
    body: dict[str, Any] = {"ricActionID": a.id, "ricActionType": ("report", "insert", "policy")[a.type]}
    if a.definition is not None:
        body["ricActionDefinition"] = a.definition
    if a.subsequent is not None:
        body["ricSubsequentAction"] = {
            "ricSubsequentActionType": ("continue", "wait")[a.subsequent.type],
            "ricTimeToWait": a.subsequent.time_to_wait.value,
        }
    return ie(19, "ignore", "RICaction-ToBeSetup-Item", body)


def _subscription(p: m.RicSubscriptionRequest) -> list[Any]:
    details = {
        "ricEventTriggerDefinition": p.event_trigger,
        "ricAction-ToBeSetup-List": [_action(a) for a in p.actions],
    }
    return [*_ids(p), ie(30, "reject", "RICsubscriptionDetails", details)]


def _subscription_response(p: m.RicSubscriptionResponse) -> list[Any]:
    admitted = [ie(14, "ignore", "RICaction-Admitted-Item", {"ricActionID": a}) for a in p.admitted]
    refused = [
        ie(16, "ignore", "RICaction-NotAdmitted-Item", {"ricActionID": a.id, "cause": cause(a.cause)})
        for a in p.not_admitted
    ]
    return [
        *_ids(p),
        ie(17, "reject", "RICaction-Admitted-List", admitted),
        _maybe(p.not_admitted, lambda _: ie(18, "reject", "RICaction-NotAdmitted-List", refused)),
    ]


def _delete_required(p: m.RicSubscriptionDeleteRequired) -> list[Any]:
    items = [
        ie(
            61,
            "ignore",
            "RICsubscription-withCause-Item",
            {"ricRequestID": request_id(s.request_id), "ranFunctionID": s.ran_function_id, "cause": cause(s.cause)},
        )
        for s in p.subscriptions
    ]
    return [ie(60, "ignore", "RICsubscription-List-withCause", items)]


def _indication(p: m.RicIndication) -> list[Any]:
    return [
        *_ids(p),
        ie(15, "reject", "RICactionID", p.action_id),
        _maybe(p.sequence_number, lambda sn: ie(27, "reject", "RICindicationSN", sn)),
        ie(28, "reject", "RICindicationType", ("report", "insert")[p.type]),
        ie(25, "reject", "RICindicationHeader", p.header),
        ie(26, "reject", "RICindicationMessage", p.message),
        _string(20, "RICcallProcessID", p.call_process_id),
    ]


def _control(p: m.RicControlRequest) -> list[Any]:
    return [
        *_ids(p),
        _string(20, "RICcallProcessID", p.call_process_id),
        ie(22, "reject", "RICcontrolHeader", p.header),
        ie(23, "reject", "RICcontrolMessage", p.message),
        _maybe(p.ack_request, lambda a: ie(21, "reject", "RICcontrolAckRequest", ("noAck", "ack")[a])),
    ]


def _removals(values: Any) -> Any:
    def item(t: m.TnlInformation) -> dict[str, Any]:
        return ie(47, "ignore", "E2connectionUpdateRemove-Item", {"tnlInformation": tnl(t)})

    return _maybe(values, lambda v: ie(46, "reject", "E2connectionUpdateRemove-List", [item(t) for t in v]))


def _connection_failures(values: Any) -> Any:
    def item(f: m.TnlSetupFailed) -> dict[str, Any]:
        body = {"tnlInformation": tnl(f.tnl), "cause": cause(f.cause)}
        return ie(41, "ignore", "E2connectionSetupFailed-Item", body)

    return _maybe(values, lambda v: ie(40, "reject", "E2connectionSetupFailed-List", [item(f) for f in v]))


# class -> (kind, procedure, criticality, type name, IEs)
_MESSAGES: dict[type, tuple[int, int, str, str, Any]] = {
    m.E2SetupRequest: (
        0,
        1,
        "reject",
        "E2setupRequest",
        lambda p: [
            _tx(p),
            ie(3, "reject", "GlobalE2node-ID", node_id(p.node_id)),
            _functions(10, p.ran_functions),
            _components(p.components, "Addition", 50, 51, _config),
        ],
    ),
    m.E2SetupResponse: (
        1,
        1,
        "reject",
        "E2setupResponse",
        lambda p: [
            _tx(p),
            ie(4, "reject", "GlobalRIC-ID", {"pLMN-Identity": p.ric_id.plmn, "ric-ID": (p.ric_id.ric_id, 20)}),
            _function_refs(9, p.accepted),
            _functions_rejected(p.rejected),
            _components(p.component_acks, "AdditionAck", 52, 53, _ack),
        ],
    ),
    m.E2SetupFailure: (
        2,
        1,
        "reject",
        "E2setupFailure",
        lambda p: [
            _tx(p),
            _cause(p),
            _wait(p),
            _diagnostics(p.diagnostics),
            _maybe(p.tnl, lambda t: ie(48, "ignore", "TNLinformation", tnl(t))),
        ],
    ),
    m.ErrorIndication: (
        0,
        2,
        "ignore",
        "ErrorIndication",
        lambda p: [
            _maybe(p.transaction_id, lambda v: ie(49, "reject", "TransactionID", v)),
            _maybe(p.request_id, lambda v: ie(29, "reject", "RICrequestID", request_id(v))),
            _maybe(p.ran_function_id, lambda v: ie(5, "reject", "RANfunctionID", v)),
            _maybe(p.cause, lambda v: ie(1, "ignore", "Cause", cause(v))),
            _diagnostics(p.diagnostics),
        ],
    ),
    m.ResetRequest: (0, 3, "reject", "ResetRequest", lambda p: [_tx(p), _cause(p)]),
    m.ResetResponse: (1, 3, "reject", "ResetResponse", lambda p: [_tx(p), _diagnostics(p.diagnostics)]),
    m.RicControlRequest: (0, 4, "reject", "RICcontrolRequest", _control),
    m.RicControlAcknowledge: (
        1,
        4,
        "reject",
        "RICcontrolAcknowledge",
        lambda p: [
            *_ids(p),
            _string(20, "RICcallProcessID", p.call_process_id),
            _string(32, "RICcontrolOutcome", p.outcome),
        ],
    ),
    m.RicControlFailure: (
        2,
        4,
        "reject",
        "RICcontrolFailure",
        lambda p: [
            *_ids(p),
            _string(20, "RICcallProcessID", p.call_process_id),
            _cause(p),
            _string(32, "RICcontrolOutcome", p.outcome),
        ],
    ),
    m.RicIndication: (0, 5, "ignore", "RICindication", _indication),
    m.RicServiceQuery: (0, 6, "ignore", "RICserviceQuery", lambda p: [_tx(p), _function_refs(9, p.accepted)]),
    m.RicServiceUpdate: (
        0,
        7,
        "reject",
        "RICserviceUpdate",
        lambda p: [_tx(p), _functions(10, p.added), _functions(12, p.modified), _function_refs(11, p.deleted)],
    ),
    m.RicServiceUpdateAcknowledge: (
        1,
        7,
        "reject",
        "RICserviceUpdateAcknowledge",
        lambda p: [_tx(p), _function_refs(9, p.accepted), _functions_rejected(p.rejected)],
    ),
    m.RicServiceUpdateFailure: (
        2,
        7,
        "reject",
        "RICserviceUpdateFailure",
        lambda p: [_tx(p), _cause(p, "reject"), _wait(p), _diagnostics(p.diagnostics)],
    ),
    m.RicSubscriptionRequest: (0, 8, "reject", "RICsubscriptionRequest", _subscription),
    m.RicSubscriptionResponse: (1, 8, "reject", "RICsubscriptionResponse", _subscription_response),
    m.RicSubscriptionFailure: (
        2,
        8,
        "reject",
        "RICsubscriptionFailure",
        lambda p: [*_ids(p), _cause(p, "reject"), _diagnostics(p.diagnostics)],
    ),
    m.RicSubscriptionDeleteRequest: (0, 9, "reject", "RICsubscriptionDeleteRequest", _ids),
    m.RicSubscriptionDeleteResponse: (1, 9, "reject", "RICsubscriptionDeleteResponse", _ids),
    m.RicSubscriptionDeleteFailure: (
        2,
        9,
        "reject",
        "RICsubscriptionDeleteFailure",
        lambda p: [*_ids(p), _cause(p), _diagnostics(p.diagnostics)],
    ),
    m.RicSubscriptionDeleteRequired: (0, 12, "ignore", "RICsubscriptionDeleteRequired", _delete_required),
    m.E2NodeConfigurationUpdate: (
        0,
        10,
        "reject",
        "E2nodeConfigurationUpdate",
        lambda p: [
            _tx(p),
            _maybe(p.node_id, lambda n: ie(3, "reject", "GlobalE2node-ID", node_id(n))),
            _components(p.additions, "Addition", 50, 51, _config),
            _components(p.updates, "Update", 33, 34, _config),
            _components(p.removals, "Removal", 54, 55, component),
        ],
    ),
    m.E2NodeConfigurationUpdateAcknowledge: (
        1,
        10,
        "reject",
        "E2nodeConfigurationUpdateAcknowledge",
        lambda p: [
            _tx(p),
            _components(p.addition_acks, "AdditionAck", 52, 53, _ack),
            _components(p.update_acks, "UpdateAck", 35, 36, _ack),
            _components(p.removal_acks, "RemovalAck", 56, 57, _ack),
        ],
    ),
    m.E2NodeConfigurationUpdateFailure: (
        2,
        10,
        "reject",
        "E2nodeConfigurationUpdateFailure",
        lambda p: [_tx(p), _cause(p), _wait(p), _diagnostics(p.diagnostics)],
    ),
    m.E2ConnectionUpdate: (
        0,
        11,
        "reject",
        "E2connectionUpdate",
        lambda p: [_tx(p), _connections(44, p.add), _removals(p.remove), _connections(45, p.modify)],
    ),
    m.E2ConnectionUpdateAcknowledge: (
        1,
        11,
        "reject",
        "E2connectionUpdateAcknowledge",
        lambda p: [_tx(p), _connections(39, p.setup), _connection_failures(p.failed)],
    ),
    m.E2ConnectionUpdateFailure: (
        2,
        11,
        "reject",
        "E2connectionUpdateFailure",
        lambda p: [_tx(p), _cause(p, "reject"), _wait(p), _diagnostics(p.diagnostics)],
    ),
}


def oracle_value(pdu: m.Pdu) -> tuple[str, dict[str, Any]]:
    kind, procedure, criticality, name, ies = _MESSAGES[type(pdu)]
    body = (name, {"protocolIEs": _ies(*ies(pdu))})
    return _KINDS[kind], {"procedureCode": procedure, "criticality": criticality, "value": body}
