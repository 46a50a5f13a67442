"""Reports larger than a peer's octet string are cut into indications and put together again.

Limits met in the field: 16 383 bytes an octet string (no fragmented length determinants), 8 192 bytes a whole PDU in
E2 terminations before April 2026. An indication of E2AP around a fragment costs less than 120 bytes.
"""

from __future__ import annotations

from collections.abc import Iterable

from oran.e2sm.rrm.codec import (
    ALL_GROUPS,
    decode_indication_header,
    decode_report,
    encode_indication_header,
    encode_report,
)
from oran.e2sm.rrm.tensors import malformed
from oran.e2sm.rrm.types import Clock, IndicationHeader, RadioReport, ReportGroup

DEFAULT_FRAGMENT_BYTES = 8_000
"""Fits every peer, E2 terminations with an 8 KiB receive buffer included."""

MAX_FRAGMENT_BYTES = 16_383
"""Largest octet string that peers without support for fragmented lengths can decode."""

MAX_REPORT_BYTES = 4 << 20
"""Largest report put together from fragments; more is refused before it is kept."""


def split_report(
    report: RadioReport,
    groups: Iterable[ReportGroup] = ALL_GROUPS,
    *,
    clock: Clock,
    max_fragment_bytes: int = DEFAULT_FRAGMENT_BYTES,
) -> list[tuple[bytes, bytes]]:
    """Indication header and message of every fragment of a report, in order; at least one."""
    body = encode_report(report, groups)
    starts = range(0, len(body), max_fragment_bytes)
    return [
        (
            encode_indication_header(
                IndicationHeader(report.report_id, number, len(starts), len(body), report.slot, clock)
            ),
            body[start : start + max_fragment_bytes],
        )
        for number, start in enumerate(starts)
    ]


class ReportAssembler:
    """Puts the fragments of one subscription's reports together, in whatever order they come.

    Only the newest report is worth waiting for: a fragment of a newer report discards an unfinished older one.

    Attributes:
        dropped: unfinished reports discarded so far.
        header: header of the report that :meth:`add` returned last.
        octets: that report as it was sent, put together.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self.header: IndicationHeader | None = None
        self.octets = b""
        self._current: IndicationHeader | None = None
        self._parts: dict[int, bytes] = {}

    def add(self, header: bytes, message: bytes) -> RadioReport | None:
        """Takes one indication; the report, once its last fragment is here.

        Raises:
            DecodeError: malformed header, inconsistent fragments or malformed report.
        """
        head = decode_indication_header(header)
        if head.total_bytes > MAX_REPORT_BYTES:
            raise malformed(f"report of {head.total_bytes} bytes")
        if head.num_fragments == 1:
            self._discard_unfinished()
            return self._finish(head, message)
        return self._keep(head, message)

    def _keep(self, head: IndicationHeader, message: bytes) -> RadioReport | None:
        if self._current is None or self._current.report_id != head.report_id:
            self._discard_unfinished()
            self._current = head
        elif (self._current.num_fragments, self._current.total_bytes) != (head.num_fragments, head.total_bytes):
            self._discard_unfinished()
            raise malformed(f"fragments of report {head.report_id} disagree about its size")
        self._parts[head.fragment] = message
        if sum(map(len, self._parts.values())) > head.total_bytes:
            self._discard_unfinished()
            raise malformed(f"fragments of report {head.report_id} exceed its size")
        if len(self._parts) < head.num_fragments:
            return None
        body = b"".join(self._parts[number] for number in range(head.num_fragments))
        self._current, self._parts = None, {}
        return self._finish(head, body)

    def _finish(self, head: IndicationHeader, body: bytes) -> RadioReport:
        if len(body) != head.total_bytes:
            raise malformed(f"report {head.report_id} has {len(body)} bytes, {head.total_bytes} announced")
        report = decode_report(body)
        if report.report_id != head.report_id:
            raise malformed(f"header of report {head.report_id} around report {report.report_id}")
        self.header, self.octets = head, body
        return report

    def _discard_unfinished(self) -> None:
        if self._current is not None:
            self.dropped += 1
        self._current, self._parts = None, {}
