"""Interference links: N transmitter-receiver pairs on one carrier, each pair disturbing all others (paper 5).

Gains are |h|^2 from transmitter j to receiver i, shape (..., N, N) with the receiver's axis first.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from e2sim.physics import layout
from e2sim.physics.fading import rayleigh_power
from e2sim.physics.pathloss import macro_cell_db
from e2sim.physics.units import db_to_linear

Array = NDArray[np.float64]

NUM_CELLS = 7
INTER_SITE_M = 866.0
MIN_DISTANCE_M = 50.0
MAX_DISTANCE_M = 500.0


def iid_gains(rng: np.random.Generator, batch: tuple[int, ...], num_links: int, cross_gain: float = 1.0) -> Array:
    """|h|^2 of h ~ CN(0, 1) for every link (paper 5, section V-A), shape (..., N, N).

    Args:
        rng: source of the draws.
        batch: leading axes.
        num_links: N.
        cross_gain: factor on the gains between different pairs.
    """
    gain = rayleigh_power(rng, (*batch, num_links, num_links))
    return gain * np.where(np.eye(num_links, dtype=bool), 1.0, cross_gain)


def seven_cell_gains(rng: np.random.Generator, batch: tuple[int, ...], num_links: int) -> Array:
    """Gains of the layout with seven hexagonal cells (paper 5, section V-B), shape (..., N, N).

    Transmitters stand at the cells' centres, receiver i is uniform in area between 50 and 500 m from the centre of cell
    i mod 7; path loss 120.9 + 37.6 log10 d_km, Rayleigh fading of its own on every link, no shadowing.
    """
    sites_m = layout.hexagonal_sites_m(NUM_CELLS, INTER_SITE_M)
    cell_of_link = np.arange(num_links) % NUM_CELLS
    centre_m = np.broadcast_to(sites_m[cell_of_link], (*batch, num_links, 2))
    receiver_m = layout.drop_round(rng, centre_m, MIN_DISTANCE_M, MAX_DISTANCE_M, uniform_in_area=True)
    path_gain = db_to_linear(-macro_cell_db(layout.distance_m(receiver_m, sites_m)))  # (..., N, 7)
    return path_gain[..., cell_of_link] * rayleigh_power(rng, (*batch, num_links, num_links))


def link_sinr(gain: Array, power_w: Array, noise_w: float) -> Array:
    """gamma[i] = p[i] g[i, i] / (sum over j != i of p[j] g[i, j] + noise).

    Shapes (..., N, N) and (..., N) give (..., N).
    """
    own = np.einsum("...ii->...i", gain) * power_w
    others = np.where(np.eye(gain.shape[-1], dtype=bool), 0.0, gain)
    return own / (np.einsum("...ij,...j->...i", others, power_w) + noise_w)


def link_rates_bps_hz(gain: Array, power_w: Array, noise_w: float) -> Array:
    """log2(1 + gamma) of every link, shape (..., N) (paper 5, eq. 2)."""
    return np.log1p(link_sinr(gain, power_w, noise_w)) / np.log(2.0)
