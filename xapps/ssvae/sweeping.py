"""Several interfering RUs: of the network's answer which RU serves whom, of the rest what a search finds.

Which PRB is whose and at which power turns on what all other RUs do, and a search finds that faster than a network says
it. Which RU should serve a UE is what a search cannot afford to try for every UE (decision 14).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from oran.e2sm.rrm import Allocation, RadioReport
from oran.errors import DecisionRefused
from xapps.coordination.field import Field, allocation
from xapps.coordination.policy import START_SEED
from xapps.coordination.search import Effort, search, uneven_starts


def swept(report: RadioReport, association: Any, effort: Effort, starts: int) -> Allocation:
    """The best end of searches from some starts for every association that the candidates' scores lead to.

    Args:
        report: a state without batch axes.
        association: score of each RU for each UE, shape (C, U, R).
        effort: of each search.
        starts: how many starts are searched from; the same for every report.

    Raises:
        DecisionRefused: ``not_finite``, if gains or scores are not numbers.
    """
    if report.gain_db is None or not (np.isfinite(report.gain_db).all() and np.isfinite(association).all()):
        raise DecisionRefused("not_finite", "channel gains or scores are missing, NaN or infinite")
    field = Field.of(report, np.unique(association.argmax(axis=-1), axis=0))
    state = uneven_starts(field, starts, np.random.default_rng(START_SEED))
    values = search(field, state, effort)
    row, start = np.unravel_index(int(values.argmax()), values.shape)
    return allocation(report, field, state, int(row), int(start))
