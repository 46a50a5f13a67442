"""The reward of paper 1, equation (22): objective, constraints and a bias, each with its weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardWeights:
    """Theta of (22). The paper prints no values: these keep both terms of the order of one in its scenario."""

    rate: float = 0.01
    """Theta_r, on the weighted throughput of (10) [1 / (bps/Hz)]."""
    constraint: float = 1.0
    """Theta_const, on the constraint term."""
    bias: float = 0.0


def constraint_term(
    rate_bps_hz: Array, min_rate_bps_hz: Array, power_w: Array, budget_w: Array | float
) -> NDArray[np.float64]:
    """C of (22): minus the share of UEs below their minimum rate (14), minus the relative excess over the budget (11).

    Args:
        rate_bps_hz: shape (..., U).
        min_rate_bps_hz: shape (..., U).
        power_w: of each PRB, shape (..., K) [W].
        budget_w: shape (...) [W].

    Returns:
        Shape (...); 0 where every constraint holds.
    """
    missed = (rate_bps_hz < min_rate_bps_hz).mean(axis=-1)
    excess = np.maximum(power_w.sum(axis=-1) / budget_w - 1.0, 0.0)
    return np.asarray(-missed - excess)


def reward(throughput_bps_hz: Array, constraint: Array, weights: RewardWeights) -> Array:
    """(22): Theta_r R + Theta_const C + Theta_bias, any shape."""
    return weights.rate * throughput_bps_hz + weights.constraint * constraint + weights.bias
