"""What Diffusion-QL learns from of the experience that xApps sent back: obeyed decisions in cells of one RU."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from oran.e2sm.rrm import NOBODY
from oran.errors import ConfigError
from rapp import experience
from rapp.experience import Transitions
from xapps.diffusion_ql.experience import Experience, observed
from xapps.ssvae.batches import take


def field_answers(folder: Path) -> list[Experience]:
    """Answers of the field, one element a shape of cell.

    Left out: decisions that the node did not obey, as the outcome is another one's; allocations that leave a PRB idle,
    which no answer of Diffusion-QL does; empty cells, and cells of several RUs.

    Raises:
        ConfigError: nothing is left to learn from.
        ModelError: a segment is missing or none; DigestMismatch: its bytes have changed.
    """
    batches = [each for each in experience.load(folder) if each.report.num_rus == 1 and each.report.num_ues > 0]
    found = [answers for answers in map(_answers, batches) if answers is not None]
    if not found:
        raise ConfigError("experience", str(folder), "holds no obeyed decision for a cell of one RU")
    return found


def _answers(batch: Transitions) -> Experience | None:
    owner = np.asarray(batch.decision.prb_owner)[:, 0]
    usable = np.flatnonzero(batch.obeyed & (owner != NOBODY).all(axis=-1))
    if not usable.size:
        return None
    return observed(take(batch.report, usable), owner[usable], batch.outcome.rate_bps_hz[usable])
