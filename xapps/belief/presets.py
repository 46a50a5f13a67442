"""Settings of the learned belief."""

from __future__ import annotations

from dataclasses import dataclass

from oran.errors import ConfigError
from xapps.belief.network import Architecture
from xapps.training.settings import TrainingSettings, named


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset(TrainingSettings):
    """Settings of one training; defaults are those of "sane"."""

    width: int = 32
    reports: int = 3
    """How many reports the network can see, the newest included."""
    steps: int = 600
    epochs: int = 20
    """Parts that the steps are cut into; they change no weight."""
    drops: int = 12
    """Fresh drops a step."""
    learning_rate: float = 5e-3
    first_report_share: float = 0.4
    """Steps in which the network sees the newest report alone, as when a UE has just come."""

    def __post_init__(self) -> None:
        for name in ("width", "reports", "epochs", "drops"):
            if getattr(self, name) < 1:
                raise ConfigError(name, getattr(self, name), "at least 1")
        if self.steps < self.epochs:
            raise ConfigError("steps", self.steps, "at least one an epoch")
        if not 0.0 <= self.first_report_share <= 1.0:
            raise ConfigError("first_report_share", self.first_report_share, "between 0 and 1")

    @property
    def architecture(self) -> Architecture:
        return Architecture(width=self.width, reports=self.reports)


PRESETS: dict[str, Preset] = {
    "sane": Preset(),
    # Seconds: for tests and demonstrations.
    "demo": Preset(width=16, steps=120, epochs=6, drops=6, learning_rate=1e-2),
}


def preset(name: str) -> Preset:
    """A preset by name.

    Raises:
        ConfigError: no such preset.
    """
    return named(PRESETS, name)
