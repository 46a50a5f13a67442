"""Path loss, shadowing and SINR of one hexagonal layout, drawn by our channel and by Sionna's TR 38.901 urban macro."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.sionna_peer.radio import UrbanMacro
from e2sim.channel import Channel
from e2sim.physics import layout, pathloss_38901, units
from e2sim.scenario import ChannelConfig, LayoutConfig, RadioConfig, Scenario, SliceConfig

Array = NDArray[np.float64]

SITES, UES, CARRIER_GHZ, INTER_SITE_M = 7, 210, 2.0, 500.0
HEIGHTS_M = (1.5, 25.0)
POWER_DBM, BANDWIDTH_HZ, NOISE_FIGURE_DB = 46.0, 10e6, 9.0
PERCENTILES = (5, 50, 95)
RADIO = Scenario(
    name="calibration",
    description="Seven urban macro sites of TR 38.901",
    radio=RadioConfig(carrier_ghz=CARRIER_GHZ, num_prbs=1),
    layout=LayoutConfig(
        num_rus=SITES,
        inter_site_m=INTER_SITE_M,
        placement="uniform-area",
        min_distance_m=35,
        max_distance_m=INTER_SITE_M / np.sqrt(3),
    ),
    channel=ChannelConfig(path_loss="38.901-uma", shadowing_std_db="38.901", fading="none"),
    slices=(SliceConfig(name="all", num_ues=UES),),
)


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What one simulator drew of every link, shape (B, U, R), at the same positions."""

    path_loss_db: Array
    shadow_db: Array
    line_of_sight: NDArray[np.bool_]

    @property
    def sinr_db(self) -> Array:
        """Wideband SINR at the strongest site, all sites at full power, shape (B, U)."""
        received_w = units.dbm_to_w(POWER_DBM - self.path_loss_db - self.shadow_db)
        best = received_w.max(axis=-1)
        others = np.sort(received_w, axis=-1)[..., :-1].sum(axis=-1)
        return units.linear_to_db(best / (others + units.thermal_noise_w(BANDWIDTH_HZ, NOISE_FIGURE_DB)))


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    ours: Drawn
    sionna: Drawn
    largest_path_loss_difference_db: float
    """Over all links, ours evaluated at Sionna's lines of sight."""


def compare(rng: np.random.Generator, drops: int) -> Calibration:
    """Both simulators' draws at the positions of ours."""
    channel = Channel(RADIO, rng, (drops,), UES)
    sites_m = RADIO.ru_positions_m
    theirs = Drawn(*UrbanMacro(CARRIER_GHZ * 1e9, int(rng.integers(2**31))).drop(channel.ue_m, sites_m, HEIGHTS_M))
    distance_m = np.maximum(layout.distance_m(channel.ue_m, sites_m), RADIO.layout.min_distance_m)

    def loss_db(sight: NDArray[np.bool_]) -> Array:
        return pathloss_38901.path_loss_db(pathloss_38901.UMA, distance_m, CARRIER_GHZ, sight, HEIGHTS_M[0])

    mine_db = loss_db(channel.line_of_sight)
    mine = Drawn(mine_db, -channel.gain_db[..., 0] - mine_db, channel.line_of_sight)
    difference = np.abs(loss_db(theirs.line_of_sight) - theirs.path_loss_db)
    return Calibration(mine, theirs, float(difference.max()))


def table(found: Calibration) -> dict[str, object]:
    """Percentiles of both and what lies between them."""
    ours, sionna = found.ours, found.sionna
    rows: dict[str, object] = {
        "largest_path_loss_difference_db": found.largest_path_loss_difference_db,
        "line_of_sight_percent": {"ours": _percent(ours), "sionna": _percent(sionna)},
    }
    for name, pick in CURVES.items():
        mine, other = pick(ours), pick(sionna)
        rows[name] = {
            "percentiles": PERCENTILES,
            "ours": [round(float(value), 2) for value in np.percentile(mine, PERCENTILES)],
            "sionna": [round(float(value), 2) for value in np.percentile(other, PERCENTILES)],
            "largest_cdf_difference": round(largest_cdf_difference(mine, other), 4),
        }
    return rows


def largest_cdf_difference(a: Array, b: Array) -> float:
    """Kolmogorov-Smirnov distance of two samples."""
    at = np.concatenate([np.sort(a), np.sort(b)])
    left = np.searchsorted(np.sort(a), at, side="right") / a.size
    right = np.searchsorted(np.sort(b), at, side="right") / b.size
    return float(np.abs(left - right).max())


def draw(found: Calibration, out: Path) -> None:
    """CDFs of path loss, shadowing and SINR beside each other."""
    figure = Figure(figsize=(10, 3.3), layout="constrained")
    for axes, (name, pick) in zip(figure.subplots(1, len(CURVES), sharey=True), CURVES.items(), strict=True):
        for drawn, label, style in ((found.sionna, "Sionna", "-"), (found.ours, "ours", "--")):
            value = np.sort(pick(drawn))
            axes.plot(value, np.arange(1, value.size + 1) / value.size, style, label=label)
        axes.set_xlabel(name.replace("_db", " [dB]").replace("_", " "))
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")
    figure.axes[0].set_ylabel("share of links or UEs")
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)


def _percent(drawn: Drawn) -> float:
    return round(100 * float(drawn.line_of_sight.mean()), 2)


CURVES: dict[str, Callable[[Drawn], Array]] = {
    "path_loss_db": lambda drawn: drawn.path_loss_db.ravel(),
    "shadowing_with_line_of_sight_db": lambda drawn: drawn.shadow_db[drawn.line_of_sight],
    "shadowing_without_db": lambda drawn: drawn.shadow_db[~drawn.line_of_sight],
    "SINR_db": lambda drawn: drawn.sinr_db.ravel(),
}
