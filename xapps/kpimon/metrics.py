"""What the KPI monitor tells of itself."""

from __future__ import annotations

from xapps.runtime.metrics import PlatformMetrics


class Metrics(PlatformMetrics):
    """Metrics of one KPI monitor; the measurements themselves are in ``series``."""

    def __init__(self) -> None:
        super().__init__()
        self.readings = self._counter("kpimon_readings", "measured values received", "meid")
        self.readings_without_value = self._counter("kpimon_readings_without_value", "noValue received", "meid")
        self.readings_dropped = self._counter("kpimon_readings_dropped", "values beyond the limit of series")
        self.sdl_writes = self._counter("kpimon_sdl_writes", "nodes written to SDL")
