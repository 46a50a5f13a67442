"""Route records, as a route manager sends them or a seed file holds them, turned into tables.

Sans-IO: text in, outcomes out; an outcome is what the sender is told (RMR type 22). A section
(``newrt``, ``updatert`` or ``meid_map``) changes nothing until its end record says it is complete.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from types import MappingProxyType

from oran.rmr.routes import Groups, RouteKey, RouteTable, parse_groups
from oran.rmr.wire import UNSET_SUB_ID

_log = logging.getLogger(__name__)
_COMMENT = re.compile(r"(^|\s)#.*$")


@dataclass(frozen=True, slots=True)
class TableOutcome:
    """How a section ended."""

    accepted: bool
    table_id: str
    """Empty if the start record gave none."""
    reason: str = ""
    """Why it was refused."""


@dataclass(slots=True)
class _Draft:
    """The table a section is building."""

    kind: str
    entries: dict[RouteKey, Groups]
    meid_owners: dict[str, str]
    records: int = 0


class RouteTableReader:
    """Follows records across messages and keeps the last complete table.

    Args:
        table: the table in force before the first record, e.g. a seed. It does not count as a
            full one: ``updatert`` is ignored until a ``newrt`` section has come this way.
    """

    def __init__(self, table: RouteTable | None = None) -> None:
        self.table = table if table is not None else RouteTable()
        self.has_full_table = False
        self._table_id = ""
        self._draft: _Draft | None = None
        self._outcomes: list[TableOutcome] = []

    def feed(self, text: str) -> list[TableOutcome]:
        """Apply the records in ``text``; return how each section that ended here ended.

        Records that are malformed or out of place are left out and logged; an end record with a
        count then refuses the section.
        """
        for line in re.split(r"[\r\n\0]+", text):
            tokens = [token.strip() for token in _COMMENT.sub("", line).strip().split("|")]
            if tokens[0]:
                self._take(tokens)
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def _take(self, tokens: list[str]) -> None:
        kind, boundary = tokens[0], tokens[1] if len(tokens) > 1 else ""
        section = {"n": "newrt", "u": "updatert"}.get(kind[0], kind)
        if section not in ("newrt", "updatert", "meid_map"):
            self._take_entry(tokens)
        elif section == "updatert" and not self.has_full_table:
            _log.warning("route table update ignored: no full table has been received")
        elif boundary == "end":
            self._finish(section, tokens[2:])
        else:
            self._start(section, tokens[2:])

    def _start(self, section: str, identity: list[str]) -> None:
        if self._draft is not None:
            self._refuse("table not complete")
        if identity or section != "updatert":
            self._table_id = identity[0] if identity else ""
        entries = {} if section == "newrt" else dict(self.table.entries)
        self._draft = _Draft(section, entries, dict(self.table.meid_owners))

    def _finish(self, section: str, count: list[str]) -> None:
        draft = self._draft
        if draft is None or draft.kind != section:
            _log.warning("end of a %s section that was not started", section)
        elif count and count[0] != str(draft.records):
            self._refuse(f"missing table records: expected {count[0]} got {draft.records}")
        else:
            self.table = RouteTable(MappingProxyType(draft.entries), MappingProxyType(draft.meid_owners))
            self.has_full_table = self.has_full_table or section == "newrt"
            self._draft = None
            self._outcomes.append(TableOutcome(True, self._table_id))

    def _refuse(self, reason: str) -> None:
        _log.error("route table %s refused: %s", self._table_id or "without id", reason)
        self._draft = None
        self._outcomes.append(TableOutcome(False, self._table_id, reason))

    def _take_entry(self, tokens: list[str]) -> None:
        if self._draft is None:
            _log.debug("route record outside of a section ignored: %s", tokens)
            return
        try:
            self._draft.records += _apply(tokens, self._draft)
        except (ValueError, IndexError):
            _log.warning("malformed route record ignored: %s", "|".join(tokens))


def _apply(tokens: list[str], draft: _Draft) -> int:
    """Change the draft by one record; return how many records that counts for.

    Raises:
        ValueError, IndexError: the record has too few fields or no number where one belongs.
    """
    match tokens[0]:
        case "mse":
            _add(draft, _key(tokens[1], tokens[2]), tokens[3])
        case "mme_ar":
            draft.meid_owners.update(dict.fromkeys(tokens[2].split(), tokens[1]))
        case "mme_del":
            for meid in tokens[1].split():
                draft.meid_owners.pop(meid, None)
        case kind if kind[0] == "r":
            _add(draft, _key(tokens[1], tokens[3] if len(tokens) > 3 else str(UNSET_SUB_ID)), tokens[2])
        case kind if kind[0] == "d":
            _delete(draft, _key(tokens[1], tokens[2]))
        case _:
            _log.debug("unknown route record ignored: %s", tokens)
            return 0
    return 1


def _add(draft: _Draft, key: RouteKey, groups: str) -> None:
    draft.entries.pop(key, None)  # back in at the end: the last record wins
    draft.entries[key] = parse_groups(groups)


def _delete(draft: _Draft, key: RouteKey) -> None:
    """A record without sender takes those with one along: no older one must come back to force."""
    same = [k for k in draft.entries if (k.mtype, k.sub_id) == (key.mtype, key.sub_id)]
    for found in same if not key.sender else [key]:
        draft.entries.pop(found, None)


def _key(qualified_type: str, sub_id: str) -> RouteKey:
    mtype, _, sender = qualified_type.partition(",")
    return RouteKey(int(mtype), int(sub_id), ",".join(name.strip() for name in sender.split(",") if name.strip()))
