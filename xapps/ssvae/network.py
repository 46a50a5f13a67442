"""The networks, written once for numpy (serving) and torch (learning).

Each function takes ``xp``, the array module, and a mapping from names to weights; nothing here trains, stores or owns
state. Two architectures share one face:

- *equivariant*: nodes (UE, RU, PRB) exchange only pooled messages, so one set of weights serves any number of UEs, RUs
  and PRBs, and permuting them permutes the answer (Zaheer et al. 2017, arXiv:1703.06114; Hartford et al. 2018,
  arXiv:1803.02879). The latent z has 20 dimensions for each UE and each PRB; the decoder rebuilds the channel of a pair
  from the two.
- *flat*: paper 1 as printed, one vector in, one 20-dimensional latent, section 5.3; for one size of network only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from oran.errors import ConfigError
from xapps.runtime.manifest_entry import ManifestEntry
from xapps.ssvae import prior
from xapps.ssvae.features import num_features

Array = Any
"""A numpy array or a torch tensor."""

Weights = Mapping[str, Any]

LOG_VARIANCE_LIMIT = 6.0
"""Latent log-variances are kept within +- this, so that one bad draw cannot overflow the exponential."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture(ManifestEntry):
    """Shape of a network; goes into the model's manifest."""

    kind: Literal["equivariant", "flat"] = "equivariant"
    width: int = 32
    layers: int = 3
    latent: int = 20
    """Dimension of the latent space, Table 5."""
    slices: int = 2
    ues: int = 0
    """Number of UEs of the flat network; 0 for the equivariant one, which takes any."""
    rus: int = 1
    """Number of RUs: fixed for the flat network; above 1 the equivariant one also pools over RUs."""
    prbs: int = 0
    """Number of PRBs of the flat network; 0 for the equivariant one."""
    prior: bool = False
    """Owner scores start from what a PRB earns its UE, times learned scales: :mod:`xapps.ssvae.prior`."""

    def __post_init__(self) -> None:
        if self.kind not in ("equivariant", "flat"):
            raise ConfigError("kind", self.kind, "equivariant or flat")
        for field in ("width", "layers", "latent", "slices", "rus"):
            if getattr(self, field) < 1:
                raise ConfigError(field, getattr(self, field), "at least 1")
        if self.kind == "flat" and min(self.ues, self.prbs) < 1:
            raise ConfigError("ues", self.ues, "the flat network has a fixed number of UEs and PRBs")
        if self.kind == "flat" and self.prior:
            raise ConfigError("prior", self.prior, "the flat network has none")


@dataclass(slots=True)
class Latent:
    """Posterior q(z|x) of (23): mean and log-variance of each group of latents."""

    mean: tuple[Array, ...]
    """Equivariant: of UEs (..., U, 1, 1, L) and of PRBs (..., 1, R, K, L); flat: one of shape (..., L)."""
    log_variance: tuple[Array, ...]


@dataclass(slots=True)
class Heads:
    """Logits of the three decisions."""

    association: Array
    """alpha, shape (..., U, R)."""
    owner: Array
    """beta, shape (..., U, R, K): who should have the PRB."""
    power: Array
    """p as a logit of the cap's fraction, shape (..., U, R, K)."""


Regulariser = Callable[[Array], Array]


def unchanged(x: Array) -> Array:
    """The regulariser of serving: none."""
    return x


def initialise(architecture: Architecture, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Fresh weights: normal with variance 1 / fan-in (residual layers add up, so less than He's 2), biases zero."""
    weights = {
        name: _normal(shape, rng) if len(shape) == 2 else np.zeros(shape, np.float32)
        for name, shape in weight_shapes(architecture).items()
    }
    for name in weights:
        if name.startswith("latent"):  # variances near one at first: their exponential enters the losses
            weights[name] *= 0.1
    if architecture.prior:
        weights["heads"] *= 0.1  # the first answers are the prior's
        weights["prior"] = np.array(prior.FIRST_SCALES, np.float32)
    return weights


def weight_shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """Names and shapes of every weight, in the order of initialisation."""
    return _flat_shapes(architecture) if architecture.kind == "flat" else _equivariant_shapes(architecture)


def encode(
    architecture: Architecture, w: Weights, x: Array, xp: Any, regularise: Regulariser = unchanged
) -> tuple[Array, Latent]:
    """Hidden state and latent posterior of features ``x`` of shape (..., U, R, K, F)."""
    if architecture.kind == "flat":
        return _encode_flat(architecture, w, x, xp, regularise)
    return _encode_equivariant(architecture, w, x, xp, regularise)


def decide(architecture: Architecture, w: Weights, x: Array, hidden: Array, z: tuple[Array, ...], xp: Any) -> Heads:
    """The three heads from hidden state and a latent draw; the latent may carry more leading axes than the hidden.

    Features ``x``, shape (..., U, R, K, F), are read by the prior alone.
    """
    if architecture.kind == "flat":
        return _decide_flat(architecture, w, z[0])
    node = hidden @ w["node.hidden"] + w["node.bias"] + z[0] @ w["node.ue"] + z[1] @ w["node.prb"]
    node = node.clip(0)  # (..., U, R, K, C)
    logits = node @ w["heads"]  # (..., U, R, K, 3): one product for three narrow heads
    owner = logits[..., 1] + prior.scores(w["prior"], x, xp) if architecture.prior else logits[..., 1]
    return Heads(association=logits[..., 0].mean(axis=-1), owner=owner, power=logits[..., 2])


def reconstruct(architecture: Architecture, w: Weights, z: tuple[Array, ...]) -> Array:
    """Mean of p(x|z) of (23): the standardised SNR, shape (..., U, R, K)."""
    if architecture.kind == "flat":
        hidden = (z[0] @ w["reconstruct.in"] + w["reconstruct.bias"]).clip(0)
        snr = hidden @ w["reconstruct.out"] + w["reconstruct.offset"]
        return snr.reshape((*snr.shape[:-1], architecture.ues, architecture.rus, architecture.prbs))
    ue, prb = z[0] @ w["reconstruct.ue"], z[1] @ w["reconstruct.prb"]
    return (ue * prb + ue + prb).sum(axis=-1) / ue.shape[-1] ** 0.5 + w["reconstruct.offset"]


def representation(latent: Latent, xp: Any) -> Array:
    """f(H) of (26): the latent mean, pooled over UEs and over PRBs, shape (..., L) or (..., 2 L)."""
    if len(latent.mean) == 1:
        return latent.mean[0]
    ue, prb = latent.mean
    return xp.concatenate([ue.mean(axis=(-4, -3, -2)), prb.mean(axis=(-4, -3, -2))], axis=-1)


def _normal(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return (rng.standard_normal(shape) / np.sqrt(shape[0])).astype(np.float32)


# --- equivariant ------------------------------------------------------------------------------------------------------

UES, RUS, PRBS = -4, -3, -2
"""Axes of a node tensor (..., U, R, K, C)."""

POOLS = ("rivals", "own", "all", "other_rus", "same_prb")


def pools(architecture: Architecture) -> tuple[str, ...]:
    """Names of the neighbourhoods that a node hears from."""
    return POOLS if architecture.rus > 1 else POOLS[:3]


def _equivariant_shapes(a: Architecture) -> dict[str, tuple[int, ...]]:
    c, latent = a.width, a.latent
    shapes = {"in": (num_features(a.slices), c), "in.bias": (c,)} | exchange_shapes(a)
    for group in ("ue", "prb"):
        shapes |= {f"latent.{group}": (2 * c, 2 * latent), f"latent.{group}.bias": (2 * latent,)}
    shapes |= {"node.hidden": (c, c), "node.bias": (c,), "node.ue": (latent, c), "node.prb": (latent, c)}
    shapes |= {"heads": (c, 3), "reconstruct.ue": (latent, latent), "reconstruct.prb": (latent, latent)}
    if a.prior:
        shapes["prior"] = (len(prior.FIRST_SCALES),)
    return shapes | {"reconstruct.offset": (1,)}


def _encode_equivariant(
    a: Architecture, w: Weights, x: Array, xp: Any, regularise: Regulariser
) -> tuple[Array, Latent]:
    hidden = exchange(a, w, (x @ w["in"] + w["in.bias"]).clip(0), xp, regularise)  # (..., U, R, K, C)
    ue = _pool(hidden, (RUS, PRBS), xp) @ w["latent.ue"] + w["latent.ue.bias"]
    prb = _pool(hidden, (UES,), xp) @ w["latent.prb"] + w["latent.prb.bias"]
    halves = [_halves(group, a.latent) for group in (ue, prb)]
    return hidden, Latent(tuple(mean for mean, _ in halves), tuple(spread for _, spread in halves))


def exchange_shapes(a: Architecture) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights of every round of messages."""
    c = a.width
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(a.layers):
        shapes |= {f"{layer}.self": (c, c), f"{layer}.bias": (c,)}
        shapes |= {f"{layer}.{pool}": (2 * c, c) for pool in pools(a)}
    return shapes


def exchange(a: Architecture, w: Weights, hidden: Array, xp: Any, regularise: Regulariser = unchanged) -> Array:
    """All rounds of messages between the nodes of ``hidden``, shape (..., U, R, K, C), each added to what was there."""
    for layer in range(a.layers):
        hidden = hidden + regularise(_round(a, w, layer, hidden, xp).clip(0))
    return hidden


def _round(a: Architecture, w: Weights, layer: int, hidden: Array, xp: Any) -> Array:
    """One round of messages: a node's own state plus what is pooled over each of its neighbourhoods."""
    mixed = hidden @ w[f"{layer}.self"] + w[f"{layer}.bias"]
    for pool, summary in _neighbourhoods(a, hidden, xp).items():
        mixed = mixed + summary @ w[f"{layer}.{pool}"]
    return mixed


def _neighbourhoods(a: Architecture, hidden: Array, xp: Any) -> dict[str, Array]:
    """Summaries by ``POOLS``: rivals for a PRB, a UE's own PRBs, everything; with several RUs what shares the PRB."""
    rivals = _pool(hidden, (UES,), xp)
    found = {"rivals": rivals, "own": _pool(hidden, (PRBS,), xp), "all": _pool_again(a, rivals, (RUS, PRBS), xp)}
    if a.rus > 1:
        found |= {"other_rus": _pool(hidden, (RUS,), xp), "same_prb": _pool_again(a, rivals, (RUS,), xp)}
    return found


def _pool(hidden: Array, axes: tuple[int, ...], xp: Any) -> Array:
    """Mean and maximum side by side: the crowd and its strongest member."""
    mean = hidden.mean(axis=axes, keepdims=True)
    return xp.concatenate([mean, xp.amax(hidden, axis=axes, keepdims=True)], axis=-1)


def _pool_again(a: Architecture, pooled: Array, axes: tuple[int, ...], xp: Any) -> Array:
    """A summary of summaries: the mean of means of equal crowds is their mean, the maximum of maxima their maximum."""
    mean = pooled[..., : a.width].mean(axis=axes, keepdims=True)
    return xp.concatenate([mean, xp.amax(pooled[..., a.width :], axis=axes, keepdims=True)], axis=-1)


def _halves(both: Array, latent: int) -> tuple[Array, Array]:
    return both[..., :latent], both[..., latent:].clip(-LOG_VARIANCE_LIMIT, LOG_VARIANCE_LIMIT)


# --- flat -------------------------------------------------------------------------------------------------------------


def _flat_shapes(a: Architecture) -> dict[str, tuple[int, ...]]:
    c, nodes = a.width, a.ues * a.rus * a.prbs
    shapes: dict[str, tuple[int, ...]] = {"in": (nodes, c), "in.bias": (c,)}
    for layer in range(a.layers - 1):
        shapes |= {f"{layer}.self": (c, c), f"{layer}.bias": (c,)}
    shapes |= {"latent": (c, 2 * a.latent), "latent.bias": (2 * a.latent,)}
    shapes |= {"node.hidden": (a.latent, c), "node.bias": (c,)}
    shapes |= {"owner": (c, nodes), "power": (c, nodes), "association": (c, a.ues * a.rus)}
    return shapes | {
        "reconstruct.in": (a.latent, c),
        "reconstruct.bias": (c,),
        "reconstruct.out": (c, nodes),
        "reconstruct.offset": (nodes,),
    }


def _encode_flat(a: Architecture, w: Weights, x: Array, xp: Any, regularise: Regulariser) -> tuple[Array, Latent]:
    del xp
    if tuple(x.shape[-4:-1]) != (a.ues, a.rus, a.prbs):
        raise ConfigError("report", tuple(x.shape[-4:-1]), f"the flat network takes {(a.ues, a.rus, a.prbs)} only")
    snr = x[..., 0]
    hidden = (snr.reshape((*snr.shape[:-3], -1)) @ w["in"] + w["in.bias"]).clip(0)
    for layer in range(a.layers - 1):
        hidden = regularise((hidden @ w[f"{layer}.self"] + w[f"{layer}.bias"]).clip(0))
    mean, log_variance = _halves(hidden @ w["latent"] + w["latent.bias"], a.latent)
    return hidden, Latent((mean,), (log_variance,))


def _decide_flat(a: Architecture, w: Weights, z: Array) -> Heads:
    """All three heads see the latent alone: encoder(VAE(H)) of (24)."""
    node = (z @ w["node.hidden"] + w["node.bias"]).clip(0)
    nodes = (*node.shape[:-1], a.ues, a.rus, a.prbs)
    return Heads(
        association=(node @ w["association"]).reshape(nodes[:-1]),
        owner=(node @ w["owner"]).reshape(nodes),
        power=(node @ w["power"]).reshape(nodes),
    )
