"""Sum rate under minimum rates by geometric programming, with the closed-form feasibility test first (paper 5, GP).

The sum rate is raised by condensation: log2(1 + gamma) is replaced by its monomial lower bound at the last point
(Boyd et al. 2007; Chiang et al. 2007), which leaves a geometric program each round.
"""

from __future__ import annotations

import cvxpy as cp
import numpy as np
from numpy.typing import NDArray

from e2sim.physics.interference_links import link_sinr
from xapps.classic.links.feasibility import least_powers

Array = NDArray[np.float64]

CONDENSATIONS = 4
LEAST_POWER_SHARE = 1e-6
"""Powers of a geometric program are positive: silence is this share of p_max."""


def geometric_program(
    gain: Array, noise_w: float, power_max: float, min_rate_bps_hz: Array, condensations: int = CONDENSATIONS
) -> Array | None:
    """Powers of one channel that meet every demand at a stationary sum rate, shape (N,); None if nothing meets them.

    Args:
        gain: |h|^2, shape (N, N), receiver first.
        noise_w: noise power.
        power_max: limit of each link.
        min_rate_bps_hz: R, shape (N,).
        condensations: rounds; each is a geometric program.
    """
    least = least_powers(gain[None], noise_w, min_rate_bps_hz)[0]
    if (least > power_max * (1.0 + 1e-9)).any():
        return None
    floor = LEAST_POWER_SHARE * power_max
    power = _spread(gain, noise_w, power_max, min_rate_bps_hz, least)
    for _ in range(condensations):
        found = _condensed(gain, noise_w, power_max, min_rate_bps_hz, np.maximum(power, floor))
        if found is None:
            break
        power = found
    return power


def _spread(gain: Array, noise_w: float, power_max: float, wanted: Array, least: Array) -> Array:
    """The least powers scaled up together: SINRs only rise, so demands stay met."""
    largest = least.max()
    return least * (power_max / largest) if largest > 0 else np.full(len(least), power_max)


def _condensed(gain: Array, noise_w: float, power_max: float, wanted: Array, at: Array) -> Array | None:
    """One geometric program in p and gamma: maximise prod of gamma^(g / (1 + g)), g the SINR at the last point."""
    links = len(at)
    # In units of p_max and noise, so that the numbers in the logarithms stay small.
    scaled, start = gain * (power_max / noise_w), at / power_max
    sinr = link_sinr(gain[None], at[None], noise_w)[0]
    exponent = sinr / (1.0 + sinr)
    p, gamma = cp.Variable(links, pos=True), cp.Variable(links, pos=True)
    p.value, gamma.value = start, np.maximum(sinr, 1e-12)
    objective = cp.Maximize(cp.prod(cp.hstack([gamma[i] ** float(max(exponent[i], 1e-9)) for i in range(links)])))
    constraints = [p <= 1.0, p >= LEAST_POWER_SHARE]
    for i in range(links):
        disturbance = 1.0 + cp.sum(cp.hstack([float(scaled[i, j]) * p[j] for j in range(links) if j != i] or [0.0]))
        constraints.append(gamma[i] * disturbance <= float(scaled[i, i]) * p[i])
        if wanted[i] > 0:
            constraints.append(gamma[i] >= float(np.exp2(wanted[i]) - 1.0))
    problem = cp.Problem(objective, constraints)
    try:
        problem.solve(gp=True, solver=cp.CLARABEL)
    except cp.error.SolverError:
        return None  # the point of the round before stays: it meets every demand
    return None if p.value is None else np.minimum(p.value, 1.0) * power_max
