"""Many cells at once are planned as one by one, and the price that fits is the lowest of all that are listed."""

from dataclasses import replace

import numpy as np
import pytest

from xapps.classic import rate_slots
from xapps.classic.cell import Cell
from xapps.classic.matching import candidates, candidates_of_each

SHARES = (0.02, 0.2, 0.8)


def cell(seed: int, ues: int = 6, prbs: int = 9, most_rate: float = 6.0) -> Cell:
    rng = np.random.default_rng(seed)
    gain = rng.exponential(size=(ues, prbs)) * 10.0 ** rng.normal(1.0, 1.0, (ues, 1))
    wanted = rng.uniform(0.0, most_rate, ues) * (rng.random(ues) < 0.8)
    return Cell(np.arange(ues), gain, rng.uniform(0.5, 2.0, ues), wanted, budget_w=4.0, cap_w=1.0)


@pytest.mark.parametrize("most_rate", [2.0, 8.0, 25.0])
def test_cells_planned_at_once_get_the_candidates_that_each_gets_alone(most_rate):
    one = cell(0, most_rate=most_rate)
    gain = np.stack([cell(seed).gain_per_w for seed in range(5)])
    for found, gain_per_w in zip(candidates_of_each(one, gain, SHARES), gain, strict=True):
        np.testing.assert_array_equal(found, candidates(replace(one, gain_per_w=gain_per_w), SHARES))


def test_slots_are_those_of_the_lowest_listed_price_at_which_they_fit():
    rng = np.random.default_rng(3)
    one = replace(cell(1, ues=12, prbs=14), min_rate_bps_hz=np.ones(12))
    cost = np.cumsum(rng.exponential(rng.choice([0.1, 1.0, 30.0], (50, 12, 1)), (50, 12, 8)), axis=-1)[..., ::-1]
    found = rate_slots._cheapest_that_fit(one, cost)
    for row, slots in zip(cost, found, strict=True):
        tried = [(row + price * np.arange(1, 9)).argmin(axis=-1) + 1 for price in rate_slots._SLOT_PRICES]
        expected = next((each for each in tried if each.sum() <= 14), tried[-1])
        np.testing.assert_array_equal(slots, expected)
