"""What the network sees of a report: one row of features for every UE, RU and PRB, and nothing that names them.

Gains enter as signal-to-noise ratio at an equal power split, in dB and standardised, and *relative* to the rivals for
the same PRB and to the UE's own other PRBs. Relative gains are what an assignment turns on; a network that must first
subtract large numbers from each other learns far slower.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import RadioReport
from oran.errors import ConfigError

Array = NDArray[np.float64]

GAIN_FEATURES = ("snr", "below_best_rival", "below_own_mean", "below_own_best", "below_best_ru", "rate", "prbs_needed")
"""Features that differ from PRB to PRB, in their order on the last axis."""

UE_FEATURES = ("min_rate", "relative_weight", "load")
"""Features of a UE, behind the gain features; the one-hot of its slice follows them."""

RATE = GAIN_FEATURES.index("rate")
RELATIVE_WEIGHT = len(GAIN_FEATURES) + UE_FEATURES.index("relative_weight")

DB_SCALE = 10.0
RATE_SCALE = 10.0
MAX_PRBS_NEEDED = 8.0


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Mean and standard deviation of the equal-power SNR over the training draws [dB]."""

    snr_mean_db: float
    snr_std_db: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.snr_mean_db) and np.isfinite(self.snr_std_db) and self.snr_std_db > 0):
            raise ConfigError("normalisation", (self.snr_mean_db, self.snr_std_db), "must be finite, std positive")

    @classmethod
    def of(cls, report: RadioReport) -> Normalisation:
        """Statistics of a batch of reports, shape (N, U, R, K)."""
        snr_db = equal_power_snr_db(report)
        return cls(float(snr_db.mean()), float(max(snr_db.std(), 1e-3)))


def num_features(num_slices: int) -> int:
    """Length of the feature axis."""
    return len(GAIN_FEATURES) + len(UE_FEATURES) + num_slices


def equal_power_snr_db(report: RadioReport) -> Array:
    """SNR of every UE on every PRB if each RU split its budget equally over its PRBs [dB], shape (..., U, R, K).

    Raises:
        ConfigError: the report carries no channel.
    """
    if report.gain_db is None:
        raise ConfigError("gain_db", None, "the report carries no channel: ask for the group CHANNEL")
    num_prbs = report.gain_db.shape[-1]
    share_w = np.minimum(report.ru_power_budget_w / num_prbs, report.prb_power_cap_w)  # (R,)
    return report.gain_db + 10.0 * np.log10(share_w / report.noise_w)[:, None]


def weighted_rate(x: Any) -> Any:
    """Rate at an equal power split times the UE's weight relative to the mean, read from features (..., F) [bps/Hz].

    ``x`` may be a numpy array or a torch tensor.
    """
    return x[..., RATE] * RATE_SCALE * (1.0 + x[..., RELATIVE_WEIGHT])


def observe(report: RadioReport, normalisation: Normalisation, num_slices: int) -> NDArray[np.float32]:
    """Features of every (UE, RU, PRB), shape (..., U, R, K, F); permuting UEs or PRBs permutes the rows alike.

    Slices beyond ``num_slices``, which training never saw, have an all-zero one-hot.

    Raises:
        ConfigError: the report carries no channel.
    """
    snr_db = equal_power_snr_db(report)
    x = np.empty((*snr_db.shape, num_features(num_slices)), np.float32)
    _fill_gain_features(x, snr_db, report, normalisation)
    _fill_ue_features(x[..., len(GAIN_FEATURES) :], report, snr_db.shape[-1])
    return x


def _fill_gain_features(
    x: NDArray[np.float32], snr_db: Array, report: RadioReport, normalisation: Normalisation
) -> None:
    own_mean_db = snr_db.mean(axis=-1, keepdims=True)  # (..., U, R, 1)
    rate = _equal_power_rate(snr_db)
    needed = report.min_rate_bps_hz[..., None, None] / np.maximum(rate, 1e-6)
    x[..., 0] = (snr_db - normalisation.snr_mean_db) / normalisation.snr_std_db
    x[..., 1] = (snr_db - snr_db.max(axis=-3, keepdims=True)) / DB_SCALE
    x[..., 2] = (snr_db - own_mean_db) / DB_SCALE
    x[..., 3] = (snr_db - snr_db.max(axis=-1, keepdims=True)) / DB_SCALE
    x[..., 4] = (own_mean_db - own_mean_db.max(axis=-2, keepdims=True)) / DB_SCALE
    x[..., 5] = rate / RATE_SCALE
    x[..., 6] = np.log2(1.0 + np.minimum(needed, MAX_PRBS_NEEDED))


def _equal_power_rate(snr_db: Array) -> Array:
    """Rates if all RUs split their budgets equally, interference of the others included, (..., U, R, K) [bps/Hz]."""
    heard = 10.0 ** (snr_db / 10.0)
    if snr_db.shape[-2] == 1:
        return np.asarray(np.log2(1.0 + heard))
    others = np.maximum(heard.sum(axis=-2, keepdims=True) - heard, 0.0)
    return np.asarray(np.log2(1.0 + heard / (1.0 + others)))


def _fill_ue_features(x: NDArray[np.float32], report: RadioReport, num_prbs: int) -> None:
    per_ue = np.empty((*report.ue_ids.shape, x.shape[-1]), np.float32)
    mean_weight = np.maximum(report.weight.mean(axis=-1, keepdims=True), 1e-12)
    per_ue[..., 0] = report.min_rate_bps_hz / RATE_SCALE
    per_ue[..., 1] = report.weight / mean_weight - 1.0
    per_ue[..., 2] = report.num_ues / (num_prbs * report.num_rus)
    num_slices = x.shape[-1] - len(UE_FEATURES)
    per_ue[..., len(UE_FEATURES) :] = report.slice_ids[..., None] == np.arange(num_slices)
    x[...] = per_ue[..., :, None, None, :]
