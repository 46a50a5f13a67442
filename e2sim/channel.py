"""The channel of a scenario as a process: drops, shadowing and fading, advanced slot by slot from its own draws."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from e2sim.physics import fading, layout, mobility, pathloss, pathloss_38901, shadowing, units
from e2sim.scenario import Scenario
from oran.e2sm.rrm import quantise_gain_db

Array = NDArray[np.float64]

_ENVIRONMENTS = {"38.901-uma": pathloss_38901.UMA, "38.901-umi": pathloss_38901.UMI}


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
    _velocity_m_s: Array
    _sight: NDArray[np.bool_]
    _shadow_db: Array
    _gain_db: Array

    def __init__(
        self, scenario: Scenario, rng: np.random.Generator, batch_shape: tuple[int, ...], num_ues: int
    ) -> None:
        self._scenario = scenario
        self._batch = batch_shape
        self._placement_rng, self._shadowing_rng, self._fading_rng, self._sight_rng = rng.spawn(4)
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

    @property
    def line_of_sight(self) -> NDArray[np.bool_]:
        """Which links see their RU, shape (..., U, R); False throughout for models without line of sight."""
        return self._sight

    def advance(self) -> None:
        """Moves on by one slot."""
        self._slots_since_drop += 1
        period = self._scenario.channel.drop_every_slots
        if period and self._slots_since_drop >= period:
            self._drop()
            return
        if self._scenario.channel.walking:
            self._walk()
        if self._scenario.channel.fading == "gauss-markov":
            self._g = fading.gauss_markov(self._fading_rng, self._g, self._rho)
        self._gain_db = self._gains_db(slice(None))

    def add_ue(self, home_ru: int) -> None:
        """Drops one more UE round an RU, behind the others."""
        self._homes = np.append(self._homes, home_ru)
        entered_m = self._positions(self._homes[-1:])
        self._ue_m = np.concatenate([self._ue_m, entered_m], axis=-2)
        self._velocity_m_s = np.concatenate([self._velocity_m_s, self._velocities(1)], axis=-2)
        sight = self._sights(entered_m)
        self._shadow_db = np.concatenate([self._shadow_db, self._shadows(entered_m, sight)], axis=-2)
        self._sight = np.concatenate([self._sight, sight], axis=-2)
        if self._scenario.channel.fading == "gauss-markov":
            self._g = np.concatenate([self._g, self._coefficients(1)], axis=-3)
        self._gain_db = np.concatenate([self._gain_db, self._gains_db(slice(-1, None))], axis=-3)

    def remove_ue(self, index: int) -> None:
        """Forgets the UE at an index."""
        self._homes = np.delete(self._homes, index)
        self._ue_m = np.delete(self._ue_m, index, axis=-2)
        self._velocity_m_s = np.delete(self._velocity_m_s, index, axis=-2)
        self._shadow_db = np.delete(self._shadow_db, index, axis=-2)
        self._sight = np.delete(self._sight, index, axis=-2)
        self._gain_db = np.delete(self._gain_db, index, axis=-3)
        if self._scenario.channel.fading == "gauss-markov":
            self._g = np.delete(self._g, index, axis=-3)

    def _drop(self) -> None:
        self._slots_since_drop = 0
        self._ue_m = self._positions(self._homes)
        self._velocity_m_s = self._velocities(len(self._homes))
        self._sight = self._sights(self._ue_m)
        self._shadow_db = self._shadows(self._ue_m, self._sight)
        if self._scenario.channel.fading == "gauss-markov":
            self._g = self._coefficients(len(self._homes))
        self._gain_db = self._gains_db(slice(None))

    def _gains_db(self, ues: slice) -> Array:
        """Gains of some UEs in this slot, shape (..., those UEs, R, K)."""
        path_loss_db = self._path_loss_db(self._distance_m(self._ue_m[..., ues, :]), self._sight[..., ues, :])
        large_db = -(path_loss_db + self._shadow_db[..., ues, :])
        return quantise_gain_db(large_db[..., None] + self._fading_db(large_db.shape, ues))

    def _walk(self) -> None:
        channel, where = self._scenario.channel, self._scenario.layout
        low_m, high_m = self._ru_m.min(axis=0) - where.max_distance_m, self._ru_m.max(axis=0) + where.max_distance_m
        before_m = self._ue_m
        self._ue_m, self._velocity_m_s = mobility.walk(
            before_m, self._velocity_m_s, self._scenario.slot_s, low_m, high_m
        )
        if channel.shadowing_correlation_m is not None:
            step_m = np.hypot(*np.moveaxis(self._ue_m - before_m, -1, 0))
            self._shadow_db = shadowing.moved_db(
                self._shadowing_rng,
                self._shadow_db,
                step_m,
                self._shadowing_std_db(self._sight),
                channel.shadowing_correlation_m,
            )

    def _distance_m(self, ue_m: Array) -> Array:
        return np.maximum(layout.distance_m(ue_m, self._ru_m), self._scenario.layout.min_distance_m)

    def _path_loss_db(self, distance_m: Array, sight: NDArray[np.bool_]) -> Array:
        kind, carrier_ghz = self._scenario.channel.path_loss, self._scenario.radio.carrier_ghz
        if kind in _ENVIRONMENTS:
            return pathloss_38901.path_loss_db(_ENVIRONMENTS[kind], distance_m, carrier_ghz, sight)
        if kind == "macro":
            return pathloss.macro_cell_db(distance_m)
        return pathloss.uma_simplified_db(distance_m, carrier_ghz)

    def _sights(self, ue_m: Array) -> NDArray[np.bool_]:
        """Which links have line of sight, shape (..., U, R)."""
        distance_m = self._distance_m(ue_m)
        environment = _ENVIRONMENTS.get(self._scenario.channel.path_loss)
        if environment is None:
            return np.zeros(distance_m.shape, np.bool_)
        probability = pathloss_38901.line_of_sight_probability(environment, distance_m)
        return self._sight_rng.random(distance_m.shape) < probability

    def _velocities(self, num_ues: int) -> Array:
        shape = (*self._batch, num_ues)
        if not self._scenario.channel.walking:
            return np.zeros((*shape, 2))
        return mobility.random_velocity_m_s(self._placement_rng, self._scenario.channel.speed_m_s, shape)

    def _fading_db(self, links: tuple[int, ...], ues: slice) -> Array:
        shape = (*links, self._scenario.num_prbs)
        kind = self._scenario.channel.fading
        if kind == "rayleigh":
            return units.linear_to_db(fading.rayleigh_power(self._fading_rng, shape))
        return np.zeros(shape) if kind == "none" else units.linear_to_db(np.abs(self._g[..., ues, :, :]) ** 2)

    def _positions(self, homes: NDArray[np.int64]) -> Array:
        where = self._scenario.layout
        centre_m = np.broadcast_to(self._ru_m[homes], (*self._batch, len(homes), 2))
        in_area = where.placement == "uniform-area"
        return layout.drop_round(self._placement_rng, centre_m, where.min_distance_m, where.max_distance_m, in_area)

    def _shadowing_std_db(self, sight: NDArray[np.bool_]) -> Array | float:
        channel = self._scenario.channel
        if channel.shadowing_std_db == "38.901":
            return pathloss_38901.shadowing_std_db(_ENVIRONMENTS[channel.path_loss], sight)
        return channel.shadowing_std_db

    def _shadows(self, ue_m: Array, sight: NDArray[np.bool_]) -> Array:
        rus, distance_m = self._scenario.num_rus, self._scenario.channel.shadowing_correlation_m
        rng, std_db = self._shadowing_rng, self._shadowing_std_db(sight)
        if distance_m is not None:
            return shadowing.correlated_db(rng, std_db, ue_m, rus, distance_m)
        return shadowing.lognormal_db(rng, std_db, (*ue_m.shape[:-1], rus))

    def _coefficients(self, num_ues: int) -> NDArray[np.complex128]:
        shape = (*self._batch, num_ues, self._scenario.num_rus, self._scenario.num_prbs)
        return fading.rayleigh(self._fading_rng, shape)
