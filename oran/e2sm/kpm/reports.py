"""Measurement reports (indication message formats 1 and 3), written and read by hand.

The tables would do, at a tenth of the speed: a report is octet-aligned nearly everywhere, and its
list of measurements is the same octets in every report of a subscription, so it is kept.
Layout from a report's first record on: count - 1 in two octets; for each record two bits, the
number of values, the values; then the measurements and the granularity period.
"""

from __future__ import annotations

from functools import lru_cache

from oran.aper import BitReader, BitWriter, malformed, real_octets, real_value
from oran.aper.writer import FRAGMENT, length_octets
from oran.e2sm.identifiers import UE_ID, GnbDuUeId, UeId
from oran.e2sm.kpm.model import Measurement, MessageFormat1, Record, UeReport, Value
from oran.e2sm.kpm.tables import MEASUREMENTS, PERIOD_MS, VALUE
from oran.errors import LocalProtocolError

MAX_COUNT = 65_535
_KEPT = 64
_KEPT_OCTETS = 8_192
_SMALL = tuple(bytes((0, value)) for value in range(256))
_MIN_RECORD_BITS = 13
_UNUSUAL = 0x40


class ReportWriter:
    """Collects octets, and the bits that do not fill an octet yet."""

    __slots__ = ("_bits", "_chunks", "_count")

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._bits = 0
        self._count = 0

    def to_bytes(self) -> bytes:
        """Everything written, padded to an octet."""
        self._flush()
        return b"".join(self._chunks)

    def octets(self, octets: bytes) -> None:
        """Align, then append."""
        self._flush()
        self._chunks.append(octets)

    def _flush(self) -> None:
        if self._count:
            self._chunks.append((self._bits << -self._count % 8).to_bytes((self._count + 7) >> 3, "big"))
            self._bits = self._count = 0

    def bits(self, bits: int, count: int) -> None:
        """Append bits."""
        self._bits = self._bits << count | bits
        self._count += count

    def ue_report(self, item: UeReport) -> None:
        """One item of format 3: extension bit, UEID, report."""
        if self._count & 7:
            writer = BitWriter()
            writer.bits(self._bits, self._count)
            _write_ue(writer, item.ue)
            self._bits = self._count = 0
            self._chunks.append(writer.to_bytes())
        else:
            self.octets(_ue_octets(item.ue))
        self.report(item.report)

    def report(self, report: MessageFormat1) -> None:
        """A MessageFormat1: presence bits, records, measurements, granularity period."""
        measurements, period_ms = report.measurements, report.granularity_period_ms
        self.bits(bool(measurements) << 1 | (period_ms is not None), 3)
        self._records(report.records)
        if measurements:
            self._flush()
            octets, bits, count = _tail(measurements, period_ms)
            self._chunks.append(octets)
            self._bits, self._count = bits, count
        elif period_ms is not None:
            self._period(period_ms)

    def _period(self, period_ms: int) -> None:
        writer = BitWriter()
        writer.bits(self._bits, self._count)
        PERIOD_MS.write(writer, period_ms)
        self._bits = self._count = 0
        self._chunks.append(writer.to_bytes())

    def _records(self, records: tuple[Record, ...]) -> None:
        if not 1 <= len(records) <= MAX_COUNT:
            raise LocalProtocolError(f"{len(records)} records, 1..{MAX_COUNT} allowed")
        self.octets((len(records) - 1).to_bytes(2, "big"))
        for record in records:
            values = record.values
            if not 1 <= len(values) < FRAGMENT:
                raise LocalProtocolError(f"{len(values)} values in a record, 1..{FRAGMENT - 1} supported")
            self.bits(bool(record.incomplete), 2)
            self.octets(length_octets(len(values)))
            self._values(values)
            if record.incomplete:
                self.bits(0, 1)

    def _values(self, values: tuple[Value, ...]) -> None:
        append = self._chunks.append
        for value in values:
            if isinstance(value, int):
                if self._count == 0 and 0 <= value < 256:
                    append(_SMALL[value])
                else:
                    self._integer(value)
            elif value is None:
                self._bits, self._count = self._bits << 3 | 2, self._count + 3
            elif not isinstance(value, float):
                raise LocalProtocolError(f"{value!r} is neither a Python number nor None")
            else:
                contents = real_octets(value)
                self.bits(1, 3)
                self._flush()
                append(length_octets(len(contents)) + contents)

    def _integer(self, value: int) -> None:
        if not 0 <= value < 1 << 32:
            raise LocalProtocolError(f"{value} is outside 0..2^32-1")
        size = (value.bit_length() + 7) >> 3 or 1
        if self._count:
            self.bits(size - 1, 5)
            self._flush()
            self._chunks.append(value.to_bytes(size, "big"))
        else:
            self._chunks.append((size - 1 << 8 * size + 3 | value).to_bytes(size + 1, "big"))


def _write_ue(writer: BitWriter, ue: UeId) -> None:
    writer.bits(0, 1)
    UE_ID.write(writer, ue)


@lru_cache(maxsize=4096)
def _ue_octets(ue: UeId) -> bytes:
    """Extension bit and UEID, from an octet boundary; every alternative ends at one."""
    writer = BitWriter()
    _write_ue(writer, ue)
    return writer.to_bytes()


# Kept by identity: hashing a list of measurements costs more than the report it belongs to.
_written: dict[tuple[int, int | None], tuple[tuple[Measurement, ...], tuple[bytes, int, int]]] = {}


def _tail(measurements: tuple[Measurement, ...], period_ms: int | None) -> tuple[bytes, int, int]:
    """Measurements and granularity period from an octet boundary: whole octets, then bits and their count."""
    key = id(measurements), period_ms
    kept = _written.get(key)
    if kept is not None and kept[0] is measurements:
        return kept[1]
    writer = BitWriter()
    MEASUREMENTS.write(writer, measurements)
    if period_ms is not None:
        PERIOD_MS.write(writer, period_ms)
    tail = writer.parts()
    if len(_written) >= _KEPT:
        _written.clear()
    _written[key] = measurements, tail
    return tail


# --- reading ----------------------------------------------------------------------------------


def read_ue_report(reader: BitReader) -> UeReport:
    """One item of format 3."""
    at, data = reader.position >> 3, reader.data
    if not reader.position & 7 and at + 2 < len(data) and data[at] & 0xFE == 0x08:
        # gNB-DU-UEID without RAN UE id: 0, 0 001, 0 0, two bits of length, pad
        stop = at + 3 + ((data[at] & 1) << 1 | data[at + 1] >> 7)
        if stop > len(data):
            raise malformed("a UE identifier is cut off")
        ue: UeId = GnbDuUeId(int.from_bytes(data[at + 2 : stop], "big"))
        reader.position = stop << 3
        return UeReport(ue, read_report(reader))
    extended = reader.bits(1)
    item = UeReport(UE_ID.read(reader), read_report(reader))
    if extended:
        reader.skip_additions()
    return item


def read_report(reader: BitReader) -> MessageFormat1:
    """A MessageFormat1 from wherever the reader stands."""
    present = reader.bits(3)
    records = _read_records(reader)
    measurements, period_ms = _read_tail(reader, present)
    if present & 4:
        reader.skip_additions()
    return MessageFormat1(records, measurements, period_ms)


def _read_records(reader: BitReader) -> tuple[Record, ...]:
    count = int.from_bytes(reader.octets(2), "big") + 1
    reader.require(count * _MIN_RECORD_BITS)
    return tuple([_read_record(reader) for _ in range(count)])


def _read_record(reader: BitReader) -> Record:
    flags = reader.bits(2)
    count, more = reader.length()
    values = _read_values(reader, count)
    while more:
        count, more = reader.length()
        values += _read_values(reader, count)
    if not values:
        raise malformed("a record without values")
    if flags & 1 and reader.bits(1):
        reader.small_number()
    if flags & 2:
        reader.skip_additions()
    return Record(tuple(values), bool(flags & 1))


def _read_values(reader: BitReader, count: int) -> list[Value]:
    reader.require(count * 3)
    data, at, end = reader.data, reader.position, len(reader.data)
    values: list[Value] = []
    for _ in range(count):
        octet = at >> 3
        head = _UNUSUAL if at & 7 or octet + 1 >= end else data[octet]
        if head < 0x20:  # integer: 000, two bits of length, pad
            stop = octet + 2 + (head >> 3)
            value: Value = int.from_bytes(data[octet + 1 : stop], "big")
        elif head < 0x40 and data[octet + 1] < 0x80:  # real: 001, pad, length
            stop = octet + 2 + data[octet + 1]
            value = real_value(data[octet + 2 : stop])
        else:
            reader.position = at
            values.append(VALUE.read(reader))
            at = reader.position
            continue
        if stop > end:
            raise malformed("a value is cut off")
        values.append(value)
        at = stop << 3
    reader.position = at
    return values


_Tail = tuple[bytes, tuple[Measurement, ...], int]
_read: tuple[_Tail, ...] = ()


def _read_tail(reader: BitReader, present: int) -> tuple[tuple[Measurement, ...], int | None]:
    """Measurements and granularity period. Equal octets have equal meaning, so recent ones are kept."""
    global _read
    start = (reader.position + 7) >> 3
    if present & 3 == 3:
        for octets, measurements, period_ms in _read:
            if reader.data.startswith(octets, start):
                reader.position = (start + len(octets)) << 3
                return measurements, period_ms
    measurements = MEASUREMENTS.read(reader) if present & 2 else ()
    period = PERIOD_MS.read(reader) if present & 1 else None
    if present & 3 == 3 and period is not None:
        octets = reader.data[start : reader.position >> 3]
        if len(octets) <= _KEPT_OCTETS:
            _read = ((octets, measurements, period), *_read[: _KEPT - 1])
    return measurements, period
