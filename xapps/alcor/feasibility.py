"""What is certain about demands before anybody tried, and what is only a hint.

Links share time: a demand is an average, and powers may change from slot to slot. Three tests on the channels seen:

- *Impossible* (proof, up to the error of a mean over few channels): a demand above the user's mean rate alone at full
  power; or two demands whose sum is above the mean of the pair's best sum rate. The best sum rate of two links is that
  of one of them or of both at full power (Gjendemsjo, Gesbert, Oien and Kiani 2008, IEEE Trans. Wireless Commun. 7(8)),
  and every other sender only lowers it. Links of one RU exclude each other: they have one of them at best.
- *Possible at once* (proof for those channels): constant demands met in every slot, by the Perron root.
- Constant service that fails in some channels proves nothing, since average rates of time sharing may lie outside the
  rates of any one power vector: demands of 1, 1 on two links with unit cross gains fail at every power, and
  alternating meets them. The share of channels in which it holds is a hint, shown to the operator.

Whatever none of the proofs covers is left to the measured averages.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from xapps.classic.links.feasibility import demands_feasible

Array = NDArray[np.float64]

STANDARD_ERRORS = 3.0
"""How far above the mean over the channels seen a demand has to be."""
LEAST_SPREAD = 1.0 / 3.0
"""Standard deviation of a rate over its mean, at least: a few channels show too little of it."""


class Bounds:
    """Rates that no powers and no sharing of time exceed on average.

    Args:
        snr: |h_ij|^2 p / sigma^2 of channels seen, p the most that an RU may send on a PRB, shape (T, K, N, N).
        transmitter: RU of each link, shape (N,).
    """

    def __init__(self, snr: Array, transmitter: NDArray[np.integer]) -> None:
        links = snr.shape[-1]
        own = np.diagonal(snr, 0, -2, -1)
        alone = np.log2(1.0 + own)
        beside = np.log2(1.0 + own[..., None] / (1.0 + snr))  # of i while j sends too
        both = np.where(transmitter[:, None] == transmitter, 0.0, beside + beside.swapaxes(-1, -2))
        either = np.maximum(alone[..., :, None], alone[..., None, :])
        self.alone_bps_hz = _upper(alone.sum(axis=1))
        """Of each link, shape (N,)."""
        pair = _upper(np.maximum(both, either).sum(axis=1))
        self.pair_bps_hz = np.where(np.eye(links, dtype=bool), np.inf, pair)
        """Of both links of a pair together, shape (N, N); infinite on the diagonal."""

    def closest(self, demand_bps_hz: Array) -> Array:
        """The demands where no bound forbids them, else lowered to what the tightest bound allows, shape (N,).

        Pairs are lowered in proportion.
        """
        closest = np.minimum(demand_bps_hz, self.alone_bps_hz)
        total = closest[:, None] + closest
        fraction = np.divide(self.pair_bps_hz, total, out=np.ones_like(total), where=total > self.pair_bps_hz)
        scaled: Array = closest * fraction.min(axis=1, initial=1.0)
        return scaled


def constant_service_ratio(snr: Array, demand_bps_hz: Array) -> float:
    """Share of the channels in which one power vector meets all demands at once, an equal part of each on every PRB.

    Args:
        snr: shape (T, K, N, N), receiver first.
        demand_bps_hz: shape (N,).
    """
    channels, prbs, links = snr.shape[:3]
    if links == 0 or channels == 0:
        return 1.0
    met = demands_feasible(snr.reshape(-1, links, links), 1.0, 1.0, demand_bps_hz / prbs)
    return float(met.reshape(channels, prbs).all(axis=1).mean())


def shortfalls(
    ue_ids: NDArray[np.integer], demand_bps_hz: Array, closest_bps_hz: Array, most: int = 8
) -> Iterator[str]:
    """ "UE 3: 1.20 of 2.00" for those who cannot have what they ask for."""
    for row in np.flatnonzero(closest_bps_hz < demand_bps_hz)[:most]:
        yield f"UE {ue_ids[row]}: {closest_bps_hz[row]:.2f} of {demand_bps_hz[row]:.2f}"


def _upper(rate: Array) -> Array:
    """Mean over channels (T, ...) and the margin for its error, shape (...)."""
    channels = len(rate)
    mean = rate.mean(axis=0)
    spread = np.maximum(rate.std(axis=0), LEAST_SPREAD * mean)
    upper: Array = mean + STANDARD_ERRORS * spread / np.sqrt(channels)
    return upper
