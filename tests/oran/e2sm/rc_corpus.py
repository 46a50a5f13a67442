"""E2SM-RC values: strategies, and their translation for the reference codec."""

from hypothesis import strategies as st

from oran.e2sm import rc
from oran.e2sm.values import BitsValue
from tests.oran.e2sm import reference as r

ids = r.edges(1, 2**32 - 1) | st.integers(1, 300)
ids_16 = r.edges(1, 65535)
maybe = st.none

values = st.one_of(
    st.booleans(),
    st.integers(-(2**40), 2**40),
    st.integers(-200, 200),
    r.reals,
    r.bit_values,
    st.binary(max_size=20),
    st.text(r.PRINTABLE, max_size=20),
)
usual_values = st.one_of(st.integers(-200, 70_000), st.binary(max_size=20), st.text(r.PRINTABLE, max_size=20))


def trees(leaves):
    """Parameters whose elements are ``leaves``, nested a few levels."""
    element = st.builds(rc.Parameter, ids, leaves | st.builds(rc.Key, leaves) | st.none())
    if leaves is usual_values:
        element = st.builds(rc.Parameter, ids, leaves | st.builds(rc.Key, leaves))

    def nest(inner):
        structure = r.several(inner, 1, 3)
        return st.builds(rc.Parameter, ids, structure | st.builds(rc.ParameterList, r.several(structure, 1, 3)))

    return st.recursive(element, nest, max_leaves=8)


parameters = trees(values)
usual_parameters = trees(usual_values)


_ALTERNATIVES = {
    bool: "valueBoolean",
    int: "valueInt",
    float: "valueReal",
    BitsValue: "valueBitS",
    bytes: "valueOctS",
    str: "valuePrintableString",
}


def value(item):
    foreign = r.left_aligned(item.number, item.count) if isinstance(item, BitsValue) else item
    return _ALTERNATIVES[type(item)], foreign


def structure(items):
    return {"sequence-of-ranParameters": [parameter(item) for item in items]} if items else {}


def value_type(item):
    if isinstance(item, rc.Key):
        return "ranP-Choice-ElementTrue", {"ranParameter-value": value(item.value)}
    if isinstance(item, tuple):
        return "ranP-Choice-Structure", {"ranParameter-Structure": structure(item)}
    if isinstance(item, rc.ParameterList):
        entries = [structure(entry) for entry in item.structures]
        return "ranP-Choice-List", {"ranParameter-List": {"list-of-ranParameter": entries}}
    return "ranP-Choice-ElementFalse", {} if item is None else {"ranParameter-value": value(item)}


def parameter(item):
    return {"ranParameter-ID": item.id, "ranParameter-valueType": value_type(item.value)}


# --- RAN function definition ------------------------------------------------------------------

parameter_names = r.several(st.builds(rc.ParameterName, ids, r.names))
definitions = st.builds(
    rc.RanFunctionDefinition,
    r.function_names,
    maybe()
    | st.builds(
        rc.EventTriggerDefinition,
        r.several(st.builds(rc.EventTriggerStyle, r.styles, r.names, r.styles), 1),
        parameter_names,
        r.several(
            st.builds(
                rc.CallProcess,
                ids_16,
                r.names,
                r.several(st.builds(rc.Breakpoint, ids_16, r.names, parameter_names), 1, 2),
            ),
            0,
            2,
        ),
        parameter_names,
        parameter_names,
    ),
    r.several(
        st.builds(rc.ReportStyle, r.styles, r.names, r.styles, r.styles, r.styles, r.styles, parameter_names), 0, 2
    ),
    r.several(
        st.builds(
            rc.InsertStyle,
            r.styles,
            r.names,
            r.styles,
            r.styles,
            r.several(st.builds(rc.InsertOffer, ids_16, r.names, parameter_names), 0, 2),
            r.styles,
            r.styles,
            r.styles,
        ),
        0,
        2,
    ),
    r.several(
        st.builds(
            rc.ControlStyle,
            r.styles,
            r.names,
            r.several(st.builds(rc.ControlAction, ids_16, r.names, parameter_names), 0, 2),
            r.styles,
            r.styles,
            maybe() | r.styles,
            r.styles,
            parameter_names,
        ),
        0,
        2,
    ),
    r.several(
        st.builds(
            rc.PolicyStyle,
            r.styles,
            r.names,
            r.styles,
            r.several(st.builds(rc.PolicyAction, ids_16, r.names, r.styles, parameter_names, parameter_names), 0, 2),
        ),
        0,
        2,
    ),
)


def named(items):
    return [{"ranParameter-ID": item.id, "ranParameter-name": item.name} for item in items] or None


def _trigger_definition(item):
    styles = [
        {
            "ric-EventTriggerStyle-Type": s.style,
            "ric-EventTriggerStyle-Name": s.name,
            "ric-EventTriggerFormat-Type": s.format,
        }
        for s in item.styles
    ]
    processes = [
        {
            "callProcessType-ID": p.id,
            "callProcessType-Name": p.name,
            "callProcessBreakpoints-List": [
                r.some(
                    callProcessBreakpoint_ID=b.id,
                    callProcessBreakpoint_Name=b.name,
                    ran_CallProcessBreakpointParameters_List=named(b.parameters),
                )
                for b in p.breakpoints
            ],
        }
        for p in item.call_processes
    ]
    return r.some(
        ric_EventTriggerStyle_List=styles,
        ran_L2Parameters_List=named(item.l2_parameters),
        ran_CallProcessTypes_List=processes or None,
        ran_UEIdentificationParameters_List=named(item.ue_parameters),
        ran_CellIdentificationParameters_List=named(item.cell_parameters),
    )


def _report_style(s):
    return r.some(
        ric_ReportStyle_Type=s.style,
        ric_ReportStyle_Name=s.name,
        ric_SupportedEventTriggerStyle_Type=s.event_trigger_style,
        ric_ReportActionFormat_Type=s.action_format,
        ric_IndicationHeaderFormat_Type=s.header_format,
        ric_IndicationMessageFormat_Type=s.message_format,
        ran_ReportParameters_List=named(s.parameters),
    )


def _insert_style(s):
    offers = [
        r.some(
            ric_InsertIndication_ID=o.id,
            ric_InsertIndication_Name=o.name,
            ran_InsertIndicationParameters_List=named(o.parameters),
        )
        for o in s.indications
    ]
    return r.some(
        ric_InsertStyle_Type=s.style,
        ric_InsertStyle_Name=s.name,
        ric_SupportedEventTriggerStyle_Type=s.event_trigger_style,
        ric_ActionDefinitionFormat_Type=s.action_format,
        ric_InsertIndication_List=offers or None,
        ric_IndicationHeaderFormat_Type=s.header_format,
        ric_IndicationMessageFormat_Type=s.message_format,
        ric_CallProcessIDFormat_Type=s.call_process_format,
    )


def _control_style(s):
    actions = [
        r.some(
            ric_ControlAction_ID=a.id,
            ric_ControlAction_Name=a.name,
            ran_ControlActionParameters_List=named(a.parameters),
        )
        for a in s.actions
    ]
    return r.some(
        ric_ControlStyle_Type=s.style,
        ric_ControlStyle_Name=s.name,
        ric_ControlAction_List=actions or None,
        ric_ControlHeaderFormat_Type=s.header_format,
        ric_ControlMessageFormat_Type=s.message_format,
        ric_CallProcessIDFormat_Type=s.call_process_format,
        ric_ControlOutcomeFormat_Type=s.outcome_format,
        ran_ControlOutcomeParameters_List=named(s.outcome_parameters),
    )


def _policy_style(s):
    actions = [
        r.some(
            ric_PolicyAction_ID=a.id,
            ric_PolicyAction_Name=a.name,
            ric_ActionDefinitionFormat_Type=a.action_format,
            ran_PolicyActionParameters_List=named(a.parameters),
            ran_PolicyConditionParameters_List=named(a.condition_parameters),
        )
        for a in s.actions
    ]
    return r.some(
        ric_PolicyStyle_Type=s.style,
        ric_PolicyStyle_Name=s.name,
        ric_SupportedEventTriggerStyle_Type=s.event_trigger_style,
        ric_PolicyAction_List=actions or None,
    )


def _part(name, items, make):
    return {f"ric-{name}Style-List": [make(item) for item in items]} if items else None


def definition(item):
    return r.some(
        ranFunction_Name=r.function_name(item.name),
        ranFunctionDefinition_EventTrigger=(
            None if item.event_trigger is None else _trigger_definition(item.event_trigger)
        ),
        ranFunctionDefinition_Report=_part("Report", item.reports, _report_style),
        ranFunctionDefinition_Insert=_part("Insert", item.inserts, _insert_style),
        ranFunctionDefinition_Control=_part("Control", item.controls, _control_style),
        ranFunctionDefinition_Policy=_part("Policy", item.policies, _policy_style),
    )


# --- event trigger, action, indication --------------------------------------------------------

logical_or = maybe() | st.booleans()
changes = st.builds(
    rc.UeInformationChange,
    ids_16,
    st.builds(rc.RrcStateChange, r.several(st.tuples(st.sampled_from(list(rc.RrcState)), logical_or), 1, 8))
    | st.builds(rc.UeIdChange, st.integers(1, 512)),
    r.several(st.builds(rc.AssociatedUe, ids_16, r.ues, logical_or)),
    logical_or,
)
triggers = st.builds(rc.EventTriggerFormat4, r.several(changes, 1, 3))
actions = st.builds(rc.ActionDefinition, r.styles, r.several(ids, 1, 5))
indication_headers = st.one_of(
    st.builds(rc.HeaderFormat1, maybe() | ids_16),
    st.builds(rc.HeaderFormat2, r.ues, r.styles, ids_16),
    st.builds(rc.HeaderFormat3, maybe() | ids_16, maybe() | r.ues),
)
indication_messages = st.one_of(
    st.builds(rc.MessageFormat1, r.several(parameters, 1, 3)),
    st.builds(rc.MessageFormat2, r.several(st.builds(rc.UeParameters, r.ues, r.several(parameters, 1, 2)), 1, 3)),
)

_OR = {None: None, True: "true", False: "false"}


def _trigger_type(item):
    if isinstance(item, rc.UeIdChange):
        return "triggerType-Choice-UEID", {"ueIDchange-ID": item.change}
    states = [r.some(stateChangedTo=state.value, logicalOR=_OR[either]) for state, either in item.states]
    return "triggerType-Choice-RRCstate", {"rrcState-List": states}


def _change(item):
    infos = [
        r.some(
            eventTriggerUEID=u.id,
            ueType=("ueType-Choice-Individual", {"ueID": r.ue(u.ue)}),
            logicalOR=_OR[u.logical_or],
        )
        for u in item.ues
    ]
    return r.some(
        ric_eventTriggerCondition_ID=item.condition_id,
        triggerType=_trigger_type(item.trigger),
        associatedUEInfo={"ueInfo-List": infos} if infos else None,
        logicalOR=_OR[item.logical_or],
    )


def trigger(item):
    inner = {"uEInfoChange-List": [_change(change) for change in item.changes]}
    return {"ric-eventTrigger-formats": ("eventTrigger-Format4", inner)}


def action(item):
    wanted = [{"ranParameter-ID": number} for number in item.parameter_ids]
    return {
        "ric-Style-Type": item.style,
        "ric-actionDefinition-formats": ("actionDefinition-Format1", {"ranP-ToBeReported-List": wanted}),
    }


def indication_header(item):
    if isinstance(item, rc.HeaderFormat1):
        inner = "indicationHeader-Format1", r.some(ric_eventTriggerCondition_ID=item.condition_id)
    elif isinstance(item, rc.HeaderFormat2):
        body = {"ueID": r.ue(item.ue), "ric-InsertStyle-Type": item.insert_style}
        inner = "indicationHeader-Format2", body | {"ric-InsertIndication-ID": item.insert_id}
    else:
        ue = None if item.ue is None else r.ue(item.ue)
        inner = "indicationHeader-Format3", r.some(ric_eventTriggerCondition_ID=item.condition_id, ueID=ue)
    return {"ric-indicationHeader-formats": inner}


def indication_message(item):
    if isinstance(item, rc.MessageFormat1):
        inner = "indicationMessage-Format1", {"ranP-Reported-List": [parameter(p) for p in item.parameters]}
    else:
        ues = [{"ueID": r.ue(u.ue), "ranP-List": [parameter(p) for p in u.parameters]} for u in item.ues]
        inner = "indicationMessage-Format2", {"ueParameter-List": ues}
    return {"ric-indicationMessage-formats": inner}


# --- control ----------------------------------------------------------------------------------

control_headers = st.builds(
    rc.ControlHeader, r.ues, r.styles, ids_16, maybe() | st.sampled_from(list(rc.ControlDecision))
)
control_messages = st.builds(rc.ControlMessage, r.several(parameters))
usual_control_messages = st.builds(rc.ControlMessage, r.several(usual_parameters))
control_outcomes = st.builds(rc.ControlOutcome, r.several(st.builds(rc.OutcomeParameter, ids, values)))
quotas = r.several(
    st.builds(
        rc.SliceQuota,
        r.several(st.builds(rc.PolicyMember, r.plmns, r.slices), 1, 2),
        st.integers(0, 100),
        st.integers(0, 100),
        st.integers(0, 100),
    ),
    1,
    4,
)


def control_header(item):
    body = r.some(
        ueID=r.ue(item.ue),
        ric_Style_Type=item.style,
        ric_ControlAction_ID=item.action,
        ric_ControlDecision=None if item.decision is None else item.decision.value,
    )
    return {"ric-controlHeader-formats": ("controlHeader-Format1", body)}


def control_message(item):
    body = {"ranP-List": [parameter(p) for p in item.parameters]}
    return {"ric-controlMessage-formats": ("controlMessage-Format1", body)}


def control_outcome(item):
    outcome = [{"ranParameter-ID": p.id, "ranParameter-value": value(p.value)} for p in item.parameters]
    return {"ric-controlOutcome-formats": ("controlOutcome-Format1", {"ranP-List": outcome})}
