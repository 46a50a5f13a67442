"""KPM measurement reports line by line: each value beside its name and label."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields

from oran.e2sm import kpm
from oran.inspect.values import plmn_text, slice_text


def measurement_names(measurements: Iterable[kpm.Measurement]) -> list[str]:
    """``name [label]`` in the order in which a record gives the values."""
    return [f"{measurement.type}{_label_text(label)}" for measurement in measurements for label in measurement.labels]


def report_lines(report: kpm.MessageFormat1) -> list[str]:
    """``name [label] = value`` for every value; by position where the report does not name its measurements."""
    return _lines(report.records, measurement_names(report.measurements), report.granularity_period_ms)


def conditional_lines(message: kpm.MessageFormat2) -> list[str]:
    """The same for condition-based measurements, with the number of UEs that matched."""
    names = [f"{item.type} over {len(item.ues)} matching UEs" for item in message.measurements]
    return _lines(message.records, names, message.granularity_period_ms)


def _lines(records: tuple[kpm.Record, ...], names: list[str], period_ms: int | None) -> list[str]:
    lines = [f"granularity period: {period_ms} ms"] if period_ms is not None else []
    for number, record in enumerate(records):
        period = f"period {number + 1}: " if len(records) > 1 else ""
        for position, value in enumerate(record.values):
            name = names[position] if position < len(names) else f"value {position + 1}"
            lines.append(f"{period}{name} = {_value_text(value)}")
        if record.incomplete:
            lines.append(f"{period}the record is incomplete")
    return lines


def _value_text(value: kpm.Value) -> str:
    if value is None:
        return "no value"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _label_text(label: kpm.Label) -> str:
    if label == kpm.NO_LABEL:
        return ""
    parts = []
    for item in fields(label):
        value = getattr(label, item.name)
        if isinstance(value, kpm.Snssai):
            parts.append(f"slice {slice_text(value)}")
        elif isinstance(value, bytes):
            parts.append(f"{item.name} {plmn_text(value)}")
        elif value is True:
            parts.append(item.name.replace("_", " "))
        elif value is not None and value is not False:
            parts.append(f"{item.name.replace('_', ' ')} {getattr(value, 'value', value)}")
    return f" [{', '.join(parts)}]"
