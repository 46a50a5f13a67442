"""Which UEs should leave their strongest RU: what a change of RU is worth, foreseen without searching.

A search tells for certain what a change is worth, at the price of deciding all cells anew: with 56 UEs that is 56
searches. The network foresees it from what both RUs would make of their PRBs with and without the UE, so a search has
to look at a handful. Each (UE, other RU) is judged by itself; one network serves any number of RUs, UEs and PRBs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import RadioReport
from xapps.classic.cell import gains

Array = NDArray[np.float64]
Indices = NDArray[np.integer]

NUM_FEATURES = 17
RATE_SCALE = 10.0
MOST_PRBS_NEEDED = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """For every UE the change to the strongest RU that does not serve it."""

    to_ru: Indices
    """Shape (D, U)."""
    x: NDArray[np.float32]
    """Features, shape (D, U, F)."""


def even_rates(report: RadioReport) -> Array:
    """Rates of every UE on every PRB of every RU if all RUs split their power evenly, shape (D, U, R, K) [bps/Hz].

    Raises:
        ConfigError: the report carries no channel.
    """
    gain = gains(report)
    gain = gain if gain.ndim == 4 else gain[None]
    even_w = np.minimum(report.ru_power_budget_w / gain.shape[-1], report.prb_power_cap_w)
    heard = gain * (even_w / report.noise_w)[:, None]
    others = np.maximum(heard.sum(axis=2, keepdims=True) - heard, 0.0)
    return np.asarray(np.log2(1.0 + heard / (1.0 + others)))


def changes(report: RadioReport, rate: Array, serving: Indices) -> Changes:
    """The changes to be judged from an association, shape (D, U), with rates (D, U, R, K)."""
    mean = rate.mean(axis=-1)  # (D, U, R)
    here = serving[..., None] == np.arange(rate.shape[2])
    to_ru = np.where(here, -1.0, mean).argmax(axis=-1)
    wanted = np.broadcast_to(report.min_rate_bps_hz, serving.shape)
    weight = np.broadcast_to(report.weight, serving.shape)
    needed = np.clip(wanted[..., None] / np.maximum(rate.max(axis=-1), 1e-3), 0.0, MOST_PRBS_NEEDED)  # (D, U, R)
    load = np.where(here, needed, 0.0).sum(axis=1) / rate.shape[-1]  # (D, R)
    crowd = here.sum(axis=1) / rate.shape[-1]
    leading, following = _two_best(rate, here)  # (D, R, K)
    columns = [wanted / RATE_SCALE, weight / np.maximum(weight.max(axis=-1, keepdims=True), 1e-12)]
    for ru, member in ((serving, True), (to_ru, False)):
        columns += _of_ru(rate, mean, needed, load, crowd, leading, following, ru, member)
    columns.append(columns[2] - columns[2 + (len(columns) - 2) // 2])
    return Changes(to_ru, np.stack(columns, axis=-1).astype(np.float32))


def _of_ru(
    rate: Array,
    mean: Array,
    needed: Array,
    load: Array,
    crowd: Array,
    leading: Array,
    following: Array,
    ru: Indices,
    member: bool,
) -> list[Array]:
    """What one RU could make of a UE, each shape (D, U)."""
    of_ue = np.take_along_axis(rate, ru[..., None, None], 2)[:, :, 0]  # (D, U, K)
    drop = np.arange(len(ru))[:, None]
    best = leading[drop, ru]
    rest = np.where(of_ue >= best, following[drop, ru], best) if member else best  # without this UE
    top = np.sort(np.maximum(of_ue - rest, 0.0), axis=-1)
    pick = ru[..., None]
    return [
        np.take_along_axis(mean, pick, 2)[..., 0] / RATE_SCALE,
        of_ue.max(axis=-1) / RATE_SCALE,
        rest.mean(axis=-1) / RATE_SCALE,
        top.mean(axis=-1) / RATE_SCALE,
        (of_ue - rest).max(axis=-1) / RATE_SCALE,
        np.take_along_axis(needed, pick, 2)[..., 0] / MOST_PRBS_NEEDED,
        load[drop, ru] + crowd[drop, ru],
    ]


def _two_best(rate: Array, here: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Best and second-best rate among each RU's members on each PRB, shapes (D, R, K); 0 where there is none."""
    mine = np.where(here[..., None], rate, 0.0)
    if mine.shape[1] < 2:
        return mine.max(axis=1, initial=0.0), np.zeros((mine.shape[0], *mine.shape[2:]))
    two = np.partition(mine, -2, axis=1)[:, -2:]
    return two[:, 1], two[:, 0]


def weight_shapes(width: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of every weight."""
    return {
        "in": (NUM_FEATURES, width),
        "in.bias": (width,),
        "hidden": (width, width),
        "hidden.bias": (width,),
        "out": (width, 1),
        "out.bias": (1,),
    }


def initialise(width: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Fresh weights: normal with variance 1 / fan-in, biases zero."""
    return {
        name: (rng.standard_normal(shape) / np.sqrt(shape[0]) * (len(shape) == 2)).astype(np.float32)
        for name, shape in weight_shapes(width).items()
    }


def foresee(w: Mapping[str, Any], x: Any) -> Any:
    """What each change is worth [bps/Hz], shape (D, U), for numpy arrays or torch tensors alike."""
    hidden = (x @ w["in"] + w["in.bias"]).clip(0)
    hidden = (hidden @ w["hidden"] + w["hidden.bias"]).clip(0)
    return (hidden @ w["out"] + w["out.bias"])[..., 0]
