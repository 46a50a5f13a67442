"""Packet arrivals: every source is a renewal process, given by the law of its gaps and of its packet sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Array]
"""A law: generator and shape in, independent values out."""


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of traffic."""

    gap_s: Draw
    """Time between packets [s]."""
    size_bytes: Draw


def constant(value: float) -> Draw:
    return lambda rng, shape: np.full(shape, value)


def exponential(mean: float) -> Draw:
    return lambda rng, shape: mean * rng.standard_exponential(shape)


def uniform(low: float, high: float) -> Draw:
    return lambda rng, shape: low + (high - low) * rng.random(shape)


def truncated_pareto(shape_parameter: float, scale: float, most: float) -> Draw:
    """Pareto values cut at ``most``: P(X > x) = (scale / x)^a below it, the rest of the mass at ``most``."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        return np.minimum(scale * (1.0 - rng.random(shape)) ** (-1.0 / shape_parameter), most)

    return draw


URLLC_CBR = Source(constant(1e-3), constant(32.0))
"""32 B every ms (paper 1, section 6.1)."""
MMTC = Source(exponential(1.0), constant(125.0))
"""A report of 1000 bit a second on average."""
VONR = Source(uniform(0.0, 0.160), constant(40.0))
"""Paper 3, Table: gaps uniform up to 160 ms, 40 B."""
EMBB_PARETO = Source(truncated_pareto(1.2, 2.5e-3, 12.5e-3), uniform(300.0, 1500.0))
"""Paper 3: truncated Pareto gaps, mean near 6 ms, at most 12.5 ms; 300-1500 B."""
URLLC_SPORADIC = Source(exponential(0.180), constant(32.0))
"""Paper 3: exponential gaps of 180 ms, 32 B."""


def poisson(rate_packets_s: float, packet_bytes: float) -> Source:
    """Poisson arrivals of equal packets (paper 1: eMBB, 1000 B)."""
    return Source(exponential(1.0 / rate_packets_s), constant(packet_bytes))


def arrivals(rng: np.random.Generator, source: Source, wait_s: Array, interval_s: float) -> tuple[Array, Array]:
    """Bytes that arrive within an interval, and the waits until the next packets after it.

    Args:
        rng: source of the draws.
        source: the kind of traffic.
        wait_s: time from the start of the interval to each UE's next packet, any shape.
        interval_s: length of the interval.

    Returns:
        Bytes of each UE and the new waits, counted from the end of the interval; shapes of ``wait_s``.
    """
    arrived_bytes, wait = np.zeros(wait_s.shape), wait_s.copy()
    while (due := wait < interval_s).any():  # one turn a packet of the busiest UE, not one a UE
        size, gap = source.size_bytes(rng, wait.shape), source.gap_s(rng, wait.shape)
        arrived_bytes += np.where(due, size, 0.0)
        wait = np.where(due, wait + gap, wait)
    return arrived_bytes, wait - interval_s
