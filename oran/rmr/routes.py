"""RMR route tables: which endpoints get a message of some type, subscription and managed entity.

A :class:`RouteTable` is immutable. :class:`RouteTableReader` (records in, tables out) makes the
next one, :func:`RouteTable.render` writes one, and :class:`RouteView` is what one process sees of
it: its own sender-qualified entries, without itself among the endpoints.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from oran.errors import ConfigError
from oran.rmr.wire import UNSET_SUB_ID

MEID_OWNER: Final = "%meid"
"""Endpoint that stands for the owner of the message's managed entity."""
MAX_ENDPOINTS_PER_GROUP: Final = 32
MAX_GROUPS: Final = 64

Groups = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class RouteKey:
    """What a record applies to; at most one record a key and process is in force."""

    mtype: int
    sub_id: int = UNSET_SUB_ID
    sender: str = ""
    """``name:port`` of the process that uses the record, or several with commas; empty for all."""

    @property
    def qualified_type(self) -> str:
        """``mtype`` or ``mtype,sender``, as in a record."""
        return f"{self.mtype},{self.sender}" if self.sender else str(self.mtype)

    def applies_to(self, own_names: set[str]) -> bool:
        """Whether the process known by ``own_names`` uses the record."""
        return not self.sender or not own_names.isdisjoint(self.sender.split(","))


@dataclass(frozen=True, slots=True)
class RouteTable:
    """A full table: route entries in order of arrival, and the owners of managed entities."""

    entries: Mapping[RouteKey, Groups] = field(default_factory=lambda: MappingProxyType({}))
    meid_owners: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @staticmethod
    def parse(text: str) -> RouteTable:
        """The last complete table in ``text``, as a static (seed) file holds it.

        Raises:
            ConfigError: there is none.
        """
        from oran.rmr.route_records import RouteTableReader  # it builds on this module

        reader = RouteTableReader()
        reader.feed(text)
        if not reader.has_full_table:
            raise ConfigError("route table", text[:80], "holds no complete newrt|start .. newrt|end")
        return reader.table

    def with_route(
        self, mtype: int, groups: str | Groups, *, sub_id: int = UNSET_SUB_ID, sender: str = ""
    ) -> RouteTable:
        """This table and one more record; it is now the last, and so wins over its like.

        Args:
            groups: ``"a:1,b:2;c:3"``, ``"%meid"``, or the same as tuples.

        Raises:
            ConfigError: more groups, or more endpoints in one, than RMR takes.
        """
        key = RouteKey(mtype, sub_id, sender)
        entries = {k: v for k, v in self.entries.items() if k != key}
        entries[key] = _within_limits(_split_groups(groups) if isinstance(groups, str) else groups)
        return replace(self, entries=MappingProxyType(entries))

    def without_route(self, mtype: int, *, sub_id: int = UNSET_SUB_ID, sender: str = "") -> RouteTable:
        """This table without one record; the same table if it has none such."""
        key = RouteKey(mtype, sub_id, sender)
        return replace(self, entries=MappingProxyType({k: v for k, v in self.entries.items() if k != key}))

    def with_meids(self, endpoint: str, meids: Iterable[str]) -> RouteTable:
        """This table with ``endpoint`` as the owner of ``meids``."""
        return replace(self, meid_owners=MappingProxyType({**self.meid_owners, **dict.fromkeys(meids, endpoint)}))

    def without_meids(self, meids: Iterable[str]) -> RouteTable:
        """This table with ``meids`` owned by nobody."""
        gone = set(meids)
        return replace(self, meid_owners=MappingProxyType({k: v for k, v in self.meid_owners.items() if k not in gone}))

    def seen_by(self, own_names: Iterable[str]) -> RouteView:
        """What the process known by ``own_names`` (``name:port``, ``address:port``) sees of it."""
        return RouteView(self, own_names)

    def lookup(
        self, mtype: int, sub_id: int = UNSET_SUB_ID, meid: str = "", own_names: Iterable[str] = ()
    ) -> list[list[str]]:
        """Groups of endpoints; one endpoint of each gets a copy. Empty: there is no route."""
        return self.seen_by(own_names).lookup(mtype, sub_id, meid)

    def render(self, table_id: str = "", receiver: str | None = None) -> str:
        """Records that make a peer hold this table: the routes, then the managed entities.

        Args:
            table_id: comes back in the peer's acknowledgement.
            receiver: leave out what is qualified for senders other than this one.
        """
        seen = self.entries if receiver is None else [key for key in self.entries if key.applies_to({receiver})]
        return _enclosed("newrt", [self._entry(key) for key in seen], table_id) + self.render_meid_map(table_id)

    def render_meid_map(self, table_id: str = "", since: RouteTable | None = None) -> str:
        """The ``meid_map`` section alone: what ``since`` owned and this table does not is deleted."""
        gone = [meid for meid in since.meid_owners if meid not in self.meid_owners] if since else []
        owned: dict[str, list[str]] = {}
        for meid, endpoint in self.meid_owners.items():
            owned.setdefault(endpoint, []).append(meid)
        records = [f"mme_del|{' '.join(gone)}"] if gone else []
        records += [f"mme_ar|{endpoint}|{' '.join(meids)}" for endpoint, meids in owned.items()]
        return _enclosed("meid_map", records, table_id)

    def render_update(self, since: RouteTable, table_id: str = "") -> str:
        """``updatert`` records that take a peer's routes from ``since`` to this table."""
        gone = [key for key in since.entries if key not in self.entries]
        before, after = since._by_message(), self._by_message()
        # all records of a message together: their order decides which one wins
        new = [key for message, records in after.items() if before.get(message) != records for key in records]
        records = [f"del|{key.qualified_type}|{key.sub_id}" for key in gone]
        return _enclosed("updatert", records + [self._entry(key) for key in new], table_id)

    def _by_message(self) -> dict[tuple[int, int], OrderedDict[RouteKey, Groups]]:
        found: dict[tuple[int, int], OrderedDict[RouteKey, Groups]] = {}
        for key, groups in self.entries.items():
            found.setdefault((key.mtype, key.sub_id), OrderedDict())[key] = groups  # equal only in equal order
        return found

    def _entry(self, key: RouteKey) -> str:
        return f"mse|{key.qualified_type}|{key.sub_id}|{render_groups(self.entries[key])}"


def _enclosed(kind: str, records: list[str], table_id: str) -> str:
    start = f"{kind}|start|{table_id}" if table_id else f"{kind}|start"
    return "\n".join([start, *records, f"{kind}|end|{len(records)}", ""])


def parse_groups(text: str) -> Groups:
    """``"a:1,b:2;c:3"`` as tuples; endpoints and groups beyond RMR's limits are left out, as it does."""
    return tuple(group[:MAX_ENDPOINTS_PER_GROUP] for group in _split_groups(text))[:MAX_GROUPS]


def _split_groups(text: str) -> Groups:
    groups = (tuple(name.strip() for name in group.split(",") if name.strip()) for group in text.split(";"))
    return tuple(group for group in groups if group)


def _within_limits(groups: Groups) -> Groups:
    if len(groups) > MAX_GROUPS or any(len(group) > MAX_ENDPOINTS_PER_GROUP for group in groups):
        why = f"RMR takes {MAX_GROUPS} groups of {MAX_ENDPOINTS_PER_GROUP} endpoints"
        raise ConfigError("route", render_groups(groups)[:80], why)
    return groups


def render_groups(groups: Groups) -> str:
    """The text form of ``groups``."""
    return ";".join(",".join(group) for group in groups)


class RouteView:
    """One process's view of a table, with the round-robin position of each group.

    Not to be shared by threads that need a strict rotation; a lost turn is harmless.
    """

    def __init__(self, table: RouteTable, own_names: Iterable[str]) -> None:
        own = set(own_names)
        self.table = table
        self._routes: dict[tuple[int, int], list[list[str]]] = {}
        for key, groups in table.entries.items():  # in order of arrival: the last record wins
            if key.applies_to(own):
                others = [[name for name in group if name not in own] for group in groups]
                self._routes[key.mtype, key.sub_id] = [group for group in others if group]
        self._owners = table.meid_owners
        self._turns: dict[tuple[int, int], itertools.count[int]] = {}

    def lookup(self, mtype: int, sub_id: int = UNSET_SUB_ID, meid: str = "") -> list[list[str]]:
        """Groups of endpoints: (mtype, sub_id) if there is a record, else (mtype, -1)."""
        groups = self._routes.get(self._key(mtype, sub_id), [])
        if groups and groups[0] == [MEID_OWNER]:
            return [[self._owners[meid]]] if meid in self._owners else []
        return groups

    def targets(self, mtype: int, sub_id: int = UNSET_SUB_ID, meid: str = "") -> list[str]:
        """One endpoint of each group, the groups' members taking turns."""
        groups = self.lookup(mtype, sub_id, meid)
        if all(len(group) == 1 for group in groups):
            return [group[0] for group in groups]
        turn = next(self._turns.setdefault(self._key(mtype, sub_id), itertools.count()))
        return [group[turn % len(group)] for group in groups]

    def _key(self, mtype: int, sub_id: int) -> tuple[int, int]:
        return (mtype, sub_id) if (mtype, sub_id) in self._routes else (mtype, UNSET_SUB_ID)
