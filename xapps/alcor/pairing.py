"""Links out of a report: which RU sends to which UE, and the SNR matrix of these pairs.

A UE takes the free RU that it hears best and keeps it while it stays; without a free one it joins the best. UEs of one
RU are links whose transmitters stand in the same place; only one of them can be served on a PRB.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from e2sim.physics.units import db_to_linear
from oran.e2sm.rrm import RadioReport
from oran.errors import ConfigError

Array = NDArray[np.float64]
Indices = NDArray[np.int16]


class Pairing:
    """Remembers the RU of every UE of one node."""

    def __init__(self) -> None:
        self._ru_of_ue: dict[int, int] = {}

    def rus(self, report: RadioReport) -> Indices:
        """RU of each UE of the report, shape (U,).

        Raises:
            ConfigError: the report carries no channel.
        """
        mean_db = channel_db(report).mean(axis=-1)  # (U, R)
        present = {int(ue_id) for ue_id in report.ue_ids}
        self._ru_of_ue = {ue_id: ru for ue_id, ru in self._ru_of_ue.items() if ue_id in present and ru < report.num_rus}
        for row, ue_id in enumerate(report.ue_ids):
            if int(ue_id) not in self._ru_of_ue:
                self._ru_of_ue[int(ue_id)] = self._best(mean_db[row])
        return np.array([self._ru_of_ue[int(ue_id)] for ue_id in report.ue_ids], np.int16)

    def _best(self, gain_db: Array) -> int:
        taken = list(self._ru_of_ue.values())
        free = np.ones(len(gain_db), bool)
        free[taken] = False
        return int(np.where(free | ~free.any(), gain_db, -np.inf).argmax())


def channel_db(report: RadioReport) -> Array:
    """Gains, shape (U, R, K) [dB].

    Raises:
        ConfigError: the report carries no channel.
    """
    if report.gain_db is None:
        raise ConfigError("report_groups", None, "ALCOR needs the group channel")
    return report.gain_db


def full_power_w(report: RadioReport) -> Array:
    """p_max of each RU on one PRB: the cap, or an equal part of the budget where that is less, shape (R,) [W]."""
    prbs = channel_db(report).shape[-1]
    return np.minimum(report.prb_power_cap_w, report.ru_power_budget_w / prbs)


def most_power_w(report: RadioReport) -> Array:
    """What each RU may send on one PRB if it sends nothing on the others, shape (R,) [W]."""
    return np.minimum(report.prb_power_cap_w, report.ru_power_budget_w)


def snr_of_links(report: RadioReport, ru_of_ue: Indices, power_w: Array | None = None) -> Array:
    """|h_ij|^2 p_max / sigma^2 of the paired links on every PRB, shape (K, U, U), receiver first.

    Args:
        report: with a channel.
        ru_of_ue: shape (U,).
        power_w: p_max of each RU, shape (R,); default :func:`full_power_w`.
    """
    sent_w = full_power_w(report) if power_w is None else power_w
    snr = db_to_linear(channel_db(report)) * (sent_w / report.noise_w)[:, None]
    return np.moveaxis(snr[:, ru_of_ue, :], -1, 0)


def one_link_an_ru(share: Array, value: Array, ru_of_ue: Indices, num_rus: int) -> NDArray[np.int16]:
    """Index of the UE that each RU serves on each PRB, -1 where it is silent, shape (R, K).

    Of several UEs of one RU the one with the largest value is served.

    Args:
        share: powers as shares, shape (K, U).
        value: weighted rates, shape (K, U).
    """
    if share.shape[-1] == 0:
        return np.full((num_rus, share.shape[0]), -1, np.int16)
    sends = (share > 0.0)[:, :, None] & (ru_of_ue[:, None] == np.arange(num_rus))  # (K, U, R)
    ranked = np.where(sends, value[:, :, None], -np.inf)
    owner = np.where(sends.any(axis=1), ranked.argmax(axis=1), -1)
    return owner.T.astype(np.int16)
