"""How long to wait before trying again."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from oran.errors import ConfigError


def backoff_s(
    rng: np.random.Generator, *, first_s: float = 0.2, factor: float = 2.0, limit_s: float = 10.0
) -> Iterator[float]:
    """Endless waits [s]: the n-th is uniform in the upper half of ``min(limit, first * factor^n)``.

    The random half keeps peers that lost the same RIC from coming back all at once.

    Raises:
        ConfigError: a time is not positive, or the factor is below 1.
    """
    if first_s <= 0 or limit_s <= 0 or factor < 1:
        raise ConfigError("backoff", (first_s, factor, limit_s), "times must be positive and the factor at least 1")
    return _waits(rng, first_s, factor, limit_s)


def _waits(rng: np.random.Generator, longest_s: float, factor: float, limit_s: float) -> Iterator[float]:
    while True:
        longest_s = min(limit_s, longest_s)
        yield float(longest_s * rng.uniform(0.5, 1.0))
        longest_s *= factor
