"""Unconstrained resource allocation (URA, paper 5, III-B): who sends how loud among the active users, demands aside.

One face for all: time sharing sees a black box (Remark III.3). Policies that cannot take weights say so; silencing
works with every one of them, weighting only with those that can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from oran.errors import ConfigError
from xapps.alcor import links
from xapps.classic.links.pair_greedy import pair_greedy
from xapps.classic.links.wmmse import wmmse

Array = NDArray[np.float64]


class Ura(Protocol):
    """A policy for unconstrained resource allocation."""

    @property
    def name(self) -> str: ...

    @property
    def takes_weights(self) -> bool:
        """Whether users may have different utility weights."""
        ...

    def shares(self, snr: Array, active: Array, weight: Array | None = None) -> Array:
        """Powers as shares of p_max, shape (B, N); 0 for inactive users (eq. 5).

        Args:
            snr: |h_ij|^2 p_max / sigma^2, shape (B, N, N), receiver first.
            active: xi, shape (B, N), 0 or 1.
            weight: of the utilities, shape (B, N); default 1.

        Raises:
            ConfigError: a number of users or weights that the policy cannot take.
        """
        ...


@dataclass(frozen=True, slots=True)
class WmmseUra:
    """WMMSE from full power, stopped after some iterations."""

    iterations: int = 100
    name: str = "wmmse"
    takes_weights: bool = True

    def shares(self, snr: Array, active: Array, weight: Array | None = None) -> Array:
        # An inactive user keeps a unit link of his own, so that nothing divides by zero, and disturbs nobody.
        own = np.eye(snr.shape[-1]) * (1.0 - active)[..., None]
        found = wmmse(links.switched(snr, active) + own, 1.0, 1.0, weight, iterations=self.iterations)
        return found * active


@dataclass(frozen=True, slots=True)
class PairGreedyUra:
    """The best user or pair, then one by one."""

    name: str = "pair-greedy"
    takes_weights: bool = True

    def shares(self, snr: Array, active: Array, weight: Array | None = None) -> Array:
        return pair_greedy(links.switched(snr, active), 1.0, 1.0, weight) * active


@dataclass(frozen=True, slots=True)
class BestUserUra:
    """Only the active user with the best weighted rate."""

    name: str = "best-user"
    takes_weights: bool = True

    def shares(self, snr: Array, active: Array, weight: Array | None = None) -> Array:
        value = np.log1p(links.own_links(snr, np)) * (1.0 if weight is None else weight)
        value = np.where(active > 0, value, -1.0)
        return (np.arange(value.shape[-1]) == value.argmax(axis=-1)[..., None]) * active


def require_no_weights(weight: Array | None, name: str) -> None:
    """Passes absent and equal weights.

    Raises:
        ConfigError: users have different weights.
    """
    if weight is not None and np.ptp(weight, axis=-1).any():
        raise ConfigError("means", "weighting", f"{name} takes no weights; use silencing")
