"""Settings of the learned association."""

from __future__ import annotations

from dataclasses import dataclass

from oran.errors import ConfigError
from xapps.coordination.search import Effort
from xapps.training.settings import TrainingSettings, named


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset(TrainingSettings):
    """Settings of one training and of what it makes; defaults are those of "sane"."""

    width: int = 32
    changes_tried: int = 3600
    """Changes of RU that are tried by searching, over as many drops as have so many UEs: 400 of three RUs' 9 UEs."""
    label_sweeps: int = 3
    label_rounds: int = 2
    """Of the searches that make labels."""
    wander: float = 0.06
    """Share of UEs that every other drop starts away from their strongest RU, so that later passes are learned too."""
    steps: int = 4000
    epochs: int = 20
    """Parts that the steps are cut into; they change no weight."""
    batch_size: int = 256
    learning_rate: float = 4e-3
    weight_decay: float = 1e-3
    sweeps: int = 3
    rounds: int = 2
    """Of the search behind a decision."""
    passes: int = 4
    last_only: bool = False
    """Search the last foreseen association alone instead of all of them: for many RUs, where searches are slow."""

    def __post_init__(self) -> None:
        for name in ("width", "changes_tried", "epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise ConfigError(name, getattr(self, name), "at least 1")
        for name in ("label_sweeps", "label_rounds", "sweeps", "rounds", "passes"):
            if getattr(self, name) < 0:
                raise ConfigError(name, getattr(self, name), "not negative")
        if self.steps < self.epochs:
            raise ConfigError("steps", self.steps, "at least one an epoch")
        if not 0.0 <= self.wander <= 1.0:
            raise ConfigError("wander", self.wander, "between 0 and 1")

    @property
    def label_effort(self) -> Effort:
        return Effort(sweeps=self.label_sweeps, rounds=self.label_rounds)

    def num_drops(self, num_ues: int) -> int:
        """Drops that lessons take where there are so many UEs."""
        return -(-self.changes_tried // max(num_ues, 1))


PRESETS: dict[str, Preset] = {
    "sane": Preset(),
    # Seconds: for tests and demonstrations.
    "demo": Preset(width=16, changes_tried=450, label_sweeps=2, label_rounds=1, steps=400, epochs=4),
}


def preset(name: str) -> Preset:
    """A preset by name.

    Raises:
        ConfigError: no such preset.
    """
    return named(PRESETS, name)
