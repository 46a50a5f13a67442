"""E2SM-KPM values: strategies, and their translation for the reference codec."""

from hypothesis import strategies as st

from oran.e2sm import kpm
from oran.e2sm.values import BitsValue
from tests.oran.e2sm import reference as r

periods = r.edges(1, 2**32 - 1) | st.integers(1, 70_000)
small = st.integers(0, 255)
sixteen = r.edges(1, 65535)
maybe = st.none


def label(value):
    flag = {True: "true", False: None}
    return r.some(
        noLabel=flag[value.no_label],
        plmnID=value.plmn,
        sliceID=None if value.slice is None else r.snssai(value.slice),
        fiveQI=value.five_qi,
        qFI=value.qfi,
        qCI=value.qci,
        qCImax=value.qci_max,
        qCImin=value.qci_min,
        aRPmax=value.arp_max,
        aRPmin=value.arp_min,
        bitrateRange=value.bitrate_range,
        layerMU_MIMO=value.layer_mu_mimo,
        sUM=flag[value.sum],
        distBinX=value.bin_x,
        distBinY=value.bin_y,
        distBinZ=value.bin_z,
        preLabelOverride=flag[value.pre_label_override],
        startEndInd=None if value.start_end is None else value.start_end.value,
        min=flag[value.min],
        max=flag[value.max],
        avg=flag[value.avg],
    )


labels = st.just(kpm.NO_LABEL) | st.builds(
    kpm.Label,
    no_label=st.booleans(),
    plmn=maybe() | r.plmns,
    slice=maybe() | r.slices,
    five_qi=maybe() | small,
    qfi=maybe() | st.integers(0, 63),
    qci=maybe() | small,
    qci_max=maybe() | small,
    qci_min=maybe() | small,
    arp_max=maybe() | st.integers(1, 15),
    arp_min=maybe() | st.integers(1, 15),
    bitrate_range=maybe() | sixteen,
    layer_mu_mimo=maybe() | sixteen,
    sum=st.booleans(),
    bin_x=maybe() | sixteen,
    bin_y=maybe() | sixteen,
    bin_z=maybe() | sixteen,
    pre_label_override=st.booleans(),
    start_end=maybe() | st.sampled_from(list(kpm.StartEnd)),
    min=st.booleans(),
    max=st.booleans(),
    avg=st.booleans(),
)
measurement_types = r.names | r.edges(1, 65536)
measurements = st.builds(kpm.Measurement, measurement_types, r.several(labels, 1, 3))


def measurement_type(value):
    return ("measName" if isinstance(value, str) else "measID"), value


def measurement(value):
    items = [{"measLabel": label(item)} for item in value.labels]
    return {"measType": measurement_type(value.type), "labelInfoList": items}


condition_values = st.one_of(
    st.integers(-(2**40), 2**40),
    st.builds(kpm.EnumeratedValue, st.integers(0, 70)),
    st.booleans(),
    r.bit_values,
    st.binary(max_size=20),
    st.text(r.PRINTABLE, max_size=20),
    r.reals,
)
_ALTERNATIVES = {
    int: "valueInt",
    kpm.EnumeratedValue: "valueEnum",
    bool: "valueBool",
    BitsValue: "valueBitS",
    bytes: "valueOctS",
    str: "valuePrtS",
    float: "valueReal",
}


def condition_value(value):
    foreign = value
    if isinstance(value, kpm.EnumeratedValue):
        foreign = value.index
    elif isinstance(value, BitsValue):
        foreign = r.left_aligned(value.number, value.count)
    return _ALTERNATIVES[type(value)], foreign


test_conditions = st.builds(
    kpm.TestCondition,
    st.sampled_from(list(kpm.TestType)),
    maybe() | st.sampled_from(list(kpm.TestExpression)),
    maybe() | condition_values,
)
matching = st.builds(kpm.MatchingCondition, labels | test_conditions, st.booleans())


def condition(value):
    return r.some(
        testType=(value.type.value, "true"),
        testExpr=None if value.expression is None else value.expression.value,
        testValue=None if value.value is None else condition_value(value.value),
    )


def matching_condition(value):
    inner = value.condition
    choice = ("measLabel", label(inner)) if isinstance(inner, kpm.Label) else ("testCondInfo", condition(inner))
    return r.some(matchingCondChoice=choice, logicalOR="true" if value.logical_or else None)


# --- definitions and triggers -----------------------------------------------------------------

definitions = st.builds(
    kpm.RanFunctionDefinition,
    r.function_names,
    r.several(st.builds(kpm.EventTriggerStyle, r.styles, r.names, r.styles)),
    r.several(
        st.builds(
            kpm.ReportStyle,
            r.styles,
            r.names,
            r.styles,
            r.several(st.builds(kpm.OfferedMeasurement, r.names, maybe() | r.edges(1, 65536)), 1, 3),
            r.styles,
            r.styles,
        )
    ),
)


def definition(value):
    triggers = [
        {
            "ric-EventTriggerStyle-Type": t.style,
            "ric-EventTriggerStyle-Name": t.name,
            "ric-EventTriggerFormat-Type": t.format,
        }
        for t in value.event_triggers
    ]
    reports = [
        {
            "ric-ReportStyle-Type": s.style,
            "ric-ReportStyle-Name": s.name,
            "ric-ActionFormat-Type": s.action_format,
            "measInfo-Action-List": [r.some(measName=o.name, measID=o.id) for o in s.measurements],
            "ric-IndicationHeaderFormat-Type": s.header_format,
            "ric-IndicationMessageFormat-Type": s.message_format,
        }
        for s in value.reports
    ]
    return r.some(
        ranFunction_Name=r.function_name(value.name),
        ric_EventTriggerStyle_List=triggers or None,
        ric_ReportStyle_List=reports or None,
    )


triggers = st.builds(kpm.EventTrigger, periods)


def trigger(value):
    inner = {"reportingPeriod": value.reporting_period_ms}
    return {"eventDefinition-formats": ("eventDefinition-Format1", inner)}


actions_1 = st.builds(kpm.ActionFormat1, r.several(measurements, 1, 4), periods, maybe() | r.cells)
actions_2 = st.builds(kpm.ActionFormat2, r.ues, actions_1)
actions_3 = st.builds(
    kpm.ActionFormat3,
    r.several(st.builds(kpm.ConditionalMeasurement, measurement_types, r.several(matching, 1, 3)), 1, 3),
    periods,
    maybe() | r.cells,
)
actions_4 = st.builds(
    kpm.ActionFormat4, r.several(st.builds(kpm.UeCondition, test_conditions, st.booleans()), 1, 3), actions_1
)
actions_5 = st.builds(kpm.ActionFormat5, r.several(r.ues, 2, 4), actions_1)
actions = st.builds(kpm.ActionDefinition, r.styles, st.one_of(actions_1, actions_2, actions_3, actions_4, actions_5))


def action_1(value):
    return r.some(
        measInfoList=[measurement(item) for item in value.measurements],
        granulPeriod=value.granularity_period_ms,
        cellGlobalID=None if value.cell is None else r.cell(value.cell),
    )


def action_format(value):
    if isinstance(value, kpm.ActionFormat1):
        return "actionDefinition-Format1", action_1(value)
    if isinstance(value, kpm.ActionFormat2):
        inner = {"ueID": r.ue(value.ue), "subscriptInfo": action_1(value.subscription)}
        return "actionDefinition-Format2", inner
    if isinstance(value, kpm.ActionFormat3):
        items = [
            {"measType": measurement_type(m.type), "matchingCond": [matching_condition(c) for c in m.conditions]}
            for m in value.measurements
        ]
        cell = None if value.cell is None else r.cell(value.cell)
        inner = r.some(measCondList=items, granulPeriod=value.granularity_period_ms, cellGlobalID=cell)
        return "actionDefinition-Format3", inner
    if isinstance(value, kpm.ActionFormat4):
        items = [
            r.some(testCondInfo=condition(c.test), logicalOR="true" if c.logical_or else None) for c in value.conditions
        ]
        return "actionDefinition-Format4", {
            "matchingUeCondList": items,
            "subscriptionInfo": action_1(value.subscription),
        }
    return "actionDefinition-Format5", {
        "matchingUEidList": [{"ueID": r.ue(item)} for item in value.ues],
        "subscriptionInfo": action_1(value.subscription),
    }


def action(value):
    return {"ric-Style-Type": value.style, "actionDefinition-formats": action_format(value.format)}


# --- indication -------------------------------------------------------------------------------

headers = st.builds(
    kpm.IndicationHeader,
    st.integers(0, 2**64 - 1),
    maybe() | st.text(r.PRINTABLE, max_size=15),
    maybe() | st.text(r.PRINTABLE, max_size=60),
    maybe() | st.text(r.PRINTABLE, max_size=8),
    maybe() | st.text(r.PRINTABLE, max_size=32),
)


def header(value, profile):
    inner = r.some(
        colletStartTime=value.collection_start_ntp.to_bytes(8, "big")[: profile.time_octets],
        fileFormatversion=value.file_format_version,
        senderName=value.sender_name,
        senderType=value.sender_type,
        vendorName=value.vendor_name,
    )
    return {"indicationHeader-formats": ("indicationHeader-Format1", inner)}


values = st.one_of(r.uint32, r.reals, st.none(), st.integers(0, 255))
records = st.builds(kpm.Record, r.several(values, 1, 10), st.booleans())
shared_measurements = st.sampled_from(
    [
        tuple(kpm.Measurement(name) for name in ("DRB.UEThpDl", "RRU.PrbUsedDl")),
        (kpm.Measurement(7, (kpm.Label(qfi=3),)),),
    ]
)
messages_1 = st.builds(
    kpm.MessageFormat1,
    r.several(records, 1, 3),
    st.one_of(st.just(()), shared_measurements, r.several(measurements, 1, 3)),
    maybe() | periods,
)
conditional_reports = st.builds(kpm.ConditionalReport, measurement_types, r.several(matching, 1, 3), r.several(r.ues))
messages_2 = st.builds(
    kpm.MessageFormat2, r.several(records, 1, 2), r.several(conditional_reports, 1, 2), maybe() | periods
)
messages_3 = st.builds(kpm.MessageFormat3, r.several(st.builds(kpm.UeReport, r.ues, messages_1), 1, 4))


def value_item(value):
    if value is None:
        return "noValue", None
    return ("integer" if isinstance(value, int) else "real"), value


def data(items):
    return [
        r.some(measRecord=[value_item(v) for v in item.values], incompleteFlag="true" if item.incomplete else None)
        for item in items
    ]


def message_1(value):
    return r.some(
        measData=data(value.records),
        measInfoList=[measurement(item) for item in value.measurements] or None,
        granulPeriod=value.granularity_period_ms,
    )


def message(value):
    if isinstance(value, kpm.MessageFormat1):
        inner = "indicationMessage-Format1", message_1(value)
    elif isinstance(value, kpm.MessageFormat2):
        items = [
            r.some(
                measType=measurement_type(item.type),
                matchingCond=[matching_condition(c) for c in item.conditions],
                matchingUEidList=[{"ueID": r.ue(u)} for u in item.ues] or None,
            )
            for item in value.measurements
        ]
        body = r.some(measData=data(value.records), measCondUEidList=items, granulPeriod=value.granularity_period_ms)
        inner = "indicationMessage-Format2", body
    else:
        reports = [{"ueID": r.ue(item.ue), "measReport": message_1(item.report)} for item in value.reports]
        inner = "indicationMessage-Format3", {"ueMeasReportList": reports}
    return {"indicationMessage-formats": inner}
