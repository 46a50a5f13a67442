"""The newest values of every node in SDL, for xApps that read them there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ricsdl.exceptions import SdlException

from oran.e2sm.kpm.measurements import DEFINITIONS
from oran.errors import PlatformError
from xapps.kpimon.metrics import Metrics
from xapps.kpimon.series import Series
from xapps.runtime.ledger import Sdl


class Archive:
    """One key a node: its RAN name. Every method belongs on a thread that may wait.

    The value is ``{"unix_s", "measurements": {name: {"unit", "values": [[cell, slice, ue, value], ...]}}}``.
    """

    def __init__(
        self, sdl: Sdl, namespace: str, series: Series, metrics: Metrics, unix_time_s: Callable[[], float]
    ) -> None:
        self._sdl = sdl
        self._namespace = namespace
        self._series = series
        self._metrics = metrics
        self._unix_time_s = unix_time_s
        self._gone: set[str] = set()

    def gone(self, meid: str) -> None:
        """The node has left: its key goes with the next write."""
        self._gone.add(meid)

    def write(self, fresh: set[str]) -> None:
        """Writes the nodes in ``fresh`` and takes them out of it as it goes.

        Raises:
            PlatformError: SDL cannot be reached; the next round goes on from there.
        """
        for meid in sorted(self._gone - fresh):
            with _reached():
                self._sdl.delete(self._namespace, meid)
            self._gone.discard(meid)
        for meid in sorted(fresh):
            fresh.discard(meid)
            try:
                with _reached():
                    self._sdl.set(self._namespace, meid, self._document(meid))
            except PlatformError:
                fresh.add(meid)
                raise
            self._gone.discard(meid)
            self._metrics.sdl_writes.inc()

    def _document(self, meid: str) -> dict[str, Any]:
        measurements: dict[str, dict[str, Any]] = {}
        for name, place, value in self._series.of_node(meid):
            known = DEFINITIONS.get(name)
            entry = measurements.setdefault(name, {"unit": "" if known is None else known.base_unit, "values": []})
            entry["values"].append([place.cell, place.slice, place.ue, value])
        return {"unix_s": self._unix_time_s(), "measurements": measurements}


@contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except (SdlException, IndexError) as error:  # IndexError: SDL's answer to an environment without a database
        raise PlatformError(f"SDL: {error!r}") from error
