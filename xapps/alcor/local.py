"""The distributed policy: every user decides from 41 local measurements with the same small network {41, 100, 50, 1}.

Measurements are those listed in section IV of paper 5 (after Nasir and Guo 2019, arXiv:1808.00490), in units of the
noise. They speak of past slots: with a channel that is new in every slot they say nothing of the rivals, so the channel
is held for some inner slots, in which the policy is iterated from everybody on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from xapps.alcor.links import Array, between_links, own_links, rates_bps_hz, switched

WIDTHS = (41, 100, 50, 1)
NEIGHBOURS = 5
"""Largest size of the sets I_i and O_i."""
ETA = 1.0
"""Interference counts where it exceeds ETA times the noise."""
INNER_SLOTS = 4
SENDING = 0.01
"""A user who sends less than this share was not active in the slot (t' of the measurements)."""


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """What users remember of slots t-1 and t-2."""

    snr: Array
    """h^(t-1), shape (..., N, N)."""
    share: Array
    """p^(t-1), shape (..., N)."""
    share_before: Array
    """p^(t-2)."""
    rate: Array
    """R^(t-1) [bps/Hz]."""
    rate_before: Array
    """R^(t-2)."""
    caused: Array
    """|h_ji|^2 p_i of user i's last active slot t'_i on the columns i, shape (..., N, N)."""


def weight_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (wide_in, wide_out) in enumerate(pairwise(WIDTHS)):
        shapes |= {f"{layer}.weight": (wide_in, wide_out), f"{layer}.bias": (wide_out,)}
    return shapes


def initialise(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Fresh weights: He-normal, the output small."""
    weights = {
        name: (rng.standard_normal(shape) * np.sqrt(2.0 / shape[0]) if len(shape) == 2 else np.zeros(shape)).astype(
            np.float32
        )
        for name, shape in weight_shapes().items()
    }
    weights["2.weight"] *= 0.1
    return weights


def everybody_on(snr: Array, active: Array, xp: Any) -> Memory:
    """The memory after slots in which all active users sent at full power."""
    snr = switched(snr, active)
    rate = rates_bps_hz(snr, active, xp)
    return Memory(snr, active, active, rate, rate, between_links(snr, xp) * active[..., None, :])


def measurements(snr: Array, memory: Memory, xp: Any) -> Array:
    """S_i of every user, shape (..., N, 41), in the order of section IV.

    Args:
        snr: h^t with inactive users' rows and columns zero, shape (..., N, N).
    """
    now = between_links(snr, xp) * memory.share[..., None, :]  # |h_ij^t|^2 p_j^(t-1)
    before = between_links(memory.snr, xp) * memory.share_before[..., None, :]
    last = between_links(memory.snr, xp) * memory.share[..., None, :]  # at t-1: who was heard then
    level = last.sum(-1) + 1.0  # at every receiver, t-1
    heard, heard_before = _strongest(last, xp), _strongest(before, xp)
    caused = memory.caused.swapaxes(-1, -2)  # row i: what i did to j
    hit = _strongest(caused, xp)
    rate, rate_before = _to_rows(memory.rate, snr), _to_rows(memory.rate_before, snr)
    own, own_before = own_links(snr, xp), own_links(memory.snr, xp)
    groups = [
        xp.stack([memory.share, memory.rate / 4.0], -1),
        _log(xp.stack([own, own_before], -1), xp),
        _log(xp.stack([now.sum(-1) + 1.0, before.sum(-1) + 1.0], -1), xp),
        _log(_chosen(now, heard, xp), xp),
        _log(_chosen(before, heard_before, xp), xp),
        _chosen(rate, heard, xp) / 4.0,
        _chosen(rate_before, heard_before, xp) / 4.0,
        _log(_chosen(caused / level[..., None, :], hit, xp), xp),
        _log(_chosen(_to_rows(own_before, snr), hit, xp), xp),
        _chosen(rate, hit, xp) / 4.0,
    ]
    return xp.concatenate(groups, -1)


def logits(w: Mapping[str, Any], x: Array) -> Array:
    """Logits of the shares, shape (..., N), from measurements (..., N, 41)."""
    x = (x @ w["0.weight"] + w["0.bias"]).clip(0)
    x = (x @ w["1.weight"] + w["1.bias"]).clip(0)
    return (x @ w["2.weight"] + w["2.bias"])[..., 0]


def remembered(snr: Array, share: Array, memory: Memory, xp: Any) -> Memory:
    """The memory after one more slot, in which ``share`` was sent."""
    sent = (share > SENDING)[..., None, :]
    caused = xp.where(sent, between_links(snr, xp) * share[..., None, :], memory.caused)
    return Memory(snr, share, memory.share, rates_bps_hz(snr, share, xp), memory.rate, caused)


def _strongest(power: Array, xp: Any) -> tuple[Array, Array]:
    """The at most NEIGHBOURS largest entries of each row above the threshold: indices, and 1 where there is one."""
    index = xp.argsort(-power, -1)[..., :NEIGHBOURS]
    present = _take(power, index, xp) > ETA
    return index, present


def _chosen(values: Array, chosen: tuple[Array, Array], xp: Any) -> Array:
    """Entries of the chosen neighbours, zero-padded to NEIGHBOURS, shape (..., N, 5)."""
    index, present = chosen
    found = _take(values, index, xp) * present
    missing = NEIGHBOURS - found.shape[-1]
    if missing <= 0:
        return found
    return xp.concatenate([found, xp.zeros((*found.shape[:-1], missing), dtype=found.dtype)], -1)


def _take(values: Array, index: Array, xp: Any) -> Array:
    take = xp.take_along_axis if xp is np else xp.take_along_dim
    return take(values, index, -1)


def _to_rows(values: Array, like: Array) -> Array:
    """(..., N) seen by every user: (..., N, N)."""
    return values[..., None, :] + 0.0 * like


def _log(power: Array, xp: Any) -> Array:
    return xp.log1p(power) / 4.0
