"""The equivariant forward pass for serving one cell: what :mod:`xapps.ssvae.network` defines, in a third of its time.

``network`` is written for any batch, any number of RUs and two array modules; that generality costs more than the
arithmetic where a report has a few hundred nodes. Here are no axes of length one, sums are in place, and of the heads
only the one that the decoder reads is computed. Tests hold the two to each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xapps.ssvae import prior
from xapps.ssvae.network import LOG_VARIANCE_LIMIT, Architecture, Weights

Array = NDArray[np.float32]


class Noise(Protocol):
    """Noise of the candidates' latents, for means of a shape: (C, *shape), zero for the first candidate."""

    def __call__(self, shape: tuple[int, ...]) -> Array: ...


@dataclass(frozen=True, slots=True, eq=False)
class _Layer:
    """Weights of one exchange; those of a mean and a maximum stand on top of each other, shape (2 C, C)."""

    own_state: Array
    bias: Array
    rivals: Array
    own: Array
    all: Array


def serves(architecture: Architecture) -> bool:
    """Whether this module can stand in for ``network``: an equivariant network that knows one RU only."""
    return architecture.kind == "equivariant" and architecture.rus == 1


class OneCell:
    """Scores of one cell's UEs for its PRBs.

    Args:
        architecture: one that ``serves`` accepts.
        weights: tensors by name, float32.
    """

    def __init__(self, architecture: Architecture, weights: Weights) -> None:
        self._latent = architecture.latent
        self._prior = architecture.prior
        self._weights = weights
        self._layers = [_layer(weights, index) for index in range(architecture.layers)]
        self._owner_head = np.ascontiguousarray(weights["heads"][:, 1])
        self._zeros: dict[tuple[int, ...], Array] = {}

    def scores(self, x: Array, noise: Noise) -> Array:
        """Logits of who should have each PRB, for every candidate, shape (candidates, U, K).

        Args:
            x: features, shape (U, K, F).
            noise: of the candidates' latents.
        """
        hidden = self._encoded(x)  # (U, K, C)
        ue, prb = self._draws(hidden, noise)
        w = self._weights
        node = _product(hidden, w["node.hidden"]) + (prb @ w["node.prb"] + w["node.bias"])[:, None]
        node += (ue @ w["node.ue"])[:, :, None]  # (candidates, U, K, C)
        scores = self._rectified(node) @ self._owner_head
        return scores + prior.scores(w["prior"], x, np) if self._prior else scores

    def _encoded(self, x: Array) -> Array:
        hidden = _product(x, self._weights["in"])
        hidden += self._weights["in.bias"]
        self._rectified(hidden)
        for layer in self._layers:
            rivals, own = _over_ues(hidden), _over_prbs(hidden)
            mixed = _product(hidden, layer.own_state)
            mixed += rivals @ layer.rivals + (_over_both(rivals) @ layer.all + layer.bias)
            mixed += (own @ layer.own)[:, None]
            hidden += self._rectified(mixed)
        return hidden

    def _draws(self, hidden: Array, noise: Noise) -> tuple[Array, Array]:
        """Latents of the candidates: of UEs (candidates, U, L) and of PRBs (candidates, K, L)."""
        w = self._weights
        ue = _over_prbs(hidden) @ w["latent.ue"] + w["latent.ue.bias"]
        prb = _over_ues(hidden) @ w["latent.prb"] + w["latent.prb.bias"]
        return self._drawn(ue, noise), self._drawn(prb, noise)

    def _drawn(self, posterior: Array, noise: Noise) -> Array:
        mean, log_variance = posterior[:, : self._latent], posterior[:, self._latent :]
        drawn = noise(mean.shape)
        if len(drawn) == 1:
            return mean[None]
        limited = np.minimum(np.maximum(log_variance, -LOG_VARIANCE_LIMIT), LOG_VARIANCE_LIMIT)
        return mean + drawn * np.exp(0.5 * limited)

    def _rectified(self, x: Array) -> Array:
        """max(x, 0) in place; against an array of zeros, as numpy is three times slower against a number."""
        zeros = self._zeros.get(x.shape)
        if zeros is None:
            if len(self._zeros) > _MOST_SHAPES:
                self._zeros = {}
            zeros = self._zeros[x.shape] = np.zeros(x.shape, np.float32)
        return np.maximum(x, zeros, out=x)


_MOST_SHAPES = 64
"""Shapes whose zeros are kept; cells whose UEs come and go would pile up more."""


def _layer(w: Weights, index: int) -> _Layer:
    def named(name: str) -> Any:
        return w[f"{index}.{name}"]

    return _Layer(named("self"), named("bias"), named("rivals"), named("own"), named("all"))


def _product(x: Array, weight: Array) -> Array:
    """x @ weight as one matrix product, shape (..., C): numpy would multiply each leading index by itself."""
    return np.dot(x.reshape(-1, x.shape[-1]), weight).reshape(*x.shape[:-1], -1)


def _over_ues(hidden: Array) -> Array:
    """Mean and maximum over the rivals for each PRB, shape (U, K, C) gives (K, 2 C)."""
    mean = np.add.reduce(hidden, 0) / np.float32(len(hidden))
    return np.concatenate([mean, np.maximum.reduce(hidden, 0)], axis=-1)


def _over_prbs(hidden: Array) -> Array:
    """Mean and maximum over each UE's PRBs, (U, 2 C); PRBs first, as reducing the leading axis is the fast case."""
    return _over_ues(np.ascontiguousarray(hidden.transpose(1, 0, 2)))


def _over_both(rivals: Array) -> Array:
    """Mean of the means and maximum of the maxima, shape (K, 2 C) gives (2 C,)."""
    width = rivals.shape[-1] // 2
    mean = np.add.reduce(rivals[:, :width], 0) / np.float32(len(rivals))
    return np.concatenate([mean, np.maximum.reduce(rivals[:, width:], 0)])
