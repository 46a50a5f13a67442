"""Settings of the two variants: the paper's, and fair ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from oran.errors import ConfigError
from xapps.dqn.reward import RewardWeights
from xapps.runtime.manifest_entry import ManifestEntry
from xapps.training.settings import TrainingSettings, named


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding(ManifestEntry):
    """How Q becomes an allocation; stands in the manifest beside the network."""

    entry: ClassVar[str] = "decoding"

    rollouts: int = 4
    """Fair: rollouts, each counting rates at another power; the best by the model's own physics is the decision."""
    power: Literal["exact", "even"] = "exact"
    """Fair: exact water-filling for the assignment, or the same power on every PRB."""

    def __post_init__(self) -> None:
        if self.rollouts not in (1, 2, 3, 4):
            raise ConfigError("rollouts", self.rollouts, "1 to 4")
        if self.power not in ("exact", "even"):
            raise ConfigError("power", self.power, "exact or even")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset(TrainingSettings):
    """Settings of one training; defaults are those of "fair"."""

    kind: Literal["fair", "paper"] = "fair"
    width: int = 32
    layers: int = 2
    epochs: int = 40
    episodes: int = 64
    """Episodes an epoch; the fair ones are played side by side."""
    steps: int = 0
    """Steps an episode of the paper's variant (Table 4); a fair episode ends when every PRB is given away."""
    updates: int = 40
    """Fair: gradient steps an epoch. The paper's variant takes one a step of its episodes."""
    batch_size: int = 64
    replay: int = 2000
    """Fair: newest episodes kept. Paper: newest transitions (Table 4)."""
    gamma: float = 1.0
    lookahead: int = 5
    """Rewards that are summed before the target network is asked (n-step targets, Sutton 1988)."""
    epsilon_first: float = 0.3
    epsilon_last: float = 0.01
    epsilon_decay: float = 0.0
    """Paper: factor on epsilon after each step (Table 4); 0 lowers it geometrically over two thirds of the epochs."""
    learning_rate: float = 3e-3
    cosine_decay: bool = True
    double: bool = True
    """The online network picks the action whose target value counts (van Hasselt et al. 2016, arXiv:1509.06461)."""
    target_share: float = 0.02
    """Share of the online weights that moves into the target network at a gradient step."""
    target_every: int = 0
    """Copy all weights into the target network every so many gradient steps instead; 0: never."""
    average: float = 0.99
    """What is served is the weights' moving average: the part of it that a gradient step leaves (Polyak & Juditsky
    1992). 0: the weights as they are."""
    power_levels: int = 0
    """Power levels of the paper's actions, equally spaced up to the cap."""
    reward: RewardWeights = field(default_factory=RewardWeights)
    """Weights of the paper's reward (22)."""
    validation_drops: int = 50
    threads: int = 1
    """torch threads; part of what one seed reproduces."""
    decoding: Decoding = field(default_factory=Decoding)

    def __post_init__(self) -> None:
        for name in ("epochs", "episodes", "updates", "batch_size", "replay", "lookahead", "validation_drops"):
            if getattr(self, name) < 1:
                raise ConfigError(name, getattr(self, name), "at least 1")
        for name in ("epsilon_first", "epsilon_last", "gamma", "average"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigError(name, getattr(self, name), "between 0 and 1")
        if self.kind == "paper" and min(self.steps, self.power_levels) < 1:
            raise ConfigError("steps", self.steps, "the paper's variant has steps and power levels")


PRESETS: dict[str, Preset] = {
    "fair": Preset(),
    # Table 4: 250 episodes of 50 steps, gamma 0.9, epsilon times 0.9995 a step down to 0.1, replay of 400. What it does
    # not print is common practice: two layers of 64, Adam at 1e-3, batches of 32, target copied every 100 steps.
    "paper": Preset(
        kind="paper",
        width=64,
        epochs=25,
        episodes=10,
        steps=50,
        batch_size=32,
        replay=400,
        gamma=0.9,
        lookahead=1,
        epsilon_first=1.0,
        epsilon_last=0.1,
        epsilon_decay=0.9995,
        learning_rate=1e-3,
        cosine_decay=False,
        double=False,
        target_share=0.0,
        target_every=100,
        average=0.0,
        power_levels=4,
    ),
    # Minutes are seconds: for tests and demonstrations on small cells.
    "demo": Preset(epochs=8, episodes=32, updates=30, replay=400, validation_drops=20),
}


def preset(name: str) -> Preset:
    """A preset by name.

    Raises:
        ConfigError: no such preset.
    """
    return named(PRESETS, name)
