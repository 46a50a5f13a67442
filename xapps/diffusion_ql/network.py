"""Denoiser and critic, written once for numpy (serving) and torch (learning); as in ``xapps.ssvae.network``.

An *answer* x holds a number for every (UE, RU, PRB): +1 for the owner of a PRB, -1 for everybody else. The denoiser
turns a noisy answer into log-odds of ownership; their softmax over the UEs is the *share* of each UE in each PRB, and
2 share - 1 the estimate of the clean answer (the posterior mean of a categorical answer). The critic values shares.

- *equivariant*: permuting UEs or PRBs permutes the answer and leaves its value alone; one set of weights for any cell.
  The state is read once, the noisy answer at every step by a small network on top.
- *flat*: paper 2 as printed, 16 layers of 128 (Table I), for one size of cell only.

Answers may carry more leading axes (candidates) than the state that they answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from oran.errors import ConfigError
from xapps.runtime.manifest_entry import ManifestEntry
from xapps.ssvae import network as equivariant
from xapps.ssvae import prior
from xapps.ssvae.features import num_features

Array = Any
"""A numpy array or a torch tensor."""

Weights = Mapping[str, Any]

State = dict[str, Any]
"""What denoiser or critic keep of a state while they look at many answers."""


_SIZES = ("width", "layers", "denoiser_width", "denoiser_layers", "critic_width", "critic_layers")
SIZES: tuple[str, ...] = (*_SIZES, "critics", "steps", "slices")
"""Fields of an architecture that are at least one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture(ManifestEntry):
    """Shape of the networks; goes into the model's manifest."""

    kind: Literal["equivariant", "flat"] = "equivariant"
    width: int = 32
    """Of the part that reads the state; of everything in the flat network."""
    layers: int = 2
    denoiser_width: int = 24
    """Of the part that looks at the noisy answer."""
    denoiser_layers: int = 1
    critic_width: int = 24
    critic_layers: int = 2
    critics: int = 2
    """Members of the ensemble."""
    steps: int = 20
    """T, Table I."""
    slices: int = 2
    ues: int = 0
    """Numbers of UEs and PRBs of the flat network; 0 for the equivariant one, which takes any."""
    prbs: int = 0
    prior: bool = False
    """Log-odds start from the physics (:mod:`xapps.ssvae.prior`), to which the network adds what it learns."""

    def __post_init__(self) -> None:
        if self.kind not in ("equivariant", "flat"):
            raise ConfigError("kind", self.kind, "equivariant or flat")
        for field in SIZES:
            if getattr(self, field) < 1:
                raise ConfigError(field, getattr(self, field), "at least 1")
        if self.kind == "flat" and min(self.ues, self.prbs) < 1:
            raise ConfigError("ues", self.ues, "the flat network has a fixed number of UEs and PRBs")
        if self.kind == "flat" and self.prior:
            raise ConfigError("prior", self.prior, "the flat network does not know which input is whose rate")


def weight_shapes(a: Architecture) -> dict[str, tuple[int, ...]]:
    """Names and shapes of every weight: ``policy.*`` of the denoiser, ``critic.0.*`` and so on of the ensemble."""
    denoiser, critic = (_flat_denoiser, _flat_critic) if a.kind == "flat" else (_denoiser_shapes, _critic_shapes)
    shapes = _prefixed("policy", denoiser(a))
    for member in range(a.critics):
        shapes |= _prefixed(f"critic.{member}", critic(a))
    return shapes


def initialise(a: Architecture, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Fresh weights: normal with variance 1 / fan-in (2 / fan-in in the flat network, He et al. 2015), biases zero.

    The equivariant critic's last layers start at a tenth of that: they add up what many PRBs and UEs contribute. So do
    the shortcuts from the features and, where there is a prior to correct, what the denoiser adds to it.
    """
    gain = 2.0 if a.kind == "flat" else 1.0
    small = (*_SMALL_AT_FIRST, *_CORRECTIONS) if a.prior else _SMALL_AT_FIRST
    weights = {}
    for name, shape in weight_shapes(a).items():
        scale = np.sqrt(gain / shape[0]) * (0.1 if name.endswith(small) else 1.0)
        drawn = rng.standard_normal(shape) * scale if len(shape) == 2 else np.zeros(shape)
        weights[name] = drawn.astype(np.float32)
    if a.prior:
        weights["policy.prior"] = np.array(prior.FIRST_SCALES, np.float32)
    return weights


_SMALL_AT_FIRST = (".worth", ".content", ".linear", ".base")
_CORRECTIONS = (".out", ".skip")


def part(w: Weights, name: str) -> dict[str, Any]:
    """The weights of one network, ``policy`` or ``critic.0`` and so on, under their own names."""
    return {key.removeprefix(f"{name}."): value for key, value in w.items() if key.startswith(f"{name}.")}


def shares(logits: Array, xp: Any) -> Array:
    """Share of each UE in each PRB: softmax over the UEs of (..., U, R, K)."""
    odds = xp.exp(logits - xp.amax(logits, axis=-3, keepdims=True))
    return odds / odds.sum(axis=-3, keepdims=True)


def read(a: Architecture, w: Weights, x: Array, xp: Any) -> State:
    """What the denoiser needs of features ``x``, shape (..., U, R, K, F); ``w`` is ``part(weights, "policy")``.

    Raises:
        ConfigError: the flat network was made for another cell.
    """
    if a.kind == "flat":
        return {"state": _flat_input(a, x) @ w["state"] + w["bias"]}
    hidden = _hidden(a, w, x, xp, a.width, a.layers)
    skip = hidden @ w["skip"] + x @ w["linear"]
    if a.prior:
        skip = skip + prior.scores(w["prior"], x, xp)[..., None]
    return {"state": hidden @ w["state"] + w["bias"], "skip": skip}


def denoise(a: Architecture, w: Weights, state: State, x_t: Array, t: Any, xp: Any) -> Array:
    """Log-odds of ownership, shape (..., U, R, K), from a noisy answer of that shape.

    Args:
        t: 1 to T, one number or one a batch entry, shape (N,) behind the candidates' axes.
    """
    time = w["time"][t - 1]
    if a.kind == "flat":
        hidden = (state["state"] + x_t.reshape((*x_t.shape[:-3], -1)) @ w["answer"] + time).clip(0)
        return (_layers(w, hidden, a.layers - 1) @ w["out"] + w["offset"]).reshape(x_t.shape)
    if time.ndim > 1:
        time = time[..., None, None, None, :]
    node = (state["state"] + x_t[..., None] * w["answer"] + time).clip(0)  # (..., U, R, K, C)
    node = equivariant.exchange(_rounds(a.denoiser_width, a.denoiser_layers), part(w, "step"), node, xp)
    return (node @ w["out"] + state["skip"])[..., 0]


def appraise(a: Architecture, w: Weights, x: Array, xp: Any) -> State:
    """What a critic needs of features ``x``; ``w`` is ``part(weights, "critic.0")``."""
    if a.kind == "flat":
        return {"state": _flat_input(a, x) @ w["state"] + w["bias"]}
    hidden = _hidden(a, w, x, xp, a.critic_width, a.critic_layers)
    worth = (hidden @ w["worth"] + x @ w["linear"])[..., 0]  # (..., U, R, K)
    ue = hidden.mean(axis=(-3, -2))  # (..., U, C)
    base = ue.mean(axis=-2) @ w["base"] + w["offset"]  # (..., 1)
    return {"worth": worth, "holding": (hidden @ w["holding"]).clip(0), "ue": ue @ w["ue"] + w["bias"], "base": base}


def value(a: Architecture, w: Weights, state: State, share: Array, xp: Any) -> Array:
    """Q of shares (..., U, R, K), shape (...).

    What a PRB is worth to its owners, on average over the PRBs, plus what each UE makes of all that it holds: the
    throughput is nearly a sum over PRBs, and the features hold its terms; a shortfall is not.
    """
    if a.kind == "flat":
        hidden = (state["state"] + share.reshape((*share.shape[:-3], -1)) @ w["answer"]).clip(0)
        return (_layers(w, hidden, a.layers - 1) @ w["out"])[..., 0] + w["offset"][0]
    num_prbs = share.shape[-1] * share.shape[-2]
    direct = (share * state["worth"]).sum(axis=(-3, -2, -1)) / num_prbs
    held = xp.einsum("...urk,...urkc->...uc", share, state["holding"])
    content = (held @ w["held"] + state["ue"]).clip(0) @ w["content"]
    return direct + content[..., 0].mean(axis=-1) + state["base"][..., 0]


def _hidden(a: Architecture, w: Weights, x: Array, xp: Any, width: int, layers: int) -> Array:
    entry = (x @ w["in"] + w["in.bias"]).clip(0)
    return equivariant.exchange(_rounds(width, layers), part(w, "read"), entry, xp)


def _rounds(width: int, layers: int) -> equivariant.Architecture:
    return equivariant.Architecture(width=width, layers=layers)


def _prefixed(prefix: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    return {f"{prefix}.{name}": shape for name, shape in shapes.items()}


# --- equivariant ------------------------------------------------------------------------------------------------------


def _reader_shapes(a: Architecture, width: int, layers: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"in": (num_features(a.slices), width), "in.bias": (width,)}
    return shapes | _prefixed("read", equivariant.exchange_shapes(_rounds(width, layers)))


def _denoiser_shapes(a: Architecture) -> dict[str, tuple[int, ...]]:
    c = a.denoiser_width
    shapes = _reader_shapes(a, a.width, a.layers) | {"state": (a.width, c), "skip": (a.width, 1), "bias": (c,)}
    shapes["linear"] = (num_features(a.slices), 1)
    shapes |= {"answer": (1, c), "time": (a.steps, c), "out": (c, 1)} | (
        {"prior": (len(prior.FIRST_SCALES),)} if a.prior else {}
    )
    return shapes | _prefixed("step", equivariant.exchange_shapes(_rounds(c, a.denoiser_layers)))


def _critic_shapes(a: Architecture) -> dict[str, tuple[int, ...]]:
    c = a.critic_width
    shapes = _reader_shapes(a, c, a.critic_layers) | {"worth": (c, 1), "holding": (c, c), "held": (c, c)}
    shapes |= {"linear": (num_features(a.slices), 1), "base": (c, 1)}
    return shapes | {"ue": (c, c), "bias": (c,), "content": (c, 1), "offset": (1,)}


# --- flat -------------------------------------------------------------------------------------------------------------


def _flat_denoiser(a: Architecture) -> dict[str, tuple[int, ...]]:
    nodes = a.ues * a.prbs
    return _flat_trunk(a) | {"time": (a.steps, a.width), "out": (a.width, nodes), "offset": (nodes,)}


def _flat_critic(a: Architecture) -> dict[str, tuple[int, ...]]:
    return _flat_trunk(a) | {"out": (a.width, 1), "offset": (1,)}


def _flat_trunk(a: Architecture) -> dict[str, tuple[int, ...]]:
    nodes, c = a.ues * a.prbs, a.width
    shapes: dict[str, tuple[int, ...]] = {"state": (nodes, c), "answer": (nodes, c), "bias": (c,)}
    for layer in range(a.layers - 1):
        shapes |= {f"{layer}.weight": (c, c), f"{layer}.bias": (c,)}
    return shapes


def _flat_input(a: Architecture, x: Array) -> Array:
    """The channel of the only RU as one vector."""
    if tuple(x.shape[-4:-1]) != (a.ues, 1, a.prbs):
        raise ConfigError("report", tuple(x.shape[-4:-1]), f"the flat network takes {(a.ues, 1, a.prbs)} only")
    snr = x[..., 0]
    return snr.reshape((*snr.shape[:-3], -1))


def _layers(w: Weights, hidden: Array, count: int) -> Array:
    for layer in range(count):
        hidden = (hidden @ w[f"{layer}.weight"] + w[f"{layer}.bias"]).clip(0)
    return hidden
