"""The node's measurements against plain loops over the simulator's state, and the table that describes them."""

from __future__ import annotations

import numpy as np
import pytest

from e2sim.node.interval import Interval, Place
from e2sim.node.measurements import MEASUREMENTS
from e2sim.node.slice_quota import Quota
from e2sim.node.world import World
from e2sim.scenario import load
from oran.e2sm.kpm.measurements import DEFINITIONS, Kind, Level, names
from tests.e2sim.node.witness import Witness, steady_scenario


def observed(world: World, slots: int) -> tuple[Interval, Witness]:
    interval, witness = Interval(), Witness(world)
    for _ in range(slots):
        witness.slot()
        assert world.outcome is not None
        interval.add(world.outcome)
    return interval, witness


def agree(name: str, quantity: float, expected: float | None) -> None:
    value = MEASUREMENTS[name].definition.value(quantity)
    if expected is None:
        assert value is None, name
    elif isinstance(expected, int):
        assert value == expected, name
    else:
        assert value == pytest.approx(expected, rel=1e-9), name


@pytest.mark.parametrize("scenario", ["tiny", "cell", "interfering-2", "bursty", "steady"])
def test_every_measurement_is_what_plain_loops_over_the_radio_say(scenario: str) -> None:
    chosen = steady_scenario(7, rus=3) if scenario == "steady" else load(scenario)
    world = World(chosen, seed=3, own_scheduler=True)
    interval, witness = observed(world, 12)
    places = [Place(), Place(slice=0), Place(cell=0), Place(cell=0, slice=1)]
    for place in places:
        sums, expected = interval.of_place(place), witness.expected(12, cell=place.cell, slice_=place.slice)
        for name in names(Level.CELL if place.slice is None else Level.SLICE):
            agree(name, float(MEASUREMENTS[name].source(sums)), expected[name])
    of_ues = interval.of_ues()
    for index, ue_id in enumerate(interval.last.ue_ids.tolist()):
        expected = witness.expected(12, ue=ue_id)
        for name in names(Level.UE):
            agree(name, float(MEASUREMENTS[name].source(of_ues)[index]), expected[name])


def test_a_cell_that_nobody_serves_has_no_delay_yet_and_a_throughput_of_zero() -> None:
    interval, _ = observed(World(load("tiny"), seed=1), 3)
    sums = interval.of_place(Place())
    assert np.isnan(MEASUREMENTS["DRB.RlcSduDelayDl"].source(sums))
    assert np.isnan(MEASUREMENTS["DRB.PacketSuccessRateDl"].source(sums))
    assert MEASUREMENTS["DRB.UEThpDl"].source(sums) == 0.0
    assert DEFINITIONS["DRB.RlcSduDelayDl"].value(np.nan) is None


def test_a_ue_that_leaves_keeps_its_part_in_cell_and_slice() -> None:
    world = World(steady_scenario(4), seed=2, own_scheduler=True)
    interval, witness = observed(world, 2)
    world.remove_ue(1)
    for _ in range(2):
        witness.slot()
        interval.add(world.outcome)
    assert interval.last.ue_ids.tolist() == [2, 3, 4]
    assert float(MEASUREMENTS["RRC.ConnMean"].source(interval.of_place(Place()))) == pytest.approx(3.5)
    bits = witness.expected(4)["DRB.RlcSduTransmittedVolumeDL"]
    assert round(float(interval.of_place(Place()).bits) / 1e3) == bits
    assert round(float(interval.of_ues().bits[0]) / 1e3) == witness.expected(4, ue=2)["DRB.RlcSduTransmittedVolumeDL"]


def test_a_ue_that_comes_back_under_another_number_starts_from_nothing() -> None:
    world = World(steady_scenario(2), seed=2, own_scheduler=True)
    interval, _ = observed(world, 3)
    world.remove_ue(2)
    new = world.simulator.add_ue("URLLC")
    world._report = None
    world.advance(decision_due=False)
    interval.add(world.outcome)
    assert interval.last.ue_ids.tolist() == [1, new]
    assert interval.of_ues().ue_slots.tolist() == [4.0, 1.0]


def test_an_unserved_quota_shows_in_the_share_of_prbs() -> None:
    world = World(steady_scenario(4), seed=2, own_scheduler=True)
    world.set_quotas([Quota((0,), 0, 20, 0)])
    interval, _ = observed(world, 5)
    used = float(MEASUREMENTS["RRU.PrbTotDl"].source(interval.of_place(Place(slice=0))))
    assert used == pytest.approx(20.0)


def test_a_row_of_the_table_says_which_values_there_can_be() -> None:
    assert list(MEASUREMENTS) == list(dict.fromkeys(MEASUREMENTS))
    assert set(MEASUREMENTS) == set(DEFINITIONS)
    for name, row in MEASUREMENTS.items():
        definition = row.definition
        assert definition.name == name
        assert Level.CELL in definition.levels
        assert definition.value(definition.high * 2 + 1) == min(definition.high, float("inf"))
        if definition.kind is Kind.INTEGER:
            assert isinstance(definition.value(2.6), int)
            assert 0 <= definition.value(1e12) < 2**32
