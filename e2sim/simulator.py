"""The only stateful physics object: observe a slot, step it with a decision, be in the next one.

Everything random is drawn from streams that decisions never touch, so two allocators given the same seed meet the same
channel, slot by slot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from e2sim.channel import Channel
from e2sim.load import Load
from e2sim.observer import Observer
from e2sim.physics import constraints, delay, objective
from e2sim.physics.queues import Served
from e2sim.physics.units import db_to_linear
from e2sim.population import Population, ServiceLevels
from e2sim.scenario import Scenario
from oran.e2ap.messages import CauseRicRequest
from oran.e2sm.rrm import NOBODY, Allocation, Kpi, RadioReport
from oran.errors import ConfigError, DecisionRefused


class Simulator:
    """Radio cells of one scenario, one per element of the batch.

    Args:
        scenario: the radio.
        rng: seed of every draw; equal seeds give equal episodes whatever is decided.
        batch_shape: leading axes of independent cells; empty for the one cell behind an E2 node.

    Raises:
        ConfigError: a scenario with churn and a batch, which would make the UE axis ragged.
    """

    def __init__(self, scenario: Scenario, rng: np.random.Generator, batch_shape: tuple[int, ...] = ()) -> None:
        if scenario.churn is not None and batch_shape:
            raise ConfigError("churn", batch_shape, "UEs cannot come and go in a simulator with batch axes")
        self.scenario = scenario
        self.batch_shape = batch_shape
        self._levels_of_slices = ServiceLevels.of(scenario)
        self._limits = _Limits.of(scenario)
        self.reset(rng)

    def reset(self, rng: np.random.Generator) -> None:
        """Starts anew with other draws; nobody is served."""
        channel_rng, self._churn_rng, observer_rng, load_rng = rng.spawn(4)
        self._population = Population.initial(self.scenario)
        self._next_ue_id = len(self._population) + 1
        self._spread_population()
        self._channel = Channel(self.scenario, channel_rng, self.batch_shape, len(self._population))
        self._observer = Observer(self.scenario.observation, observer_rng)
        self._reported_db = self._observer.see(self._channel.gain_db)
        self._load: Load | None = None
        if self.scenario.has_queues:
            self._load = Load(self.scenario, load_rng, self.batch_shape, self._population.slice_ids)
        self.served: Served | None = None
        self.slot = 0
        self._late = self._applied = self._refused = 0
        self._kpi: Kpi | None = None
        self._report: RadioReport | None = None
        self.in_force = self._nobody_served()

    @property
    def time_s(self) -> float:
        """Simulated time at the start of the slot."""
        return self.slot * self.scenario.slot_s

    @property
    def ue_m(self) -> NDArray[np.float64]:
        """UE positions, shape (..., U, 2) [m]."""
        return self._channel.ue_m

    @property
    def true_gain_db(self) -> NDArray[np.float64]:
        """The channel of the slot as it is, not as it is reported, shape (..., U, R, K) [dB]."""
        return self._channel.gain_db

    def observe(self) -> RadioReport:
        """The state of the current slot; asked again within the slot, it is the same report."""
        if self._report is None:
            self._report = self._observe()
        return self._report

    def check(self, allocation: Allocation) -> None:
        """Would the node obey? (No batch axes.)

        Raises:
            DecisionRefused: the decision breaks a hard limit; counted.
        """
        found = constraints.violations(allocation, self.observe(), self.scenario.fronthaul.quantisation_noise_w)
        if found:
            self._refused += 1
            text = "; ".join(f"{each.reason}: {each.detail}" for each in found)
            raise DecisionRefused(found[0].reason, text, CauseRicRequest.CONTROL_MESSAGE_INVALID)

    def step(self, allocation: Allocation | None) -> Kpi:
        """Runs the slot that :meth:`observe` showed, then moves the radio on.

        Args:
            allocation: the decision for this slot, obeyed as it is (see :meth:`check`); None: too late, the one in
                force stays.
        """
        if allocation is None:
            self._late += 1
        else:
            self._applied += 1
            self.in_force = self._aligned(allocation)
        self._kpi = self._evaluate(self.in_force)
        if self._load is not None:
            self.served = self._load.serve(self._kpi.rate_bps_hz * self.scenario.radio.prb_bandwidth_hz)
        self.slot += 1
        self._report = None
        self._channel.advance()
        self._reported_db = self._observer.see(self._channel.gain_db)
        self._come_and_go()
        return self._kpi

    def add_ue(self, slice_name: str, home_ru: int = 0) -> int:
        """Lets a UE enter (no batch axes) and returns its identifier.

        Raises:
            ConfigError: no such slice or RU.
        """
        if slice_name not in self.scenario.slice_names:
            raise ConfigError("slice", slice_name, f"known are {', '.join(self.scenario.slice_names)}")
        if not 0 <= home_ru < self.scenario.num_rus:
            raise ConfigError("home_ru", home_ru, f"there are {self.scenario.num_rus} RUs")
        ue_id, self._next_ue_id = self._next_ue_id, self._next_ue_id + 1
        self._population = self._population.with_ue(ue_id, self.scenario.slice_names.index(slice_name))
        self._channel.add_ue(home_ru)
        self._observer.add_ue(self._channel.gain_db[-1:])
        self._reported_db = np.concatenate([self._reported_db, self._channel.gain_db[-1:]])
        if self._load is not None:
            self._load.add_ue(self.scenario.slice_names.index(slice_name))
        self._population_changed()
        return ue_id

    def remove_ue(self, ue_id: int) -> None:
        """Lets a UE leave (no batch axes); its PRBs fall silent.

        Raises:
            ConfigError: no such UE.
        """
        found = np.flatnonzero(self._population.ue_ids == ue_id)
        if found.size == 0:
            raise ConfigError("ue_id", ue_id, "is not in the cell")
        index = int(found[0])
        self._population = self._population.without(index)
        self._channel.remove_ue(index)
        self._observer.remove_ue(index)
        self._reported_db = np.delete(self._reported_db, index, axis=0)
        if self._load is not None:
            self._load.remove_ue(index)
        self._population_changed()

    def _population_changed(self) -> None:
        self._spread_population()
        self.in_force = reindexed(self.in_force, self._ue_ids)
        self._report = None

    def _spread_population(self) -> None:
        """What the report says of the UEs, once a change instead of once a slot."""
        self._ue_ids = self._per_ue(self._population.ue_ids)
        self._slice_ids = self._per_ue(self._population.slice_ids)
        self._levels = self._levels_of_slices.at(self._population.slice_ids, self.batch_shape)

    def _come_and_go(self) -> None:
        churn = self.scenario.churn
        if churn is None:
            return
        leaving = self._churn_rng.random(len(self._population)) < -np.expm1(-self.scenario.slot_s / churn.mean_stay_s)
        for ue_id in self._population.ue_ids[leaving]:
            self.remove_ue(int(ue_id))
        arrivals = self._churn_rng.poisson(churn.arrivals_per_s * self.scenario.slot_s)
        for _ in range(min(arrivals, churn.max_ues - len(self._population))):
            slice_name = self.scenario.slice_names[self._churn_rng.integers(len(self.scenario.slices))]
            self.add_ue(slice_name, int(self._churn_rng.integers(self.scenario.num_rus)))

    def _nobody_served(self) -> Allocation:
        prbs = (*self.batch_shape, self.scenario.num_rus, self.scenario.num_prbs)
        nobody = np.full(self._ue_ids.shape, NOBODY, np.int16)
        return Allocation(self._ue_ids, nobody, np.full(prbs, NOBODY, np.int16), np.zeros(prbs))

    def _aligned(self, allocation: Allocation) -> Allocation:
        if allocation.ue_ids is self._ue_ids or np.array_equal(allocation.ue_ids, self._ue_ids):
            return allocation
        return reindexed(allocation, self._ue_ids)

    def _per_ue(self, values: NDArray) -> NDArray:
        return np.broadcast_to(values, (*self.batch_shape, len(values)))

    def _observe(self) -> RadioReport:
        scenario, levels, limits = self.scenario, self._levels, self._limits
        return RadioReport(
            report_id=self.slot + 1,
            slot=self.slot,
            time_s=self.time_s,
            prb_bandwidth_hz=scenario.radio.prb_bandwidth_hz,
            noise_w=limits.noise_w,
            ru_power_budget_w=limits.ru_power_budget_w,
            prb_power_cap_w=limits.prb_power_cap_w,
            ue_ids=self._ue_ids,
            slice_ids=self._slice_ids,
            weight=levels.weight,
            min_rate_bps_hz=levels.min_rate_bps_hz,
            max_delay_s=levels.max_delay_s,
            slice_names=scenario.slice_names,
            fronthaul_capacity_bps_hz=limits.fronthaul_capacity_bps_hz,
            gain_db=self._reported_db,
            queue_bytes=None if self._load is None else self._load.queue_bytes,
            in_force=self.in_force,
            kpi=self._kpi,
        )

    def _evaluate(self, allocation: Allocation) -> Kpi:
        scenario, levels = self.scenario, self._levels
        rate = objective.rates_bps_hz(db_to_linear(self._channel.gain_db), allocation, self._limits.noise_w)
        waiting_bits = 0.0 if self._load is None else 8.0 * self._load.queue_bytes
        delay_s = delay.transport_delay_s(
            rate * scenario.radio.prb_bandwidth_hz,
            levels.packet_bits + waiting_bits,
            scenario.propagation_delay_s,
        )
        satisfied = objective.rate_satisfied(rate, levels.min_rate_bps_hz)
        satisfied &= objective.delay_satisfied(delay_s, levels.max_delay_s)
        return Kpi(
            weighted_throughput_bps_hz=objective.weighted_throughput_bps_hz(rate, levels.weight),
            rate_bps_hz=rate,
            delay_s=delay_s,
            satisfied=satisfied,
            power_w=allocation.power_w.sum(axis=(-2, -1)),
            late_decisions=self._late,
            applied_decisions=self._applied,
            refused_decisions=self._refused,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Limits:
    """What a scenario's limits come to in W, converted once instead of once a slot."""

    noise_w: float
    prb_power_cap_w: float
    ru_power_budget_w: NDArray[np.float64]
    fronthaul_capacity_bps_hz: NDArray[np.float64]

    @classmethod
    def of(cls, scenario: Scenario) -> _Limits:
        budget_w, capacity = scenario.ru_power_budget_w, scenario.fronthaul_capacity_bps_hz
        for shared in (budget_w, capacity):  # every report shows the same array
            shared.flags.writeable = False
        return cls(scenario.noise_w, scenario.prb_power_cap_w, budget_w, capacity)


def reindexed(allocation: Allocation, ue_ids: NDArray[np.int64]) -> Allocation:
    """The same decision on another UE table (no batch axes).

    PRBs of UEs that are not in the new table fall silent; UEs that were not in the old one are not served.
    """
    position = {int(ue_id): index for index, ue_id in enumerate(ue_ids)}
    new_index = np.array([position.get(int(ue_id), NOBODY) for ue_id in allocation.ue_ids] + [NOBODY], np.int16)
    owner = new_index[allocation.prb_owner]  # NOBODY (-1) picks the last entry, NOBODY
    serving = np.full(len(ue_ids), NOBODY, np.int16)
    kept = new_index[:-1] >= 0
    serving[new_index[:-1][kept]] = allocation.serving_ru[kept]
    power_w = np.where(owner >= 0, allocation.power_w, 0.0)
    return replace(allocation, ue_ids=np.asarray(ue_ids), serving_ru=serving, prb_owner=owner, power_w=power_w)
