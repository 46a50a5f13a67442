"""The channel of a scenario as a process: drops, shadowing and fading, advanced slot by slot from its own draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from e2sim.physics import fading, layout, pathloss, shadowing, units
from e2sim.scenario import Scenario
from oran.e2sm.rrm import quantise_gain_db

Array = NDArray[np.float64]


class Channel:
    """Channel gains between every UE and every RU on every PRB.

    Gains live on the grid in which they are reported, so that a decision that meets a minimum rate with equality on
    the report meets it in the air as well.

    Args:
        scenario: geometry and fading.
        rng: source of every draw of this channel.
        batch_shape: leading axes of independent cells.
        num_ues: U at the start.
    """

    _ue_m: Array
    _shadow_db: Array
    _gain_db: Array

    def __init__(
        self, scenario: Scenario, rng: np.random.Generator, batch_shape: tuple[int, ...], num_ues: int
    ) -> None:
        self._scenario = scenario
        self._batch = batch_shape
        self._placement_rng, self._shadowing_rng, self._fading_rng = rng.spawn(3)
        self._ru_m = scenario.ru_positions_m
        self._rho = fading.jakes_correlation(scenario.channel.speed_m_s, scenario.radio.carrier_ghz, scenario.slot_s)
        self._g = np.zeros(0, np.complex128)  # fading coefficients (..., U, R, K), where they have a memory
        self._slots_since_drop = 0
        self._homes = np.arange(num_ues) % scenario.num_rus
        self._drop()

    @property
    def ue_m(self) -> Array:
        """UE positions, shape (..., U, 2) [m]."""
        return self._ue_m

    @property
    def gain_db(self) -> Array:
        """Channel power gain, shape (..., U, R, K) [dB]."""
        return self._gain_db

    def advance(self) -> None:
        """Moves on by one slot."""
        self._slots_since_drop += 1
        period = self._scenario.channel.drop_every_slots
        if period and self._slots_since_drop >= period:
            self._drop()
            return
        if self._scenario.channel.fading == "gauss-markov":
            self._g = fading.gauss_markov(self._fading_rng, self._g, self._rho)
        self._refresh()

    def add_ue(self, home_ru: int) -> None:
        """Drops one more UE round an RU, behind the others."""
        self._homes = np.append(self._homes, home_ru)
        self._ue_m = np.concatenate([self._ue_m, self._positions(self._homes[-1:])], axis=-2)
        self._shadow_db = np.concatenate([self._shadow_db, self._shadows(1)], axis=-2)
        if self._scenario.channel.fading == "gauss-markov":
            self._g = np.concatenate([self._g, self._coefficients(1)], axis=-3)
        self._refresh()

    def remove_ue(self, index: int) -> None:
        """Forgets the UE at an index."""
        self._homes = np.delete(self._homes, index)
        self._ue_m = np.delete(self._ue_m, index, axis=-2)
        self._shadow_db = np.delete(self._shadow_db, index, axis=-2)
        self._gain_db = np.delete(self._gain_db, index, axis=-3)
        if self._scenario.channel.fading == "gauss-markov":
            self._g = np.delete(self._g, index, axis=-3)

    def _drop(self) -> None:
        self._slots_since_drop = 0
        self._ue_m = self._positions(self._homes)
        self._shadow_db = self._shadows(len(self._homes))
        if self._scenario.channel.fading == "gauss-markov":
            self._g = self._coefficients(len(self._homes))
        self._refresh()

    def _refresh(self) -> None:
        distance_m = np.maximum(layout.distance_m(self._ue_m, self._ru_m), self._scenario.layout.min_distance_m)
        large_db = -(self._path_loss_db(distance_m) + self._shadow_db)  # (..., U, R)
        self._gain_db = quantise_gain_db(large_db[..., None] + self._fading_db(large_db.shape))

    def _path_loss_db(self, distance_m: Array) -> Array:
        if self._scenario.channel.path_loss == "macro":
            return pathloss.macro_cell_db(distance_m)
        return pathloss.uma_simplified_db(distance_m, self._scenario.radio.carrier_ghz)

    def _fading_db(self, links: tuple[int, ...]) -> Array:
        shape = (*links, self._scenario.num_prbs)
        kind = self._scenario.channel.fading
        if kind == "rayleigh":
            return units.linear_to_db(fading.rayleigh_power(self._fading_rng, shape))
        return np.zeros(shape) if kind == "none" else units.linear_to_db(np.abs(self._g) ** 2)

    def _positions(self, homes: NDArray[np.int64]) -> Array:
        where = self._scenario.layout
        centre_m = np.broadcast_to(self._ru_m[homes], (*self._batch, len(homes), 2))
        in_area = where.placement == "uniform-area"
        return layout.drop_round(self._placement_rng, centre_m, where.min_distance_m, where.max_distance_m, in_area)

    def _shadows(self, num_ues: int) -> Array:
        shape = (*self._batch, num_ues, self._scenario.num_rus)
        return shadowing.lognormal_db(self._shadowing_rng, self._scenario.channel.shadowing_std_db, shape)

    def _coefficients(self, num_ues: int) -> NDArray[np.complex128]:
        shape = (*self._batch, num_ues, self._scenario.num_rus, self._scenario.num_prbs)
        return fading.rayleigh(self._fading_rng, shape)
