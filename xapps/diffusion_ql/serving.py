"""The equivariant networks for serving one cell: what :mod:`xapps.diffusion_ql.network` defines, several times faster.

``network`` is written for any batch and two array modules; that generality costs more than the arithmetic where a
report has a few hundred nodes. Here the axes are (UE, PRB, candidate, channel), so that every pool reduces over a
leading axis of long rows, sums are in place, and what does not change between steps is computed once. Tests hold the
two to each other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xapps.diffusion_ql import network
from xapps.diffusion_ql.diffusion import Schedule, sub_steps
from xapps.diffusion_ql.network import Architecture, Weights, part
from xapps.diffusion_ql.sampling import draw
from xapps.ssvae import prior

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Round:
    """Weights of one exchange of messages, those of pooled means on top of those of maxima, shape (2 C, C)."""

    own_state: Array
    bias: Array
    rivals: Array
    own: Array
    all: Array

    @classmethod
    def of(cls, w: Weights, index: int) -> _Round:
        return cls(*(w[f"{index}.{name}"] for name in ("self", "bias", "rivals", "own", "all")))

    def added(self, node: Array) -> Array:
        """``node``, shape (U, K, S, C), and what its neighbourhoods told it, in place."""
        rivals = _pooled(node)  # (K, S, 2 C)
        own = _pooled(node.swapaxes(0, 1))  # (U, S, 2 C)
        width = node.shape[-1]
        mean = rivals[..., :width].mean(axis=0)
        everything = np.concatenate([mean, np.maximum.reduce(rivals[..., width:], 0)], axis=-1)  # (S, 2 C)
        mixed = _product(node, self.own_state)
        mixed += _product(rivals, self.rivals) + (everything @ self.all + self.bias)
        mixed += _product(own, self.own)[:, None]
        node += np.maximum(mixed, 0.0, out=mixed)
        return node


class OneCell:
    """Denoiser and critics of one cell of one RU.

    Args:
        architecture: an equivariant one.
        weights: tensors by name, float32.
    """

    def __init__(self, architecture: Architecture, weights: Weights) -> None:
        self._prior = architecture.prior
        self._steps = architecture.steps
        self._schedule = Schedule.variance_preserving(architecture.steps)
        self._policy = part(weights, "policy")
        self._reader = _rounds(self._policy, "read", architecture.layers)
        self._rounds = _rounds(self._policy, "step", architecture.denoiser_layers)
        critics = [part(weights, f"critic.{member}") for member in range(architecture.critics)]
        self._critics = [(critic, _rounds(critic, "read", architecture.critic_layers)) for critic in critics]

    def answers(self, x: Array, noise: Array, steps: int) -> Array:
        """Log-odds of ownership that DDIM reaches from ``noise``, shape (S, U, K).

        Args:
            x: features, shape (U, K, F).
            noise: shape (S, U, K).
            steps: denoising steps.
        """
        w = self._policy
        hidden = _read(w, self._reader, x)
        state = _product(hidden, w["state"]) + w["bias"]  # (U, K, 1, C)
        skip = _product(hidden, w["skip"]) + _product(x, w["linear"])[:, :, None]  # (U, K, 1, 1)
        if self._prior:
            skip += prior.scores(w["prior"], x, np)[..., None, None]
        answer = np.ascontiguousarray(noise.transpose(1, 2, 0))[..., None]  # (U, K, S, 1)
        times = sub_steps(self._steps, steps)
        for t, to in zip(times, (*times[1:], 0), strict=True):
            node = answer * w["answer"]
            node += state + w["time"][t - 1]
            np.maximum(node, 0.0, out=node)
            for each in self._rounds:
                node = each.added(node)
            logits = _product(node, w["out"]) + skip
            if to:
                answer = self._schedule.jumped(answer, _clean(logits), t, to).astype(np.float32, copy=False)
        return logits[..., 0].transpose(2, 0, 1)

    def values(self, x: Array, owner: NDArray[np.integer]) -> list[Array]:
        """Q of assignments (A, K) by every member of the ensemble, each of shape (A,)."""
        prbs = np.arange(x.shape[1])
        return [self._value(w, x, _read(w, rounds, x), owner, prbs) for w, rounds in self._critics]

    def _value(
        self, w: Weights, x: Array, hidden: Array, owner: NDArray[np.integer], prbs: NDArray[np.integer]
    ) -> Array:
        num_ues = len(hidden)
        worth = _product(hidden, w["worth"])[:, :, 0, 0] + _product(x, w["linear"])[:, :, 0]
        holding = np.maximum(_product(hidden, w["holding"])[:, :, 0], 0.0)  # (U, K, C)
        owned = (owner == np.arange(num_ues)[:, None, None]).astype(np.float32)  # (U, A, K)
        held = owned @ holding  # (U, A, C)
        ue = hidden[:, :, 0].mean(axis=1)  # (U, C)
        base = ue.mean(axis=0) @ w["base"] + w["offset"]
        claim = ue @ w["ue"] + w["bias"]
        content = np.maximum(_product(held, w["held"]) + claim[:, None], 0.0) @ w["content"][:, 0]  # (U, A)
        return worth[owner, prbs].mean(axis=-1) + content.mean(axis=0) + base[0]


class FlatCell:
    """Denoiser and critics of the flat network, with the face of :class:`OneCell`.

    Args:
        architecture: a flat one.
        weights: tensors by name, float32.
    """

    def __init__(self, architecture: Architecture, weights: Weights) -> None:
        self._architecture = architecture
        self._schedule = Schedule.variance_preserving(architecture.steps)
        self._policy = part(weights, "policy")
        self._critics = [part(weights, f"critic.{member}") for member in range(architecture.critics)]

    def answers(self, x: Array, noise: Array, steps: int) -> Array:
        """As ``OneCell.answers``.

        Raises:
            ConfigError: the network was made for another number of UEs or PRBs.
        """
        state = network.read(self._architecture, self._policy, x[:, None], np)
        logits = draw(self._architecture, self._schedule, self._policy, state, noise[:, :, None], steps, np)
        return np.asarray(logits[:, :, 0])

    def values(self, x: Array, owner: NDArray[np.integer]) -> list[Array]:
        """As ``OneCell.values``."""
        owned = (owner[:, None, None, :] == np.arange(len(x))[:, None, None]).astype(np.float32)
        a = self._architecture
        return [network.value(a, w, network.appraise(a, w, x[:, None], np), owned, np) for w in self._critics]


def _rounds(w: Weights, prefix: str, count: int) -> list[_Round]:
    scoped = part(w, prefix)
    return [_Round.of(scoped, index) for index in range(count)]


def _read(w: Weights, rounds: list[_Round], x: Array) -> Array:
    """Hidden states of features (U, K, F), shape (U, K, 1, C)."""
    node = _product(x, w["in"])
    node += w["in.bias"]
    node = np.maximum(node, 0.0, out=node)[:, :, None]
    for each in rounds:
        node = each.added(node)
    return node


def _clean(logits: Array) -> Array:
    """The estimate of x_0, twice the share less one, of log-odds (U, K, S, 1)."""
    odds = np.exp(logits - np.maximum.reduce(logits, 0))
    odds *= 2.0 / np.add.reduce(odds, 0)
    odds -= 1.0
    return odds


def _pooled(node: Array) -> Array:
    """Mean and maximum over the leading axis, side by side, shape (N, M, S, C) gives (M, S, 2 C)."""
    mean = np.add.reduce(node, 0) / np.float32(len(node))
    return np.concatenate([mean, np.maximum.reduce(node, 0)], axis=-1)


def _product(x: Array, weight: Array) -> Array:
    """x @ weight as one matrix product, shape (..., C): numpy would multiply each leading index by itself."""
    return np.dot(x.reshape(-1, x.shape[-1]), weight).reshape(*x.shape[:-1], -1)
