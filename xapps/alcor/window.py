"""A window of time sharing on drawn channels: what an operator would see of a rule and a policy.

The multipliers see what the slots of their batches delivered and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oran.errors import ConfigError
from xapps.alcor.channels import draw_activity
from xapps.alcor.links import rates_bps_hz, switched
from xapps.alcor.time_sharing import TimeSharing, violation_percent
from xapps.alcor.ura import Ura

Array = NDArray[np.float64]

Draw = Callable[[int], Array]
"""Number of slots -> SNR matrices, shape (B, N, N)."""


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """One row a batch, in order of time."""

    rate: Array
    """Mean rate of each user in the batch, shape (T, N) [bps/Hz]."""
    multiplier: Array
    """lambda after the batch, shape (T, N)."""
    activity: Array
    """Mean share of each user's slots in which he sent above half of p_max, shape (T, N)."""

    def mean_rate(self, since: int = 0) -> Array:
        """Average rate from a batch on, shape (N,) [bps/Hz]."""
        return self.rate[since:].mean(axis=0)

    def violation_percent(self, demand_bps_hz: Array, since: int = 0) -> float:
        """Eq. 12 on average rates from a batch on [%]."""
        return violation_percent(demand_bps_hz, self.mean_rate(since))

    def settled_after(self, demand_bps_hz: Array, tolerance: float = 0.05, length: int = 10) -> int | None:
        """First batch from which the mean of ``length`` batches is within the tolerance of all demands; None: never."""
        kernel = np.ones(length) / length
        moving = np.apply_along_axis(np.convolve, 0, self.rate, kernel, "valid")
        met = (moving >= (1.0 - tolerance) * demand_bps_hz).all(axis=-1)
        return int(np.argmax(met)) if met.any() else None


def play(ura: Ura, sharing: TimeSharing, draw: Draw, rng: np.random.Generator, batches: int) -> Trajectory:
    """Run batches of slots and let the multipliers move after each.

    Raises:
        ConfigError: weights for a policy that takes none.
    """
    if sharing.rule.means == "weighting" and not ura.takes_weights:
        raise ConfigError("means", "weighting", f"{ura.name} takes no weights; use silencing")
    rates, multipliers, activities = [], [], []
    for _ in range(batches):
        rate, share = slots(ura, sharing.activity, sharing.weight, draw(sharing.rule.batch), rng)
        sharing.advance(rate.mean(axis=0))
        rates.append(rate.mean(axis=0))
        activities.append((share > 0.5).mean(axis=0))
        multipliers.append(sharing.multiplier)
    return Trajectory(np.array(rates), np.array(multipliers), np.array(activities))


def slots(ura: Ura, activity: Array, weight: Array, snr: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Rates and shares of some slots under kappa and weights, each (B, N)."""
    active = draw_activity(rng, activity, len(snr))
    equal = bool((weight == 1.0).all())
    share = ura.shares(snr, active, None if equal else np.broadcast_to(weight, active.shape))
    return rates_bps_hz(switched(snr, active), share), share
