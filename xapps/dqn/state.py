"""Where the fair variant's episodes stand, kept up PRB by PRB instead of counted anew at every step.

Everything that features, turns and rewards ask for is a sum over a UE's PRBs or a maximum over the free ones. A PRB
that is given away changes one column of each, so a step costs a few small operations, however long the episode is.
"""

from __future__ import annotations

import numpy as np

from xapps.dqn.assignment import (
    LEAST_RATE,
    MISSED_WEIGHT,
    SHORTFALL_WEIGHT,
    TOLERANCE,
    Array,
    Indices,
    Mask,
    Owners,
    Problems,
    owned,
    price,
)

LN_2 = float(np.log(2.0))
MOST_LEAST_REGRET = 64.0
"""Stands for the least regret over the free PRBs where none is free, and bounds it otherwise [bps/Hz]."""


class State:
    """Episodes under way, one a problem.

    Args:
        problems: N of them.
        owner: who has each PRB, shape (N, K); nobody has any if left out.
    """

    lack: Array
    """What each UE lacks of its minimum rate, shape (N, U) [bps/Hz]; exactly 0 where nothing."""
    needy: Mask
    """Who lacks rate, shape (N, U)."""
    best_rate: Array
    """Over the free PRBs of each UE, shape (N, U); 0 where no PRB is free [bps/Hz]."""
    least_regret: Array
    """Over the free PRBs of each UE, shape (N, U), at most ``MOST_LEAST_REGRET`` [bps/Hz]."""
    prbs_missing: Array
    """How many PRBs like its best free one each UE still needs, shape (N, U)."""

    def __init__(self, problems: Problems, owner: Indices | None = None) -> None:
        p = self.problems = problems
        self.owner: Owners = p.unassigned() if owner is None else owner.astype(np.int16)
        self.free: Mask = self.owner < 0
        self.num_free = np.count_nonzero(self.free, axis=-1)[:, None]
        self._rows = np.arange(len(p))
        self._share_w = p.share_w[:, None]
        self._least_lack = TOLERANCE * np.maximum(p.min_rate_bps_hz, 1e-12)
        self._winners: Mask = p.regret <= 0.0
        self._taken = np.array([[0.0], [-MOST_LEAST_REGRET]])
        open_ = np.where(self.free[:, None], (p.rate, -p.regret), self._taken[..., None, None])
        self._open: Array = np.ascontiguousarray(np.moveaxis(open_, -1, 0))  # (K, 2, N, U): a maximum over K is quick
        mine = owned(self.owner, p.num_ues)
        self._got: Array = np.where(mine, p.rate, 0.0).sum(axis=-1)
        self._open_regret: Array = np.where(self.free[:, None], p.regret, 0.0).sum(axis=-1)
        self._count()

    def give(self, action: Indices) -> None:
        """Take each problem's ``action``, an index into its flattened (U, K) with a free PRB, shape (N,)."""
        p, rows = self.problems, self._rows
        ue = action // p.num_prbs
        prb = action - ue * p.num_prbs
        self.owner[rows, prb] = ue
        self.free[rows, prb] = False
        self.num_free -= 1
        self._got[rows, ue] += p.rate[rows, ue, prb]
        self._open_regret -= p.regret[rows, :, prb]
        self._open[prb, :, rows] = self._taken
        self._count()

    def _count(self) -> None:
        """What a step changes; features and turns ask for all of it."""
        lack = self.problems.min_rate_bps_hz - self._got
        self.needy = lack > self._least_lack
        self.lack = np.where(self.needy, lack, 0.0)
        best: Array = np.maximum.reduce(self._open, axis=0)
        self.best_rate = best[0]
        self.least_regret = np.minimum(-best[1], MOST_LEAST_REGRET)
        self.prbs_missing = self.lack / np.maximum(self.best_rate, LEAST_RATE)

    @property
    def best_gain(self) -> Array:
        """Of the PRB of its best rate, shape (N, U); 0 where no PRB is free [1/W]."""
        gain: Array = np.expm1(LN_2 * self.best_rate)
        return gain / self._share_w

    @property
    def mean_regret(self) -> Array:
        """Of each UE over the free PRBs, of which there must be one, shape (N, U) [bps/Hz]."""
        mean: Array = self._open_regret / self.num_free
        return mean

    def turn(self) -> Mask:
        """The UE whose turn it is, shape (N, U): of those that lack rate the one that needs the most PRBs; none if all
        have theirs."""
        most: Mask = self.prbs_missing >= np.maximum.reduce(self.prbs_missing, axis=-1, keepdims=True)
        most &= self.needy
        return most

    def actions(self) -> Mask:
        """Pairs that may be chosen, shape (N, U, K): a free PRB for the UE whose turn it is, or for its best UE.

        At equal powers a PRB that nobody takes for its minimum rate earns most with its best UE. Who needs most PRBs
        comes first, as it suffers most from what others take; what it takes, and whether it is worth it, is the
        network's choice.
        """
        allowed: Mask = self._winners | self.turn()[..., None]
        allowed &= self.free[:, None, :]
        return allowed

    def next_gain(self, pairs: Indices) -> Array:
        """What the potential gains if a free PRB goes to a UE, shape (M,).

        Args:
            pairs: indices into the flattened (N, U, K), shape (M,).
        """
        p, ue = self.problems, pairs // self.problems.num_prbs
        return gained(p.rate.take(pairs), p.regret.take(pairs), self.lack.take(ue), self.enough().take(ue))

    def enough(self) -> Array:
        """The rate from which on a UE lacks nothing more, shape (N, U): its lack, infinite where nothing lacks."""
        return np.where(self.needy, self.lack, np.inf)

    @property
    def potential(self) -> Array:
        """Worth of the state at the counting power, less what the best UE of each PRB would earn, shape (N,)."""
        mine = owned(self.owner, self.problems.num_ues)
        behind = np.where(mine, self.problems.regret, 0.0).sum(axis=(-2, -1))
        return -behind - price(self.lack)

    @property
    def settled(self) -> bool:
        """Nobody lacks rate, and each free PRB has one best UE: nothing is left to choose."""
        if self.needy.any():
            return False
        return not (np.count_nonzero(self._winners & self.free[:, None], axis=1) > 1).any()

    def settle(self) -> Owners:
        """Final owners of a settled state, shape (N, K): the best UE has each PRB that is free."""
        return np.where(self.free, self._winners.argmax(axis=1), self.owner).astype(np.int16)


def gained(rate: Array, regret: Array, lack: Array, enough: Array) -> Array:
    """What the potential gains if PRBs of these rates and regrets go to UEs that lack so much, shape (M,).

    Args:
        enough: rates from which on the UEs lack nothing more, as :meth:`State.enough` says.
    """
    gain: Array = SHORTFALL_WEIGHT * np.minimum(rate, lack)
    gain += MISSED_WEIGHT * (rate >= enough)
    gain -= regret
    return gain
