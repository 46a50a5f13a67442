"""The paper's centralised policy: a fully connected network {400, 400, 200, N} from the whole channel matrix.

One network for one number of users, not equivariant: whoever it never learned to switch on ("dead user") stays off for
good, whatever the demand. Batch normalisation belongs to training; what is served has it folded into the layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from oran.errors import ConfigError
from xapps.alcor.links import Array, switched

AMPLITUDE = 5.0
"""About the mean of |h| sqrt(p_max) / sigma at 15 dB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PerceptronArchitecture:
    """Shape of the network; goes into the manifest."""

    users: int = 20
    hidden: tuple[int, ...] = (400, 200)
    """Widths between input and output: the paper's {400, 400, 200, 20} counts the N^2 = 400 inputs, as its
    {100, 400, 200, 10} and {2500, 400, 400, 50} for other N show."""
    extra_inputs: int = 0
    """Inputs beside the channel: N demands for the dynamic DNN."""

    def __post_init__(self) -> None:
        if self.users < 1:
            raise ConfigError("users", self.users, "at least 1")
        if not self.hidden or min(self.hidden) < 1:
            raise ConfigError("hidden", self.hidden, "at least one layer of width 1")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"hidden": list(self.hidden)}

    @property
    def widths(self) -> tuple[int, ...]:
        return (self.users**2 + self.extra_inputs, *self.hidden, self.users)


def weight_shapes(a: PerceptronArchitecture) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the served weights."""
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, (wide_in, wide_out) in enumerate(pairwise(a.widths)):
        shapes |= {f"{layer}.weight": (wide_in, wide_out), f"{layer}.bias": (wide_out,)}
    return shapes


def initialise(a: PerceptronArchitecture, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Fresh weights: He-normal, the output small, so that everybody starts at half power."""
    weights = {
        name: (rng.standard_normal(shape) * np.sqrt(2.0 / shape[0]) if len(shape) == 2 else np.zeros(shape)).astype(
            np.float32
        )
        for name, shape in weight_shapes(a).items()
    }
    weights[f"{len(a.hidden)}.weight"] *= 0.1
    return weights


def inputs(snr: Array, active: Array, xp: Any) -> Array:
    """S = |H_xi|, shape (..., N^2), roughly of unit size at 15 dB."""
    amplitude = xp.sqrt(switched(snr, active)) / AMPLITUDE - 1.0
    return amplitude.reshape((*amplitude.shape[:-2], -1))


def logits(a: PerceptronArchitecture, w: Mapping[str, Any], x: Array) -> Array:
    """Logits of the shares, shape (..., N), from inputs (..., N^2 + extra)."""
    for layer in range(len(a.hidden)):
        x = (x @ w[f"{layer}.weight"] + w[f"{layer}.bias"]).clip(0)
    last = len(a.hidden)
    return x @ w[f"{last}.weight"] + w[f"{last}.bias"]
