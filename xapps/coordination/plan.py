"""Associations worth searching: the strongest RUs, then one set of foreseen changes after the other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import RadioReport
from xapps.classic.cell import gains, strongest_ru
from xapps.coordination.association import Changes, changes, even_rates

Indices = NDArray[np.integer]

Foresight = Callable[[Changes], NDArray[np.float32]]
"""What each change is worth, shape (D, U)."""

LEAST_WORTH = 0.1
"""Changes foreseen to be worth less are not made; in units of the labels (see ``learner.WORTH_SCALE_BPS_HZ``)."""


def associations(report: RadioReport, foresight: Foresight, passes: int) -> Indices:
    """The strongest RUs and what up to ``passes`` passes of changes make of them, shape (P + 1, U) or fewer rows.

    A pass makes the best changes that share no RU: what a change is worth was foreseen for RUs left as they are.
    """
    serving = strongest_ru(gains(report)[None])  # (1, U)
    rate = even_rates(report)
    rows = [serving]
    for _ in range(passes):
        change = changes(report, rate, serving)
        after = _changed(serving[0], change.to_ru[0], foresight(change)[0])
        if after is None:
            break
        serving = after[None]
        rows.append(serving)
    return np.concatenate(rows)


def _changed(serving: Indices, to_ru: Indices, worth: NDArray[np.float32]) -> Indices | None:
    """The association after the best changes that share no RU, shape (U,); None if none is worth making."""
    after = serving.copy()
    touched: set[int] = set()
    promising = np.flatnonzero(worth > LEAST_WORTH)
    for ue in promising[np.argsort(-worth[promising], kind="stable")]:
        pair = {int(serving[ue]), int(to_ru[ue])}
        if touched.isdisjoint(pair):
            touched |= pair
            after[ue] = to_ru[ue]
    return after if touched else None
