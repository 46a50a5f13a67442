"""A model's way into service: shadow, canary, everywhere; each stage on evidence, back by itself if there is a loss.

Orders travel by A1 policy and so do verdicts (NOT_ENFORCED when the xApp's guard has ended a stage); evidence is read
from the xApp's metrics. Where a roll-out stands is kept in a folder, so that one that was cut goes on.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from oran.errors import ConfigError, ModelNotFound, PlatformError
from oran.platform.a1 import Canary, GuardRules, ModelPolicy
from rapp.a1_publisher import A1Publisher, policy_id_of
from rapp.evidence import Evidence, EvidenceSource
from rapp.files import write_atomically
from rapp.journal import Journal

STATE_FILE: Final = "rollout.json"


class Stage(StrEnum):
    """Where a roll-out stands; the last two are ends."""

    SHADOW = "shadow"
    CANARY = "canary"
    FULL = "full"
    DONE = "done"
    STOPPED = "stopped"

    @property
    def ended(self) -> bool:
        return self in (Stage.DONE, Stage.STOPPED)


NEXT: Final = {Stage.SHADOW: Stage.CANARY, Stage.CANARY: Stage.FULL, Stage.FULL: Stage.DONE}
TRIAL_MODE: Final = {Stage.SHADOW: "shadow", Stage.CANARY: "canary", Stage.FULL: "watch"}
"""Which of the xApp's trials tells about a stage."""


class RolloutPlan(BaseModel):
    """What is rolled out, and how carefully."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: ModelPolicy
    """The policy that serves at the end, without mode and guard."""
    policy_type_id: int
    canary: Canary
    guard: GuardRules = Field(default_factory=GuardRules)
    stage_timeout_s: float = Field(default=600.0, gt=0)
    """A stage without a verdict for so long stops the roll-out [s]."""

    @property
    def rollout_id(self) -> str:
        digest = hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()).hexdigest()
        return f"{policy_id_of(self.policy)}-{digest[:8]}"

    def policy_of(self, stage: Stage) -> ModelPolicy:
        """What the xApp is asked to do in a stage."""
        if stage is Stage.FULL:
            return self.policy.model_copy(update={"guard": self.guard})
        canary = self.canary if stage is Stage.CANARY else None
        return self.policy.model_copy(update={"mode": stage.value, "canary": canary, "guard": self.guard})


class StageRecord(BaseModel):
    """What became of one stage."""

    stage: Stage
    policy_id: str
    began_unix_s: float
    seconds: float = 0.0
    finding: str = ""
    evidence: dict[str, Any] = Field(default_factory=dict)


class RolloutState(BaseModel):
    """The content of ``rollout.json``."""

    model_config = ConfigDict(extra="forbid")

    plan: RolloutPlan
    stage: Stage = Stage.SHADOW
    before: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Policy instances that served before, by id: put back after a roll-back."""
    records: list[StageRecord] = Field(default_factory=list)
    reason: str = ""
    """Why it was stopped."""


@dataclass(frozen=True, slots=True)
class RolloutProgress:
    """Handed to the callback at every look at the evidence."""

    stage: Stage
    evidence: Evidence
    wanted: int
    """Intervals that the rules ask for."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What a look at a stage shows; ``passed`` None: nothing yet."""

    passed: bool | None
    finding: str = ""


@dataclass
class Rollout:
    """One roll-out.

    Attributes:
        folder: where its state is kept.
        pause: waits between two looks at the evidence [s].
    """

    folder: Path
    state: RolloutState
    publisher: A1Publisher
    evidence: EvidenceSource
    on_progress: Callable[[RolloutProgress], None] = field(default=lambda progress: None)
    now_s: Callable[[], float] = time.time
    pause: Callable[[float], None] = time.sleep
    look_every_s: float = 0.5

    def run(self) -> RolloutState:
        """Walk on from where it stands to an end; a stop is an outcome, not an error.

        Raises:
            PlatformError: the mediator is not there; run again to go on.
        """
        if not self.state.stage.ended and not self.state.records:
            self.state.before = self.publisher.serving()
        while not self.state.stage.ended:
            self._walk(self.state.stage)
        return self.state

    def _walk(self, stage: Stage) -> None:
        """One stage from its policy to its verdict."""
        record = self._begun(stage)
        publication = self.publisher.publish_policy(self.state.plan.policy_of(stage), record.policy_id)
        if publication.enforced:
            verdict = self._judged(stage, record)
        else:
            verdict = _Verdict(False, f"the xApp refused it: {publication.status} {publication.reason}")
        record.seconds, record.finding = round(self.now_s() - record.began_unix_s, 1), verdict.finding
        if verdict.passed:
            self.state.stage = NEXT[stage]
        else:
            self._take_back(record)
            self.state.stage, self.state.reason = Stage.STOPPED, f"{stage}: {verdict.finding}"
        self._keep()
        if self.state.stage.ended:
            Journal(self.folder.parent).rolled_out(stage, done=self.state.stage is Stage.DONE)

    def _begun(self, stage: Stage) -> StageRecord:
        """The record of a stage, new or found when a roll-out goes on."""
        if self.state.records and self.state.records[-1].stage is stage:
            return self.state.records[-1]
        policy_id = policy_id_of(self.state.plan.policy_of(stage))
        self.state.records.append(StageRecord(stage=stage, policy_id=policy_id, began_unix_s=self.now_s()))
        self._keep()
        return self.state.records[-1]

    def _judged(self, stage: Stage, record: StageRecord) -> _Verdict:
        deadline_s, rollbacks = self.now_s() + self.state.plan.stage_timeout_s, None
        while True:
            evidence = self._look(stage, record)
            if evidence is not None and rollbacks is None:
                rollbacks = evidence.rollbacks
            verdict = self._verdict(stage, record.policy_id, evidence, rollbacks or 0)
            if verdict.passed is not None:
                return verdict
            if self.now_s() >= deadline_s:
                return _Verdict(False, f"no verdict within {self.state.plan.stage_timeout_s:.0f} s")
            self.pause(self.look_every_s)

    def _look(self, stage: Stage, record: StageRecord) -> Evidence | None:
        """The evidence now; None where the xApp does not answer, which the stage's time limit ends."""
        try:
            evidence = self.evidence.read(TRIAL_MODE[stage])
        except PlatformError:
            return None
        if evidence.on_trial:
            record.evidence = evidence.to_json()
            self._keep()
        self.on_progress(RolloutProgress(stage, evidence, self.state.plan.guard.min_intervals))
        return evidence

    def _verdict(self, stage: Stage, policy_id: str, evidence: Evidence | None, rollbacks: int) -> _Verdict:
        status = self.publisher.status(policy_id)
        if not status.enforced:
            return _Verdict(False, f"the xApp took it back: {status.enforce_status} {status.enforce_reason}")
        if evidence is None or evidence.rollbacks > rollbacks:  # the status that says so is on its way
            return _Verdict(None)
        rules = self.state.plan.guard
        if evidence.on_trial and evidence.harmless(rules):
            return _Verdict(True, "loses certainly no more than allowed")
        harm = evidence.harm(rules) if stage is Stage.SHADOW else ""  # elsewhere the xApp's own guard acts
        if harm:
            return _Verdict(False, f"would lose {harm} beyond what is allowed")
        if stage is Stage.FULL and not evidence.on_trial:
            return _Verdict(True, "the watch is over")
        return _Verdict(None)

    def _take_back(self, record: StageRecord) -> None:
        """After a promotion put back what served before; withdraw what the stages asked for."""
        if record.stage is Stage.FULL:
            for policy_id, policy in self.state.before.items():
                served = ModelPolicy.from_json(policy).model_copy(update={"guard": None})
                self.publisher.publish_policy(served, policy_id)
        for each in self.state.records:
            if each.policy_id not in self.state.before:
                self.publisher.withdraw(each.policy_id)

    def _keep(self) -> None:
        with write_atomically(self.folder / STATE_FILE) as file:
            file.write(self.state.model_dump_json(indent=1).encode())


def opened(root: Path, plan: RolloutPlan, *, again: bool = False) -> tuple[Path, RolloutState]:
    """Folder and state of a plan's roll-out, new or found.

    Args:
        again: begin anew where it has ended.
    """
    folder = root / plan.rollout_id
    folder.mkdir(parents=True, exist_ok=True)
    state = _read(folder) if (folder / STATE_FILE).exists() else RolloutState(plan=plan)
    return folder, RolloutState(plan=plan) if again and state.stage.ended else state


def named(root: Path, rollout_id: str) -> RolloutState:
    """The state of a roll-out by its id.

    Raises:
        ModelNotFound: there is none.
        ConfigError: its file cannot be read.
    """
    if rollout_id not in {path.name for path in _folders(root)}:
        raise ModelNotFound(f"no roll-out {rollout_id!r}")
    return _read(root / rollout_id)


def list_rollouts(root: Path) -> list[tuple[str, RolloutState]]:
    """Id and state of every roll-out, newest first."""
    folders = sorted(_folders(root), key=lambda path: (path / STATE_FILE).stat().st_mtime, reverse=True)
    return [(path.name, _read(path)) for path in folders]


def _read(folder: Path) -> RolloutState:
    try:
        return RolloutState.model_validate_json((folder / STATE_FILE).read_text())
    except ValidationError as error:
        raise ConfigError(STATE_FILE, folder.name, str(error)) from error


def _folders(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if (path / STATE_FILE).is_file()] if root.is_dir() else []
