"""Scenarios: typed, frozen descriptions of an experiment's radio, read from YAML and named by their digest."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from e2sim.physics import delay, fronthaul, layout, units
from oran.errors import ConfigError

SCENARIO_DIRECTORY = Path(__file__).parent / "scenarios"

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class RadioConfig(_Frozen):
    """Carrier, noise and transmit powers."""

    carrier_ghz: Annotated[float, Field(ge=0.5, le=100)] = 2.0
    num_prbs: Annotated[int, Field(ge=1, le=275)] = 25
    prb_bandwidth_hz: Positive = 180e3
    noise_density_dbm_hz: float = units.THERMAL_NOISE_DBM_HZ
    noise_figure_db: NotNegative = 0.0
    ru_power_budget_dbm: float | tuple[float, ...] = 40.0
    """P_max of each RU (paper 1, eq. 11); one value for all, or one an RU."""
    prb_power_cap_dbm: float = 30.0
    """Largest power on one PRB (paper 1, eq. 13)."""


class LayoutConfig(_Frozen):
    """Where radio units stand and users are dropped."""

    num_rus: Annotated[int, Field(ge=1, le=64)] = 1
    inter_site_m: Positive = 500.0
    """Distance of neighbours in the hexagonal grid; without meaning for one RU."""
    positions_m: tuple[tuple[float, float], ...] = ()
    """RU positions (x, y) instead of the hexagonal grid."""
    placement: Literal["uniform-distance", "uniform-area"] = "uniform-distance"
    min_distance_m: Positive = 10.0
    max_distance_m: Positive = 500.0

    @model_validator(mode="after")
    def _consistent(self) -> LayoutConfig:
        if self.min_distance_m >= self.max_distance_m:
            raise ValueError(f"min_distance_m {self.min_distance_m} is not below max_distance_m {self.max_distance_m}")
        if self.positions_m and len(self.positions_m) != self.num_rus:
            raise ValueError(f"{len(self.positions_m)} positions_m for {self.num_rus} RUs")
        return self


class ChannelConfig(_Frozen):
    """Large- and small-scale fading and how they change from slot to slot."""

    path_loss: Literal["uma-simplified", "macro", "38.901-uma", "38.901-umi"] = "uma-simplified"
    """The 38.901 models draw line of sight by its probability."""
    shadowing_std_db: NotNegative | Literal["38.901"] = 8.0
    """Of all links, or that of TR 38.901, Table 7.4.1-1, by line of sight (only with its path loss)."""
    shadowing_correlation_m: Positive | None = None
    """Distance over which shadowing of neighbours, or of a walking UE, resembles; none: independent."""
    fading: Literal["rayleigh", "gauss-markov", "none"] = "rayleigh"
    """``rayleigh``: independent in every slot; ``gauss-markov``: correlated by ``speed_m_s``; ``none``: |g|^2 = 1."""
    speed_m_s: NotNegative = 1.0
    """Speed of the UEs: the Doppler of ``gauss-markov`` fading, and of those that walk."""
    walking: bool = False
    """UEs move straight on and are reflected at the edges of the layout."""
    drop_every_slots: Annotated[int, Field(ge=0)] = 0
    """Positions and shadowing are drawn anew every so many slots (independent drops); 0: they stay."""

    @model_validator(mode="after")
    def _shadowing_of_its_own_table(self) -> ChannelConfig:
        if self.shadowing_std_db == "38.901" and not self.path_loss.startswith("38.901"):
            raise ValueError(f"shadowing_std_db 38.901 goes with a path loss of 38.901, not {self.path_loss}")
        return self


class SliceConfig(_Frozen):
    """A service: how many UEs it has and what they are promised."""

    name: Annotated[str, Field(min_length=1)]
    num_ues: Annotated[int, Field(ge=0, le=1024)]
    weight: NotNegative = 1.0
    """w_s of the objective (paper 1, eq. 10)."""
    min_rate_bps_hz: NotNegative = 0.0
    """R_min summed over a UE's PRBs (eq. 14)."""
    max_delay_s: Positive | None = None
    """D_max (eq. 16); none: unbounded."""
    packet_bytes: Positive = 1000.0
    """Mean packet size mu."""
    traffic: Literal["full-buffer", "cbr", "poisson", "mmtc", "vonr", "embb-pareto", "urllc-sporadic"] = "full-buffer"
    """Arrivals; the last three are the sources of paper 3 with packet sizes of their own."""
    packets_per_s: Positive = 1000.0
    """Of ``cbr`` and ``poisson``."""


class FronthaulConfig(_Frozen):
    """The fibre between O-DU and O-RU."""

    capacity_bps_hz: Positive | None = None
    """C_max of each RU (eq. 15); none: unlimited."""
    quantisation_noise_w: Positive = 1e-3
    """sigma_1^2 of eqs 8 and 9."""
    length_m: NotNegative = 10_000.0
    propagation_speed_m_s: Positive = 2e8


class ObservationConfig(_Frozen):
    """How well the node knows the channel that it reports."""

    error_to_gain_db: float | None = None
    """Power of the estimation error over the link's mean gain (H + epsilon of paper 1); none: no error."""
    delay_slots: Annotated[int, Field(ge=0, le=1000)] = 0
    """Age of the reported channel."""
    step_db: Positive | None = None
    """Grid of the reported gains; none: that of the wire."""
    missing_share: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Sub-band reports that get lost; the link's mean takes their place."""


class ChurnConfig(_Frozen):
    """UEs that come and go (never in a simulator with batch axes)."""

    arrivals_per_s: NotNegative = 0.0
    mean_stay_s: Positive = 60.0
    max_ues: Annotated[int, Field(ge=1, le=1024)] = 64


class Scenario(_Frozen):
    """One experiment's radio."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    description: str
    slot_s: Positive = 0.02
    radio: RadioConfig = RadioConfig()
    layout: LayoutConfig = LayoutConfig()
    channel: ChannelConfig = ChannelConfig()
    slices: Annotated[tuple[SliceConfig, ...], Field(min_length=1)]
    fronthaul: FronthaulConfig = FronthaulConfig()
    observation: ObservationConfig = ObservationConfig()
    churn: ChurnConfig | None = None

    @field_validator("slices")
    @classmethod
    def _distinct_names(cls, slices: tuple[SliceConfig, ...]) -> tuple[SliceConfig, ...]:
        names = [each.name for each in slices]
        if len(set(names)) != len(names):
            raise ValueError(f"slice names {names} are not distinct")
        return slices

    @model_validator(mode="after")
    def _one_budget_an_ru(self) -> Scenario:
        budgets = self.radio.ru_power_budget_dbm
        if isinstance(budgets, tuple) and len(budgets) != self.num_rus:
            raise ValueError(f"{len(budgets)} ru_power_budget_dbm for {self.num_rus} RUs")
        return self

    @property
    def num_rus(self) -> int:
        return self.layout.num_rus

    @property
    def num_prbs(self) -> int:
        return self.radio.num_prbs

    @property
    def num_ues(self) -> int:
        """UEs at the start; with churn, the most there can be."""
        initial = sum(each.num_ues for each in self.slices)
        return initial if self.churn is None else max(initial, self.churn.max_ues)

    @property
    def slice_names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.slices)

    @property
    def has_queues(self) -> bool:
        """Some slice has arrivals of its own instead of a full buffer."""
        return any(each.traffic != "full-buffer" for each in self.slices)

    @property
    def noise_w(self) -> float:
        """Thermal noise in one PRB, noise figure included [W]."""
        radio = self.radio
        return units.thermal_noise_w(radio.prb_bandwidth_hz, radio.noise_figure_db, radio.noise_density_dbm_hz)

    @property
    def prb_power_cap_w(self) -> float:
        return float(units.dbm_to_w(self.radio.prb_power_cap_dbm))

    @property
    def ru_power_budget_w(self) -> NDArray[np.float64]:
        """What each RU may radiate [W], shape (R,): the smaller of P_max (eq. 11) and what the fibre carries (15)."""
        budget_w = np.broadcast_to(units.dbm_to_w(self.radio.ru_power_budget_dbm), (self.num_rus,))
        if self.fronthaul.capacity_bps_hz is None:
            return budget_w.copy()
        carried_w = fronthaul.power_within_capacity_w(
            self.fronthaul.capacity_bps_hz, self.fronthaul.quantisation_noise_w
        )
        return np.minimum(budget_w, carried_w)

    @property
    def fronthaul_capacity_bps_hz(self) -> NDArray[np.float64]:
        """C_max of each RU, shape (R,); empty where it is unlimited."""
        capacity = self.fronthaul.capacity_bps_hz
        return np.zeros(0) if capacity is None else np.full(self.num_rus, capacity)

    @property
    def propagation_delay_s(self) -> float:
        return delay.propagation_delay_s(self.fronthaul.length_m, self.fronthaul.propagation_speed_m_s)

    @property
    def ru_positions_m(self) -> NDArray[np.float64]:
        """Shape (R, 2)."""
        if self.layout.positions_m:
            return np.array(self.layout.positions_m, np.float64)
        return layout.hexagonal_sites_m(self.num_rus, self.layout.inter_site_m)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical content: equal for equal radios, whatever the layout of the file."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()


def parse(content: Any) -> Scenario:
    """A scenario from plain data (mappings, lists, numbers).

    Raises:
        ConfigError: the first thing that is wrong, with the path of the field.
    """
    try:
        return Scenario.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join(str(part) for part in first["loc"]) or "scenario"
        raise ConfigError(path, first.get("input"), first["msg"]) from error


def varied(scenario: Scenario, **changes: Any) -> Scenario:
    """The scenario with some fields changed: one point of a sweep.

    Args:
        scenario: the base.
        changes: new values by path, with two underscores between the steps and positions by number, e.g.
            ``radio__ru_power_budget_dbm=36.0`` or ``slices__0__num_ues=15``.

    Raises:
        ConfigError: no such field, or a value out of range.
    """
    content = scenario.model_dump(mode="json")  # tuples become lists, which can be changed
    for path, value in changes.items():
        *steps, last = path.split("__")
        place: Any = content
        try:
            for step in steps:
                place = place[int(step)] if isinstance(place, list) else place[step]
            place[last] = value
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ConfigError(path, value, "is no field of a scenario") from error
    return parse(content)


def load(name_or_path: str | Path) -> Scenario:
    """A scenario by the name of one that comes with the suite (``"cell"``), or from a YAML file.

    Raises:
        ConfigError: no such file, not YAML, or a field is wrong.
    """
    path = _locate(name_or_path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError("scenario", str(path), f"cannot be read: {error}") from error
    return parse(content)


def names() -> list[str]:
    """Names of the scenarios that come with the suite."""
    return sorted(path.stem for path in SCENARIO_DIRECTORY.glob("*.yaml"))


def _locate(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.suffix in {".yaml", ".yml"}:
        return path
    known = SCENARIO_DIRECTORY / f"{path}.yaml"
    if path.name != str(path) or not known.is_file():
        raise ConfigError("scenario", str(name_or_path), f"is no YAML file; known names are {', '.join(names())}")
    return known
