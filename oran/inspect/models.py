"""The service models this package reads, and which RAN function of a node speaks which."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from oran.e2ap import E2SetupRequest, Pdu, RanFunction, RicServiceUpdate
from oran.e2sm import kpm, rc, rrm
from oran.errors import DecodeError

Reader = Callable[[bytes], Any]


@dataclass(frozen=True, slots=True)
class ServiceModel:
    """One service model: its names, and the reader of each octet string that E2AP carries for it."""

    name: str
    short_name: str
    oid: re.Pattern[str]
    default_id: int
    """RAN function identifier that peers usually give it."""
    ran_function: Reader
    event_trigger: Reader
    action: Reader
    indication_header: Reader
    indication_message: Reader | None
    """None: a report travels in fragments, see :class:`oran.e2sm.rrm.ReportAssembler`."""
    control_header: Reader | None
    control_message: Reader | None
    control_outcome: Reader | None


def control_meaning(header: Any, message: Any) -> Any:
    """An RC control message as the slice quotas or the target cell that its header says it holds; else as it is."""
    if not isinstance(header, rc.ControlHeader) or not isinstance(message, rc.ControlMessage):
        return message
    reader = _MEANINGS.get((header.style, header.action))
    try:
        return reader(message) if reader else message
    except DecodeError:
        return message  # its parameters are an answer too


_MEANINGS: Final[dict[tuple[int, int], Callable[[rc.ControlMessage], Any]]] = {
    (2, 6): rc.read_quotas,
    (3, 1): rc.read_target,
}

KPM: Final = ServiceModel(
    "KPM",
    kpm.SHORT_NAME,
    re.compile(r"1\.3\.6\.1\.4\.1\.53148\.1\.\d+\.2\.2"),
    kpm.RAN_FUNCTION_ID,
    kpm.decode_ran_function,
    kpm.decode_event_trigger,
    kpm.decode_action,
    kpm.decode_header,
    kpm.decode_message,
    None,
    None,
    None,
)
RC: Final = ServiceModel(
    "RC",
    rc.SHORT_NAME,
    re.compile(r"1\.3\.6\.1\.4\.1\.53148\.1\.\d+\.2\.3"),
    rc.RAN_FUNCTION_ID,
    rc.decode_ran_function,
    rc.decode_event_trigger,
    rc.decode_action,
    rc.decode_indication_header,
    rc.decode_indication_message,
    rc.decode_control_header,
    rc.decode_control_message,
    rc.decode_control_outcome,
)
RRM: Final = ServiceModel(
    "RRM",
    "ORAN-E2SM-RRM",
    re.compile(re.escape(rrm.OID)),
    rrm.RAN_FUNCTION_ID,
    rrm.decode_ran_function,
    rrm.decode_event_trigger,
    rrm.decode_action_definition,
    rrm.decode_indication_header,
    None,
    rrm.decode_control_header,
    rrm.decode_control_message,
    rrm.decode_outcome,
)
MODELS: Final = {model.name: model for model in (KPM, RC, RRM)}
"""Service models by name."""


def announced_model(function: RanFunction) -> ServiceModel | None:
    """The model of an announced RAN function: by its short name, which is the safer one, else by its OID.

    RC's definition and srsRAN's KPM are seen in the field under OIDs that are not theirs.
    """
    for model in MODELS.values():
        if model.short_name.encode() in function.definition:
            return model
    return next((model for model in MODELS.values() if model.oid.fullmatch(function.oid)), None)


@dataclass(slots=True)
class FunctionBook:
    """Which RAN function speaks which model, learnt conversation by conversation.

    Args:
        given: what the caller says, for captures without a set-up; it wins over what is learnt.
    """

    given: dict[int, ServiceModel] = field(default_factory=dict)
    _learnt: dict[frozenset[str], dict[int, ServiceModel | None]] = field(default_factory=dict)

    def learn(self, conversation: frozenset[str], pdu: Pdu) -> None:
        """Note what a set-up or a service update announces."""
        functions: tuple[RanFunction, ...] = ()
        if isinstance(pdu, E2SetupRequest):
            functions = pdu.ran_functions
            self._learnt[conversation] = {}
        elif isinstance(pdu, RicServiceUpdate):
            functions = (*pdu.added, *pdu.modified)
        known = self._learnt.setdefault(conversation, {}) if functions else {}
        known.update({function.id: announced_model(function) for function in functions})

    def candidates(self, conversation: frozenset[str], function_id: int) -> tuple[ServiceModel, ...]:
        """The models to read with, best first: the known one alone, or all, the usual one of the number first."""
        if function_id in self.given:
            return (self.given[function_id],)
        learnt = self._learnt.get(conversation, {})
        if function_id in learnt:
            model = learnt[function_id]
            return (model,) if model else ()
        return tuple(sorted(MODELS.values(), key=lambda model: model.default_id != function_id))
