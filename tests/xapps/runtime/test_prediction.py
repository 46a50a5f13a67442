"""What decisions promise, against a slow loop over PRBs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from oran.errors import DecisionRefused
from tests.xapps.runtime.doubles import make_allocation, make_report
from xapps.runtime.prediction import agreement, predicted


def slow_throughput(allocation, report) -> float:
    gain = 10 ** (report.gain_db / 10)
    total = 0.0
    for ru, prb in np.ndindex(allocation.prb_owner.shape):
        owner = allocation.prb_owner[ru, prb]
        if owner < 0:
            continue
        row = list(report.ue_ids).index(allocation.ue_ids[owner])
        received = [gain[row, other, prb] * allocation.power_w[other, prb] for other in range(report.num_rus)]
        sinr = received[ru] / (sum(received) - received[ru] + report.noise_w)
        total += report.weight[row] * np.log2(1 + sinr)
    return total


@pytest.mark.parametrize("seed", range(5))
def test_the_promise_is_the_sum_of_weighted_shannon_rates(seed: int) -> None:
    report = make_report(seed=seed, ues=5, rus=3)
    allocation = make_allocation(report)
    assert predicted(allocation, report).throughput == pytest.approx(slow_throughput(allocation, report))


def test_the_promise_does_not_depend_on_the_order_of_the_decisions_table() -> None:
    report = make_report(ues=5)
    allocation = make_allocation(report)
    order = np.array([3, 1, 4, 0, 2])
    position = np.argsort(order).astype(np.int16)
    shuffled = replace(
        allocation,
        ue_ids=allocation.ue_ids[order],
        serving_ru=allocation.serving_ru[order],
        prb_owner=position[allocation.prb_owner],
    )
    one, other = predicted(allocation, report), predicted(shuffled, report)
    assert one.throughput == pytest.approx(other.throughput)
    assert one.satisfied == other.satisfied
    assert agreement(allocation, shuffled) == 1.0


def test_a_ue_that_the_decision_leaves_out_gets_nothing() -> None:
    report = make_report(ues=4, rus=1)
    smaller = make_allocation(make_report(ues=3, rus=1))
    assert predicted(smaller, report).throughput == pytest.approx(slow_throughput(smaller, report))


def test_agreement_is_the_share_of_prbs_with_the_same_owner() -> None:
    report = make_report(ues=4, rus=2, prbs=6)
    one = make_allocation(report)
    owner = one.prb_owner.copy()
    owner[0, :3] = -1
    assert agreement(one, replace(one, prb_owner=owner)) == pytest.approx(9 / 12)


def test_without_a_channel_there_is_no_promise() -> None:
    report = make_report()
    with pytest.raises(DecisionRefused, match="channel"):
        predicted(make_allocation(report), replace(report, gain_db=None))
