"""First-come-first-served queues with a latency limit: bytes by age; the oldest leave first, the too old are lost."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """What one slot did to the queues, shapes (..., U)."""

    delivered_bytes: Array
    dropped_bytes: Array
    mean_wait_slots: Array
    """Age of what was delivered, weighted by bytes; 0 where nothing was."""


def empty(batch: tuple[int, ...], num_ues: int, most_age_slots: int) -> Array:
    """Queues without a byte, shape (..., U, A): entry a holds the bytes that have waited a slots."""
    return np.zeros((*batch, num_ues, most_age_slots))


def serve(
    backlog_bytes: Array, arrived_bytes: Array, capacity_bytes: Array, limit_slots: Array
) -> tuple[Array, Served]:
    """One slot: arrivals join, the oldest bytes are sent up to the capacity, and what outstays its limit is dropped.

    Args:
        backlog_bytes: bytes by age at the start, shape (..., U, A).
        arrived_bytes: shape (..., U).
        capacity_bytes: what each UE's rate can carry in the slot, shape (..., U).
        limit_slots: slots that a byte may wait, shape (..., U), at most A.

    Returns:
        The backlog at the start of the next slot, shape (..., U, A), and what happened.
    """
    waiting = backlog_bytes.copy()
    waiting[..., 0] += arrived_bytes
    oldest_first = waiting[..., ::-1]
    before = np.cumsum(oldest_first, axis=-1) - oldest_first
    sent = np.clip(capacity_bytes[..., None] - before, 0.0, oldest_first)[..., ::-1]
    left = waiting - sent
    age = np.arange(waiting.shape[-1])
    expired = age + 1 >= np.minimum(limit_slots, waiting.shape[-1])[..., None]
    kept = np.where(expired, 0.0, left)
    delivered = sent.sum(axis=-1)
    wait = np.divide((sent * age).sum(axis=-1), delivered, out=np.zeros_like(delivered), where=delivered > 0)
    moved = np.concatenate([np.zeros_like(kept[..., :1]), kept[..., :-1]], axis=-1)
    return moved, Served(delivered, np.where(expired, left, 0.0).sum(axis=-1), wait)
