"""The learned belief: what reports of a link, newest first, say of its true gains. Written once for numpy and torch.

Each PRB of a link is a node; nodes hear the mean over their link and nothing else, so one network serves any number of
UEs, RUs and PRBs. Nothing names the kind of imperfection: the network infers error, age, grid and losses from pairs of
report and truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from e2sim.physics.units import db_to_linear
from oran.errors import ConfigError
from xapps.belief.bayes import tied
from xapps.belief.rice import Belief
from xapps.runtime.manifest_entry import ManifestEntry

Array = Any
"""A numpy array or a torch tensor."""

DB_SCALE = 10.0
LOG_LIMIT = 12.0
"""ln of the known and the diffuse part over the link's mean are kept within +- this."""

PER_REPORT, PER_LINK = 3, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture(ManifestEntry):
    """Shape of a network; goes into the model's manifest."""

    width: int = 32
    reports: int = 3
    """How many reports are seen, the newest included; missing older ones are marked."""

    def __post_init__(self) -> None:
        for name in ("width", "reports"):
            if getattr(self, name) < 1:
                raise ConfigError(name, getattr(self, name), "at least 1")

    @property
    def num_features(self) -> int:
        return PER_REPORT * self.reports + PER_LINK


def weight_shapes(a: Architecture) -> dict[str, tuple[int, ...]]:
    """Names and shapes of every weight."""
    c = a.width
    return {
        "in": (a.num_features, c),
        "in.bias": (c,),
        "link": (c, c),
        "hidden": (c, c),
        "hidden.bias": (c,),
        "link.2": (c, c),
        "hidden.2": (c, c),
        "hidden.2.bias": (c,),
        "out": (c, 2),
        "out.bias": (2,),
    }


def initialise(a: Architecture, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Fresh weights: normal with variance 1 / fan-in, biases zero."""
    return {
        name: (rng.standard_normal(shape) / np.sqrt(shape[0]) * (len(shape) == 2)).astype(np.float32)
        for name, shape in weight_shapes(a).items()
    }


def features(a: Architecture, history_db: Sequence[NDArray[np.float64]]) -> NDArray[np.float32]:
    """Features of each node, shape (..., K, F), from reports (..., K) each, newest first [dB].

    A report's entry is its gain over the newest report's mean, how many PRBs of the link show the same value (losses
    do), and whether there was such a report at all.
    """
    newest = history_db[0]
    mean_db = newest.mean(axis=-1, keepdims=True)
    x = np.zeros((*newest.shape, a.num_features), np.float32)
    for age, gain_db in enumerate(history_db[: a.reports]):
        column = PER_REPORT * age
        x[..., column] = (gain_db - mean_db) / DB_SCALE
        x[..., column + 1] = tied(gain_db) / gain_db.shape[-1]
        x[..., column + 2] = 1.0
    x[..., -2] = newest.std(axis=-1, keepdims=True) / DB_SCALE
    x[..., -1] = x[..., 1].max(axis=-1, keepdims=True)
    return x


def forward(w: Mapping[str, Any], x: Array) -> tuple[Array, Array]:
    """ln of the known and of the diffuse part over the link's mean, two arrays of shape (..., K)."""
    hidden = (x @ w["in"] + w["in.bias"]).clip(0)
    hidden = (hidden @ w["hidden"] + _link(hidden) @ w["link"] + w["hidden.bias"]).clip(0)
    hidden = (hidden @ w["hidden.2"] + _link(hidden) @ w["link.2"] + w["hidden.2.bias"]).clip(0)
    out = (hidden @ w["out"] + w["out.bias"]).clip(-LOG_LIMIT, LOG_LIMIT)
    return out[..., 0], out[..., 1]


def believe(a: Architecture, w: Mapping[str, NDArray[np.float32]], history_db: Sequence[NDArray[np.float64]]) -> Belief:
    """The learned belief of a channel, reports of shape (..., K) each, newest first [dB]."""
    ln_known, ln_diffuse = forward(w, features(a, history_db))
    mean = db_to_linear(history_db[0].mean(axis=-1, keepdims=True))
    return Belief(mean * np.exp(ln_known.astype(np.float64)), mean * np.exp(ln_diffuse.astype(np.float64)))


def _link(hidden: Array) -> Array:
    return hidden.mean(axis=-2, keepdims=True)
