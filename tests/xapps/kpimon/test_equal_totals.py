"""PRB totals that do not change, or are zero: a monitor that divides by their difference dies of them; this one shows
values as they come."""

from __future__ import annotations

import pytest

from oran.e2sm import kpm
from tests.xapps.kpimon.doubles import MEID, Bench
from tests.xapps.kpimon.test_monitor import indication, report, shown
from xapps.kpimon.actions import PlannedAction, Scope

TOTALS = tuple(kpm.Measurement(name) for name in ("RRU.PrbTotDl", "RRU.PrbAvailDl", "RRU.PrbUsedDl"))
ACTION = PlannedAction(1, Scope(), kpm.ActionDefinition(1, kpm.ActionFormat1(TOTALS, 1000)))


@pytest.mark.parametrize("totals", [(50, 24, 24), (0, 0, 0), (100, 0, 48)])
def test_equal_consecutive_prb_totals_are_shown_and_hurt_nothing(totals: tuple[int, int, int]) -> None:
    bench = Bench()
    bench.asking.plans[MEID] = {1: ACTION}
    for _ in range(3):
        bench.deliver(indication(report(totals, totals, names=TOTALS)))
    assert bench.metrics.count(bench.metrics.handler_errors, type="indication") == 0
    assert shown(bench, "RRU.PrbAvailDl") == totals[1]
    assert shown(bench, "RRU.PrbUsedDl") == totals[2]
    bench.deliver(indication(report((totals[0], totals[1] + 1, totals[2]), names=TOTALS)))
    assert shown(bench, "RRU.PrbAvailDl") == totals[1] + 1
