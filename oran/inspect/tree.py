"""Readings as trees for a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

from rich.markup import escape
from rich.tree import Tree

from oran.e2ap import Pdu, RicRequestId
from oran.e2sm import kpm, rrm
from oran.inspect.measurements import conditional_lines, measurement_names, report_lines
from oran.inspect.reading import Fragment, Reading, Unreadable
from oran.inspect.values import octets_text, plmn_text, short_text, time_text

_IN_TITLE: Final = frozenset({"request_id", "ran_function_id"})


def title(reading: Reading) -> str:
    """One line: when, from where to where, what."""
    message = reading.message
    when = f"[dim]{time_text(message.time_s)}[/]  " if message.time_s is not None else ""
    way = f"{message.source} → {message.destination} [dim]({message.carrier})[/]  " if message.source else ""
    return f"{when}{way}{_subject(reading)}  [dim]{len(message.data)} octets[/]"


def _subject(reading: Reading) -> str:
    if reading.pdu is None:
        return "[bold red]not readable[/]"
    words = [f"[bold]{pdu_name(reading.pdu)}[/]"]
    request_id = getattr(reading.pdu, "request_id", None)
    if isinstance(request_id, RicRequestId):
        words.append(f"RIC request {short_text(request_id)}")
    function_id = getattr(reading.pdu, "ran_function_id", None)
    if function_id is not None:
        words.append(f"RAN function {function_id} {_model_text(reading)}")
    return "  ".join(words)


def _model_text(reading: Reading) -> str:
    if reading.model is None:
        return "[yellow](no service model known here fits)[/]"
    return f"({reading.model.name}{', a guess: no set-up seen' if reading.guessed else ''})"


def pdu_name(pdu: Pdu) -> str:
    """The standard's spelling: ``RICindication``, ``E2setupRequest``, ``ResetRequest``."""
    return re.sub(
        r"^(Ric|E2)(.)", lambda found: {"Ric": "RIC", "E2": "E2"}[found[1]] + found[2].lower(), type(pdu).__name__
    )


def tree(reading: Reading) -> Tree:
    """The whole reading."""
    root = Tree(title(reading))
    if reading.refusal is not None:
        _add_refusal(root, reading)
    elif reading.pdu is not None:
        _add_fields(root, reading.pdu, "", reading.contents, leave_out=_IN_TITLE)
    return root


def _add_refusal(root: Tree, reading: Reading) -> None:
    refused = reading.refusal
    assert refused is not None  # the caller looked
    root.add(f"[red]{escape(str(refused))}[/]")
    if refused.cause is not None:
        root.add(f"cause: {short_text(refused.cause)}")
    for name in ("kind", "procedure", "transaction_id", "request_id", "ran_function_id"):
        value = getattr(refused.outline, name)
        if value is not None:
            root.add(f"{_label(name)}: {short_text(value)}")
    _add(root, "octets", reading.message.data, "", {})


def _add_fields(
    branch: Tree, value: Any, path: str, contents: Mapping[str, Any], leave_out: Iterable[str] = ()
) -> None:
    for item in fields(value):
        inner = getattr(value, item.name)
        if item.name not in leave_out and not _is_absent(inner):
            _add(branch, item.name, inner, f"{path}.{item.name}" if path else item.name, contents)


def _is_absent(value: Any) -> bool:
    return value is None or (isinstance(value, tuple) and not value)


def _add(branch: Tree, name: str, value: Any, path: str, contents: Mapping[str, Any]) -> None:
    """Add ``value`` under ``name``: what was read inside it in its place, where something was."""
    value = contents.get(path, value)
    label = _label(name)
    if name == "plmn" and isinstance(value, bytes):
        branch.add(f"{label}: {plmn_text(value)}")
    elif isinstance(value, Unreadable):
        branch.add(f"{label}: [red]{escape(value.reason)}[/]").add(escape(octets_text(value.octets)))
    elif isinstance(value, Fragment):
        branch.add(f"{label}: {value.octets} octets of a report whose other fragments are not here yet")
    elif lines := _lines(value):
        inner = branch.add(f"{label}:")
        for line in lines:
            inner.add(escape(line))
    elif (text := short_text(value)) is not None:
        branch.add(f"{label}: {escape(text)}")
    elif isinstance(value, tuple):
        _add_items(branch, label, value, path, contents)
    elif is_dataclass(value):
        _add_fields(branch.add(f"{label}: [italic]{type(value).__name__}[/]"), value, path, contents)
    else:
        branch.add(f"{label}: {escape(str(value))}")


def _add_items(branch: Tree, label: str, items: tuple[Any, ...], path: str, contents: Mapping[str, Any]) -> None:
    texts = [None if f"{path}[{n}]" in contents else short_text(item) for n, item in enumerate(items)]
    if all(text is not None and len(text) < 24 for text in texts):
        branch.add(f"{label}: {escape(', '.join(map(str, texts)))}")
        return
    inner = branch.add(f"{label}: {len(items)}")
    for number, item in enumerate(items):
        _add(inner, f"[{number}]" if not is_dataclass(item) else str(number + 1), item, f"{path}[{number}]", contents)


def _lines(value: Any) -> list[str]:
    """Values that are best told line by line."""
    match value:
        case kpm.MessageFormat1():
            return report_lines(value)
        case kpm.MessageFormat2():
            return conditional_lines(value)
        case kpm.MessageFormat3():
            return [
                f"{_ue_text(item.ue)}: {line}" for item in value.reports for line in report_lines(item.report) or ["-"]
            ]
        case kpm.IndicationHeader():
            return _header_lines(value)
        case rrm.Allocation():
            return _allocation_lines(value)
        case (kpm.Measurement(), *_):
            return measurement_names(value)
    return []


def _header_lines(header: kpm.IndicationHeader) -> list[str]:
    strings = ("file_format_version", "sender_name", "sender_type", "vendor_name")
    told = [f"{_label(name)}: {getattr(header, name)}" for name in strings if getattr(header, name) is not None]
    return [f"collected from {time_text(header.collection_start_s)}", *told]


def _allocation_lines(allocation: rrm.Allocation) -> list[str]:
    lines = [f"answers report {allocation.decision_id}"]
    for index, ue_id in enumerate(allocation.ue_ids):
        mine = allocation.prb_owner == index
        unit = int(allocation.serving_ru[index])
        served = f"RU {unit}" if unit != rrm.NOBODY else "no RU"
        lines.append(f"UE {ue_id}: {served}, {int(mine.sum())} PRBs, {float(allocation.power_w[mine].sum()):.4g} W")
    idle = int((allocation.prb_owner == rrm.NOBODY).sum())
    return [*lines, f"idle PRBs: {idle} of {allocation.prb_owner.size}"]


def _ue_text(ue: kpm.UeId) -> str:
    match ue:
        case kpm.GnbDuUeId():
            return f"UE F1AP {ue.f1ap_id}"
        case kpm.GnbCuUpUeId():
            return f"UE E1AP {ue.e1ap_id}"
    return f"UE AMF {ue.amf_ue_ngap_id}"


def _label(name: str) -> str:
    return escape(name.replace("_", " "))
