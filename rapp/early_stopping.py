"""Stopping a training when the gate's score has ceased to rise, on drops that are neither trained on nor judged on.

Every few epochs the best weights so far decide validation drops as they would behind the shield. What scored highest is
kept; once it has stood for long enough the run ends, and it is what comes out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from pydantic import BaseModel, ConfigDict, Field

from e2sim.scenario import Scenario
from rapp.draws import Stream
from rapp.evaluation import trial
from rapp.files import write_atomically
from xapps.runtime.contracts import Allocator
from xapps.runtime.trained_model import TrainedModel

SCORES_FILE: Final = "gate.json"
BEST_FILE: Final = "best.json"
BEST_WEIGHTS_FILE: Final = "best.safetensors"


class EarlyStopping(BaseModel):
    """When a training is cut short."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    every_epochs: int = Field(default=5, ge=1)
    """Epochs between two looks."""
    patience: int = Field(default=4, ge=1)
    """Looks without a better score after which the run ends."""
    drops: int = Field(default=40, ge=2)
    """Validation drops; the same at every look, so that looks differ by the weights alone."""


class Training(Protocol):
    """What is watched: a learner."""

    epoch: int

    def result(self) -> TrainedModel: ...


@dataclass(frozen=True, slots=True, order=True)
class Score:
    """What one look found; compared by score first, and by satisfied users while no drop holds every service level."""

    score: float
    """Mean of the gate's score [bps/Hz]."""
    satisfied: float
    """Mean share of satisfied UEs."""
    throughput: float
    """Mean weighted throughput [bps/Hz]."""


class GateWatch:
    """The looks at one run, kept in its folder.

    Args:
        allocator_of: builds what would serve with a training's result.
    """

    def __init__(
        self, folder: Path, rules: EarlyStopping, scenario: Scenario, allocator_of: Callable[[TrainedModel], Allocator]
    ) -> None:
        self._folder = folder
        self._rules = rules
        self._scenario = scenario
        self._allocator_of = allocator_of
        self._looks = looks(folder)

    @property
    def over(self) -> bool:
        """Whether the best score has stood for as many looks as the rules say."""
        return bool(self._looks) and len(self._looks) - 1 - self._best >= self._rules.patience

    def look(self, training: Training) -> None:
        """Score the training's result, if a look is due at its epoch."""
        epoch, last = training.epoch, self._looks[-1]["epoch"] if self._looks else 0
        if epoch % self._rules.every_epochs or epoch <= last:
            return
        result = training.result()
        scored = self._score(self._allocator_of(result))
        if not self._looks or scored > _score_of(self._looks[self._best]):
            self._keep(result)
        self._looks.append({"epoch": epoch} | asdict(scored))
        self._write(SCORES_FILE, json.dumps(self._looks).encode())  # last: without it the look is made again

    def best(self, otherwise: TrainedModel) -> TrainedModel:
        """What scored highest; ``otherwise`` where the training ended before the first look."""
        if not self._looks:
            return otherwise
        kept = json.loads((self._folder / BEST_FILE).read_text())
        stopping = {"epoch": self._looks[self._best]["epoch"], "looks": len(self._looks), "stopped_early": self.over}
        training = kept.pop("training") | {"early_stopping": stopping | self._rules.model_dump()}
        weights = (self._folder / BEST_WEIGHTS_FILE).read_bytes()
        return TrainedModel(weights=weights, training=training, curves=otherwise.curves, **kept)

    @property
    def _best(self) -> int:
        """Number of the best look; the first of equals."""
        scores = [_score_of(each) for each in self._looks]
        return scores.index(max(scores))

    def _score(self, allocator: Allocator) -> Score:
        tried = trial(
            "candidate", allocator, self._scenario, seed=0, num_drops=self._rules.drops, stream=Stream.VALIDATION
        )
        means = tried.score.mean(), tried.satisfied.mean(), tried.weighted_throughput.mean()
        return Score(*(float(mean) for mean in means))

    def _keep(self, result: TrainedModel) -> None:
        described = {name: getattr(result, name) for name in ("architecture", "normalisation", "training")}
        self._write(BEST_WEIGHTS_FILE, result.weights)
        self._write(BEST_FILE, json.dumps(described).encode())

    def _write(self, name: str, content: bytes) -> None:
        with write_atomically(self._folder / name) as file:
            file.write(content)


def looks(folder: Path) -> list[dict[str, Any]]:
    """Epoch and scores of every look at a run so far."""
    path = folder / SCORES_FILE
    return json.loads(path.read_text()) if path.exists() else []


def _score_of(look: dict[str, Any]) -> Score:
    return Score(look["score"], look["satisfied"], look["throughput"])
