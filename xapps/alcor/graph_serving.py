"""The graph policy as it is served: the numbers of ``graph.logits``, in a fraction of the time.

At N = 20 a call of numpy costs as much as its arithmetic. What makes it fast changes nothing but rounding:

- Of the four edge features two are sums of the others, so three are built and the weights are folded accordingly.
- Whom a user does not hear gets a fourth feature whose weight is so negative that the rectifier gives 0: no masks.
- Messages lie sender first, so that their mean and maximum run over long rows.
- Biases ride along as a constant feature; what all users share in an update is multiplied once, not once a user.
- Pairs are judged once, before the candidates are chosen; a single channel is cut down to its active users first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from xapps.alcor.graph import EDGE_FEATURES, NODE_FEATURES, SILENT, TINY, GraphArchitecture, best_paired

Array = NDArray[np.float32]

ZERO, ONE = np.float32(0.0), np.float32(1.0)
UNHEARD = np.float32(-1e9)
"""Weight of "not heard" before a rectifier; no message is as large."""


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """Folded weights of one layer of width C; the last row of the matrices after the first is their bias."""

    edge: Array
    """(4, C) of [beside i, beside j, stronger, unheard]."""
    ends: Array
    """(C + 1, 2 C): A of the receiver and B of the sender."""
    update: Array
    """(3 C + 1, C): D of [mean, maximum, h, 1]."""
    crowd: Array | None
    """(2 C, C): D of [mean of all, maximum of all]; None where the shape has none."""


class GraphForward:
    """Logits of a graph policy, by numpy; safe to share between threads.

    Args:
        architecture: shape of the network.
        weights: as ``graph.weight_shapes`` lists them, checked.
    """

    def __init__(self, architecture: GraphArchitecture, weights: Mapping[str, Array]) -> None:
        self._width, self._candidates = architecture.width, architecture.candidates
        self._layers = [_folded(architecture.width, weights, layer) for layer in range(architecture.layers)]
        self._in = np.vstack([weights["in"], weights["in.bias"]])
        self._out = np.append(weights["out"][:, 0], weights["out.bias"])

    def logits(self, snr: Array, weight: Array | None, active: Array | None) -> Array:
        """Logits of the power shares, shape (B, N); inactive users and those who are no candidates are silent.

        Args:
            snr: shape (B, N, N), receiver first.
            weight: of the utilities, shape (B, N); None: all equal.
            active: xi, shape (B, N), 0 or 1; None: everybody.
        """
        if active is None:
            return self._of_pairs(snr, weight, None)
        if len(snr) > 1:
            return np.where(active > 0, self._of_pairs(snr, weight, active), np.float32(SILENT))
        rows = np.flatnonzero(active[0])
        found = np.full(active.shape, SILENT, np.float32)
        if rows.size:
            of_rows = None if weight is None else weight[:, rows]
            found[:, rows] = self._of_pairs(snr[:, rows[:, None], rows], of_rows, None)
        return found

    def _of_pairs(self, snr: Array, weight: Array | None, active: Array | None) -> Array:
        alone, beside, strongest = _judged(snr, weight, active)
        if not 0 < self._candidates < snr.shape[-1]:
            return self._network(alone, beside, strongest, active)
        sample = np.arange(len(snr))[:, None]
        chosen = best_paired(strongest if active is None else strongest * active, self._candidates, np)
        among = beside[sample[..., None], chosen[:, :, None], chosen[:, None, :]]
        present = None if active is None else active[sample, chosen]
        found = np.full(strongest.shape, SILENT, np.float32)
        found[sample, chosen] = self._network(alone[sample, chosen], among, strongest[sample, chosen], present)
        return found

    def _network(self, alone: Array, beside: Array, strongest: Array, active: Array | None) -> Array:
        batch, users = alone.shape
        node, edge, others = _features(alone, beside, strongest, active)
        crowd = None if active is None else active[..., None]
        c = self._width
        state = np.empty((batch, users, 3 * c + 1), np.float32)  # mean and maximum of messages, h, 1
        state[..., -1] = 1
        h = state[..., 2 * c : -1]
        np.maximum(node @ self._in, ZERO, out=h)
        for layer in self._layers:
            self._hear(layer, state, edge, others)
            update = state @ layer.update
            if layer.crowd is not None:
                update += _everybody(h, crowd) @ layer.crowd
            np.maximum(update, ZERO, out=update)
            h += update
        logit: Array = state[..., 2 * c :] @ self._out
        return logit

    def _hear(self, layer: _Layer, state: Array, edge: Array, others: Array | np.float32) -> None:
        """Mean and maximum of the messages to every user, written into the state."""
        c, (batch, users) = self._width, state.shape[:2]
        ends = state[..., 2 * c :] @ layer.ends
        message = (edge @ layer.edge).reshape(batch, users, users, c)  # sender, receiver
        message += ends[:, None, :, :c]
        message += ends[:, :, None, c:]
        np.maximum(message, ZERO, out=message)
        mean = np.add.reduce(message, axis=1, out=state[..., :c])
        mean *= others
        np.maximum.reduce(message, axis=1, out=state[..., c : 2 * c])


def _everybody(h: Array, crowd: Array | None) -> Array:
    """Mean and maximum of h over all users, shape (B, 1, 2 C)."""
    batch, users, c = h.shape
    present = h if crowd is None else h * crowd
    pooled = np.empty((batch, 1, 2 * c), np.float32)
    mean = np.add.reduce(present, axis=1, keepdims=True, out=pooled[..., :c])
    mean *= ONE / np.float32(users) if crowd is None else ONE / np.maximum(crowd.sum(axis=1, keepdims=True), ONE)
    np.maximum.reduce(present, axis=1, keepdims=True, out=pooled[..., c:])
    return pooled


def _judged(snr: Array, weight: Array | None, active: Array | None) -> tuple[Array, Array, Array]:
    """Weighted rates in nats of i alone (B, N), of i beside j (B, N, N; 0 on the diagonal), and of i's best pair."""
    batch, users = snr.shape[:2]
    if active is not None:
        snr = snr * active[..., :, None] * active[..., None, :]
    own = snr.reshape(batch, -1)[:, :: users + 1]
    alone = np.log1p(own)
    beside = snr + ONE
    np.divide(own[..., None], beside, out=beside)
    np.log1p(beside, out=beside)
    if weight is not None:
        alone *= weight
        beside *= weight[..., None]
    beside.reshape(batch, -1)[:, :: users + 1] = 0
    pair = beside + beside.swapaxes(1, 2)
    pair.reshape(batch, -1)[:, :: users + 1] = alone
    return alone, beside, np.maximum.reduce(pair, axis=2)


def _features(
    alone: Array, beside: Array, strongest: Array, active: Array | None
) -> tuple[Array, Array, Array | np.float32]:
    """Node features and a one (B, N, 4), edges (B, N N, 4) with senders first, one over the number of others heard."""
    batch, users = alone.shape
    scale = ONE / np.maximum(np.maximum.reduce(strongest, axis=1, keepdims=True), np.float32(TINY))
    node = np.empty((batch, users, NODE_FEATURES + 1), np.float32)
    np.multiply(alone, scale, out=node[..., 0])
    np.multiply(strongest, scale, out=node[..., 1])
    node[..., 2] = 1 if active is None else active
    node[..., 3] = 1
    edge = np.repeat(_nobody_hears_himself(users), batch, axis=0) if batch > 1 else _nobody_hears_himself(users).copy()
    np.multiply(beside, scale[..., None], out=edge[..., 1])
    edge[..., 0] = edge[..., 1].swapaxes(1, 2)
    np.maximum(node[..., :1], node[..., None, :, 0], out=edge[..., 2])
    others: Array | np.float32 = ONE / np.float32(max(1, users - 1))
    if active is not None:
        np.maximum(edge[..., 3], ONE - active[..., None], out=edge[..., 3])
        others = ONE / np.maximum(users - edge[..., 3].sum(axis=1), ONE)[..., None]
    return node, edge.reshape(batch, users * users, EDGE_FEATURES), others


@cache
def _nobody_hears_himself(users: int) -> Array:
    """Edges whose last feature is 1 on the diagonal and 0 elsewhere, shape (1, N, N, 4)."""
    edge = np.zeros((1, users, users, EDGE_FEATURES), np.float32)
    edge[0, :, :, 3] = np.eye(users)
    return edge


def _folded(c: int, w: Mapping[str, Array], layer: int) -> _Layer:
    pair, beside_i, beside_j, gain = w[f"{layer}.edge"]  # of 4 (pair - 1), beside i, beside j, 4 (pair - stronger)
    pair, gain = 4 * pair, 4 * gain
    edge = np.stack([beside_i + pair + gain, beside_j + pair + gain, -gain, np.full(c, UNHEARD)])
    bias = np.concatenate([np.zeros(c, np.float32), w[f"{layer}.message.bias"] - pair])
    ends = np.hstack([w[f"{layer}.self"], w[f"{layer}.other"]])
    h, mean, maximum, *crowd = np.split(w[f"{layer}.update"], len(w[f"{layer}.update"]) // c)
    return _Layer(
        edge=edge.astype(np.float32),
        ends=np.vstack([ends, bias]),
        update=np.vstack([mean, maximum, h, w[f"{layer}.update.bias"]]),
        crowd=np.vstack(crowd) if crowd else None,
    )
