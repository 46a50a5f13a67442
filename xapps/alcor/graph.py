"""The permutation-equivariant graph policy: one set of weights for any number of users, with a weight a user.

Raw gains let gradient training stop at "only the best user on". What the policy needs to know of two users is what
they are worth together, so an edge carries their weighted pair rate relative to the best pair of all; every input is
then free of scale: gains, noise and weights may be multiplied by anything.

    h_i     <- relu(node features)
    m_ij    = relu(A h_i + B h_j + C e_ij)             for every other active j
    h_i     <- h_i + relu(D [h_i, mean_j m_ij, max_j m_ij, mean_j h_j, max_j h_j])      the last two: see `crowd`
    share_i = sigmoid(w . h_i)

Optima among strong interferers are sparse, so a shape may say that only some candidates enter the network: the users
who are worth most in their best pair. The others stay silent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from oran.errors import ConfigError
from xapps.alcor.links import BITS, Array, off_diagonal, own_links, switched

NODE_FEATURES = 3
EDGE_FEATURES = 4
TINY = 1e-12
SILENT = -20.0
"""Logit of users who are no candidates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphArchitecture:
    """Shape of the network; goes into the manifest."""

    width: int = 32
    layers: int = 3
    candidates: int = 0
    """Users who enter the network, at most; 0: all. Needs strong interference (IV-A), where few are on at a time."""
    crowd: bool = True
    """Whether updates also see mean_j h_j and max_j h_j."""

    def __post_init__(self) -> None:
        for field, least in (("width", 1), ("layers", 1), ("candidates", 0)):
            if getattr(self, field) < least:
                raise ConfigError(field, getattr(self, field), f"at least {least}")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def weight_shapes(a: GraphArchitecture) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights."""
    c, seen = a.width, 5 if a.crowd else 3
    shapes: dict[str, tuple[int, ...]] = {"in": (NODE_FEATURES, c), "in.bias": (c,)}
    for layer in range(a.layers):
        shapes |= {f"{layer}.self": (c, c), f"{layer}.other": (c, c), f"{layer}.edge": (EDGE_FEATURES, c)}
        shapes |= {f"{layer}.message.bias": (c,), f"{layer}.update": (seen * c, c), f"{layer}.update.bias": (c,)}
    return shapes | {"out": (c, 1), "out.bias": (1,)}


def initialise(a: GraphArchitecture, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Fresh weights: He-normal, biases zero."""
    return {
        name: (rng.standard_normal(shape) * np.sqrt(2.0 / shape[0]) if len(shape) == 2 else np.zeros(shape)).astype(
            np.float32
        )
        for name, shape in weight_shapes(a).items()
    }


def features(snr: Array, weight: Array, active: Array, xp: Any) -> tuple[Array, Array, Array]:
    """What the network sees.

    Args:
        snr: (..., N, N); weight, active: (..., N).

    Returns:
        Node features (..., N, 3), edge features (..., N, N, 4) of receiver i and other j, and the weighted rate of
        the best pair or single user (..., 1, 1) [bps/Hz].
    """
    pair, beside, alone = pair_rates(snr, weight, active, xp)
    best = xp.amax(pair, axis=(-2, -1), keepdims=True).clip(TINY)
    pair, beside, alone = pair / best, beside / best, alone / best[..., 0]
    stronger = xp.maximum(alone[..., :, None], alone[..., None, :])
    node = xp.stack([alone, xp.amax(pair, axis=-1), active], -1)
    edge = xp.stack([4.0 * (pair - 1.0), beside, beside.swapaxes(-1, -2), 4.0 * (pair - stronger)], -1)
    return node, edge, best


def pair_rates(snr: Array, weight: Array, active: Array, xp: Any) -> tuple[Array, Array, Array]:
    """Weighted rates [bps/Hz] of pairs (..., N, N; of a user alone on the diagonal), of i beside j, and of i alone."""
    others = off_diagonal(snr, xp)
    snr = switched(snr, active)
    own = own_links(snr, xp)
    alone = BITS * weight * xp.log1p(own)
    beside = others * (BITS * weight[..., None] * xp.log1p(own[..., None] / (1.0 + snr)))
    return beside + beside.swapaxes(-1, -2) + (1.0 - others) * alone[..., None], beside, alone


def logits(a: GraphArchitecture, w: Mapping[str, Any], snr: Array, weight: Array, active: Array, xp: Any) -> Array:
    """Logits of the power shares, shape (..., N); meaningless for inactive users."""
    node, edge, _ = features(snr, weight, active, xp)
    if not 0 < a.candidates < snr.shape[-1]:
        return _network(a, w, node, edge, active, xp)
    take = np.take_along_axis if xp is np else xp.take_along_dim
    index = best_paired(node[..., 1] * active, a.candidates, xp)
    senders = take(edge, index[..., None, :, None], -2)
    found = _network(
        a,
        w,
        take(node, index[..., None], -2),
        take(senders, index[..., :, None, None], -3),
        take(active, index, -1),
        xp,
    )
    chosen = (index[..., None] == xp.arange(snr.shape[-1])) * 1.0  # (..., K, N)
    return (chosen * (found - SILENT)[..., None]).sum(-2) + SILENT


def best_paired(rate: Array, candidates: int, xp: Any) -> Array:
    """Who is worth most in his best pair, in no order: indices, shape (..., candidates)."""
    if xp is np:
        return np.argpartition(rate, -candidates, axis=-1)[..., -candidates:]
    return xp.topk(rate, candidates, -1)[1]


def _network(a: GraphArchitecture, w: Mapping[str, Any], node: Array, edge: Array, active: Array, xp: Any) -> Array:
    heard = (off_diagonal(edge[..., 0], xp) * active[..., None, :])[..., None]  # (..., N, N, 1)
    crowd = active[..., None]
    h = (node @ w["in"] + w["in.bias"]).clip(0)
    for layer in range(a.layers):
        mixed = edge @ w[f"{layer}.edge"] + (h @ w[f"{layer}.self"])[..., :, None, :]
        mixed = mixed + (h @ w[f"{layer}.other"] + w[f"{layer}.message.bias"])[..., None, :, :]
        pooled = [h, *_pool(mixed.clip(0) * heard, heard, xp)]
        if a.crowd:
            pooled += _everybody(h * crowd, crowd, xp)
        h = h + (xp.concatenate(pooled, -1) @ w[f"{layer}.update"] + w[f"{layer}.update.bias"]).clip(0)
    return (h @ w["out"] + w["out.bias"])[..., 0]


def _pool(message: Array, heard: Array, xp: Any) -> tuple[Array, Array]:
    """Mean and maximum over the others, each (..., N, C); both 0 for a user who is alone."""
    return message.sum(-2) / heard.sum(-2).clip(1.0), xp.amax(message, axis=-2)


def _everybody(h: Array, crowd: Array, xp: Any) -> tuple[Array, Array]:
    mean = h.sum(-2)[..., None, :] / crowd.sum(-2)[..., None, :].clip(1.0)
    top = xp.amax(h, axis=-2)[..., None, :]
    zeros = xp.zeros_like(h)
    return mean + zeros, top + zeros
