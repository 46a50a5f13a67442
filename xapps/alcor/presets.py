"""Settings of a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from oran.errors import ConfigError
from xapps.training.settings import named

Kind = Literal["graph", "perceptron", "local"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Settings of one training; defaults are those of "graph"."""

    kind: Kind = "graph"
    users: tuple[int, ...] = (5, 10, 20, 30)
    """Numbers of users that training draws from, one a step."""
    layout: Literal["iid", "seven-cell"] = "iid"
    """Channels: CN(0, 1) at 15 dB (section IV-A), or seven cells (IV-B)."""
    width: int = 32
    layers: int = 3
    candidates: int = 0
    """Of the graph policy: users who enter the network at most; 0: all."""
    crowd: bool = True
    """Of the graph policy: whether updates see mean and maximum of all users."""
    hidden: tuple[int, ...] = (400, 200)
    """Of the perceptron."""
    own_emphasis: float = 1.0
    """Of the perceptron: factor on the N own gains among its N^2 inputs while it learns, lest they drown."""
    comparisons: float = 0.0
    """Of the perceptron: weight with which a first-layer unit each begins to compare the own gains of two users."""
    sharpening: float = 0.0
    """Of the perceptron: by the end its logits count 1 + this times, so that powers come out nearly binary."""
    epochs: int = 30
    steps_per_epoch: int = 50
    links_per_step: int = 25_600
    """Pairs of users that enter networks in a step: batch times N^2."""
    largest_batch: int = 512
    learning_rate: float = 2e-3
    warm_up_steps: int = 50
    activity: tuple[float, ...] = (0.2, 0.5, 1.0, 1.0, 1.0)
    """kappa of a sample is one of these ("diverse training"); (1.0,) is the paper's non-diverse training."""
    weighted_share: float = 0.5
    """Share of the samples whose users have weights above 1."""
    largest_weight: float = 7.0
    logit_decay: float = 1e-3
    """Weight of the mean square logit, annealed to 0: keeps sigmoids from saturating before anything is learned."""
    liveness: float = 0.0
    """Weight of -log(mean power) of each user, annealed to 0: nobody is forgotten ("dead users")."""
    inner_slots: int = 4
    """Of the distributed policy: slots for which a channel is held."""
    threads: int = 1

    def __post_init__(self) -> None:
        for name in (
            "epochs",
            "steps_per_epoch",
            "links_per_step",
            "largest_batch",
            "inner_slots",
            "threads",
            "own_emphasis",
        ):
            if getattr(self, name) < 1:
                raise ConfigError(name, getattr(self, name), "at least 1")
        if not self.users or min(self.users) < 1:
            raise ConfigError("users", self.users, "at least one number, each at least 1")
        if not self.activity or not all(0.0 < kappa <= 1.0 for kappa in self.activity):
            raise ConfigError("activity", self.activity, "probabilities above 0")
        for name in ("comparisons", "sharpening"):
            if getattr(self, name) < 0 or (getattr(self, name) and self.kind != "perceptron"):
                raise ConfigError(name, getattr(self, name), "not negative, and of the perceptron only")
        if self.kind == "perceptron" and len(self.users) != 1:
            raise ConfigError("users", self.users, "a perceptron has one number of users")

    def with_changes(self, changes: Mapping[str, Any]) -> Preset:
        """Some fields replaced; lists become tuples, as they come from JSON.

        Raises:
            ConfigError: no such field, or a bad value.
        """
        unknown = sorted(set(changes) - set(self.to_dict()))
        if unknown:
            raise ConfigError("changes", unknown, "are no fields of the preset")
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in changes.items()}
        return replace(self, **values)

    def to_dict(self) -> dict[str, Any]:
        """Fields as JSON has them: tuples as lists."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    def changes(self) -> dict[str, Any]:
        """Fields that differ from their defaults: what a run is recognised by, whatever fields come later."""
        defaults = Preset().to_dict()
        return {k: v for k, v in self.to_dict().items() if v != defaults[k]}


_MLP = Preset(
    kind="perceptron",
    users=(20,),
    epochs=100,
    links_per_step=256 * 400,
    own_emphasis=10.0,
    comparisons=3.0,
    sharpening=3.0,
    learning_rate=1e-2,
    weighted_share=0.0,
    logit_decay=0.0,
    liveness=0.05,
)

PRESETS: dict[str, Preset] = {
    "graph": Preset(),
    "graph-long": Preset(epochs=60),
    "graph-fast": Preset(layers=1, candidates=10, crowd=False, users=(5, 10, 20, 50), epochs=18),
    "graph-cells": Preset(layout="seven-cell", users=(7, 14, 21, 35)),
    "perceptron": _MLP,
    "perceptron-non-diverse": replace(_MLP, activity=(1.0,)),
    "local": Preset(kind="local", users=(20,), weighted_share=0.0, largest_batch=64, epochs=40),
    "local-non-diverse": Preset(
        kind="local", users=(20,), weighted_share=0.0, largest_batch=64, epochs=40, activity=(1.0,)
    ),
}


def preset(name: str) -> Preset:
    """A preset by name.

    Raises:
        ConfigError: no such preset.
    """
    return named(PRESETS, name)
