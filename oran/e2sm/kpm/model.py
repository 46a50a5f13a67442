"""E2SM-KPM values as frozen dataclasses (O-RAN.WG3.E2SM-KPM-v03.00, clause 8.2; v2.03 where it differs)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from oran.e2sm.identifiers import EutraCgi, NrCgi, RanFunctionName, Snssai, UeId
from oran.e2sm.values import BitsValue

NTP_EPOCH_OFFSET_S = 2_208_988_800
"""Seconds from 1900-01-01 (NTP) to 1970-01-01 (Unix), RFC 5905."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What differs between KPM peers on the wire: the announced OID and the width of time stamps."""

    name: str
    oid: str
    time_octets: int


OSC = Profile("osc", "1.3.6.1.4.1.53148.1.2.2.2", 4)
"""O-RAN-SC's kpimon and FlexRIC v2.03: E2SM-KPM v2, seconds only."""
SRSRAN = Profile("srsran", "1.3.6.1.4.1.53148.1.2.2.2", 8)
"""srsRAN Project: announces v2, sends the time of v3."""
STRICT_V3 = Profile("strict-v3", "1.3.6.1.4.1.53148.1.3.2.2", 8)
"""E2SM-KPM v3 to the letter."""

PROFILES = {profile.name: profile for profile in (OSC, SRSRAN, STRICT_V3)}
"""Profiles by name."""


# --- RAN function definition (8.2.1.1) --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EventTriggerStyle:
    """RIC-EventTriggerStyle-Item."""

    style: int
    name: str
    format: int


@dataclass(frozen=True, slots=True)
class OfferedMeasurement:
    """MeasurementInfo-Action-Item: a measurement name (TS 28.552) and, where the node has one, its number."""

    name: str
    id: int | None = None


@dataclass(frozen=True, slots=True)
class ReportStyle:
    """RIC-ReportStyle-Item."""

    style: int
    name: str
    action_format: int
    measurements: tuple[OfferedMeasurement, ...]
    header_format: int = 1
    message_format: int = 1


@dataclass(frozen=True, slots=True)
class RanFunctionDefinition:
    """E2SM-KPM-RANfunction-Description."""

    name: RanFunctionName
    event_triggers: tuple[EventTriggerStyle, ...] = ()
    reports: tuple[ReportStyle, ...] = ()


# --- measurements -----------------------------------------------------------------------------


class StartEnd(Enum):
    """startEndInd of a label."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """MeasurementLabel: what a value was measured over. Flags are False where absent."""

    no_label: bool = False
    plmn: bytes | None = None
    """3 octets."""
    slice: Snssai | None = None
    five_qi: int | None = None
    qfi: int | None = None
    qci: int | None = None
    qci_max: int | None = None
    qci_min: int | None = None
    arp_max: int | None = None
    arp_min: int | None = None
    bitrate_range: int | None = None
    layer_mu_mimo: int | None = None
    sum: bool = False
    bin_x: int | None = None
    bin_y: int | None = None
    bin_z: int | None = None
    pre_label_override: bool = False
    start_end: StartEnd | None = None
    min: bool = False
    max: bool = False
    avg: bool = False


NO_LABEL = Label(no_label=True)
"""The label of a measurement that is not split up."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """MeasurementInfoItem: one measurement and the labels it is wanted or given for.

    A record holds one value for each (measurement, label), in the order of the list.
    """

    type: str | int
    """measName (TS 28.552) or measID."""
    labels: tuple[Label, ...] = (NO_LABEL,)


# --- conditions -------------------------------------------------------------------------------


class TestType(Enum):
    """testType of TestCondInfo, in the standard's order; those from UL_RSRP on are extensions."""

    GBR = "gBR"
    AMBR = "aMBR"
    IS_STAT = "isStat"
    IS_CAT_M = "isCatM"
    RSRP = "rSRP"
    RSRQ = "rSRQ"
    UL_RSRP = "ul-rSRP"
    CQI = "cQI"
    FIVE_QI = "fiveQI"
    QCI = "qCI"
    SNSSAI = "sNSSAI"


class TestExpression(Enum):
    """testExpr of TestCondInfo."""

    EQUAL = "equal"
    GREATER_THAN = "greaterthan"
    LESS_THAN = "lessthan"
    CONTAINS = "contains"
    PRESENT = "present"


@dataclass(frozen=True, slots=True)
class EnumeratedValue:
    """valueEnum: an index, apart from a plain integer."""

    index: int


TestValue = int | EnumeratedValue | bool | BitsValue | bytes | str | float
"""testValue: the alternative follows from the Python type."""


@dataclass(frozen=True, slots=True)
class TestCondition:
    """TestCondInfo. Always true for UEs in the field: UL_RSRP LESS_THAN 1000."""

    type: TestType
    expression: TestExpression | None = None
    value: TestValue | None = None


@dataclass(frozen=True, slots=True)
class MatchingCondition:
    """MatchingCondItem: joined to the next one by "and", or by "or" if ``logical_or``."""

    condition: Label | TestCondition
    logical_or: bool = False


@dataclass(frozen=True, slots=True)
class UeCondition:
    """MatchingUeCondPerSubItem."""

    test: TestCondition
    logical_or: bool = False


# --- event trigger and action definitions (8.2.1.2, 8.2.1.3) ----------------------------------


@dataclass(frozen=True, slots=True)
class EventTrigger:
    """Event trigger definition format 1."""

    reporting_period_ms: int


@dataclass(frozen=True, slots=True)
class ActionFormat1:
    """Action definition format 1: measurements of an E2 node or a cell."""

    measurements: tuple[Measurement, ...]
    granularity_period_ms: int
    cell: NrCgi | EutraCgi | None = None


@dataclass(frozen=True, slots=True)
class ActionFormat2:
    """Action definition format 2: measurements of one UE."""

    ue: UeId
    subscription: ActionFormat1


@dataclass(frozen=True, slots=True)
class ConditionalMeasurement:
    """MeasurementCondItem: a measurement of the UEs that match."""

    type: str | int
    conditions: tuple[MatchingCondition, ...]


@dataclass(frozen=True, slots=True)
class ActionFormat3:
    """Action definition format 3: each measurement over the UEs that match its own conditions."""

    measurements: tuple[ConditionalMeasurement, ...]
    granularity_period_ms: int
    cell: NrCgi | EutraCgi | None = None


@dataclass(frozen=True, slots=True)
class ActionFormat4:
    """Action definition format 4: the same measurements of every UE that matches."""

    conditions: tuple[UeCondition, ...]
    subscription: ActionFormat1


@dataclass(frozen=True, slots=True)
class ActionFormat5:
    """Action definition format 5: the same measurements of two or more named UEs."""

    ues: tuple[UeId, ...]
    subscription: ActionFormat1


ActionFormat = ActionFormat1 | ActionFormat2 | ActionFormat3 | ActionFormat4 | ActionFormat5


@dataclass(frozen=True, slots=True)
class ActionDefinition:
    """E2SM-KPM-ActionDefinition: a report style and its action definition."""

    style: int
    format: ActionFormat


# --- indication (8.2.1.4, 8.2.1.5) ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IndicationHeader:
    """Indication header format 1."""

    collection_start_ntp: int
    """Start of the collection, 64-bit NTP: seconds since 1900 in the upper, fraction in the lower half.
    A peer with 4-octet time stamps carries the seconds only."""
    file_format_version: str | None = None
    sender_name: str | None = None
    sender_type: str | None = None
    vendor_name: str | None = None

    @property
    def collection_start_s(self) -> float:
        """Start of the collection, Unix time [s]."""
        return self.collection_start_ntp / 2**32 - NTP_EPOCH_OFFSET_S


def ntp_time(unix_s: float) -> int:
    """64-bit NTP time of a Unix time [s]; era 0, until 2036."""
    return int((unix_s + NTP_EPOCH_OFFSET_S) * 2**32)


Value = int | float | None
"""A measured value: integer 0..2^32-1, real, or None where there is none (noValue)."""


@dataclass(frozen=True, slots=True)
class Record:
    """MeasurementDataItem: the values of one granularity period, shape (measurements x labels,)."""

    values: tuple[Value, ...]
    incomplete: bool = False


@dataclass(frozen=True, slots=True)
class MessageFormat1:
    """Indication message format 1: one record for each granularity period."""

    records: tuple[Record, ...]
    measurements: tuple[Measurement, ...] = ()
    granularity_period_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ConditionalReport:
    """MeasurementCondUEidItem: what was measured and for whom."""

    type: str | int
    conditions: tuple[MatchingCondition, ...]
    ues: tuple[UeId, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageFormat2:
    """Indication message format 2."""

    records: tuple[Record, ...]
    measurements: tuple[ConditionalReport, ...]
    granularity_period_ms: int | None = None


@dataclass(frozen=True, slots=True)
class UeReport:
    """UEMeasurementReportItem."""

    ue: UeId
    report: MessageFormat1


@dataclass(frozen=True, slots=True)
class MessageFormat3:
    """Indication message format 3: a report of format 1 for each UE."""

    reports: tuple[UeReport, ...]


IndicationMessage = MessageFormat1 | MessageFormat2 | MessageFormat3
