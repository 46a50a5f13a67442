"""Models on trial: in the shadow of what serves, as a canary, or watched after full promotion.

``Trials`` stands beside the model slot. On the RMR thread it credits intervals, says who is asked for a decision, and
puts the old model back the moment the guard is certain of a loss; policies begin and end trials on their worker.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from oran.e2sm.rrm import RadioReport
from oran.platform.a1 import Canary, GuardRules, ModelPolicy
from xapps.runtime.arms import (
    Arm,
    Baseline,
    Baselines,
    BeforeAndAfter,
    Comparison,
    Outcome,
    SameIntervals,
    Split,
    measured,
)
from xapps.runtime.background import Background
from xapps.runtime.contracts import DemandAllocator
from xapps.runtime.guard import Guard
from xapps.runtime.metrics import Metrics
from xapps.runtime.model_slot import ModelSlot, Serving
from xapps.runtime.shadow import Answered, Beside, Partner, Shadow
from xapps.runtime.trial_books import TrialBooks

log = logging.getLogger(__name__)


class Mode(StrEnum):
    """Kinds of trial, as in the labels of metrics."""

    SHADOW = "shadow"
    CANARY = "canary"
    WATCH = "watch"
    """Serves everywhere, and is compared with what was delivered before."""


@dataclass
class Trial:
    """One candidate being compared with one incumbent."""

    mode: Mode
    candidate: Serving
    incumbent: Serving
    guard: Guard
    comparison: Comparison
    books: TrialBooks
    split: Split = field(default_factory=Split)
    shadow: Shadow | None = None
    failures: int = 0
    """Decisions of a canary that failed in a row."""

    def arm(self, asked: Serving) -> Arm | None:
        """Whose interval it was, if it was an interval of either."""
        if asked is self.candidate:
            return Arm.CANDIDATE
        return Arm.INCUMBENT if asked is self.incumbent else None

    def forget(self, meid: str) -> None:
        """A node has gone."""
        if self.shadow is not None:
            self.shadow.partner.forget(meid)
        elif isinstance(self.candidate.allocator, DemandAllocator):
            self.candidate.allocator.forget(meid)

    def close(self) -> None:
        """It is over."""
        self.books.close()
        if self.shadow is not None:
            self.shadow.partner.close()

    @property
    def over(self) -> bool:
        """Whether a watch has lasted as long as it should."""
        wanted = self.guard.rules.watch_intervals
        return self.mode is Mode.WATCH and 0 < wanted <= self.guard.intervals


class Trials:
    """The trials of one xApp: at most one in shadow or canary, and the watch over what was promoted last.

    Args:
        partner: where a candidate decides in the shadow.
        max_waiting: reports that may wait for the shadow; further ones are dropped and counted.

    Attributes:
        on_stopped: told why a canary was ended by itself.
    """

    def __init__(
        self,
        slot: ModelSlot,
        metrics: Metrics,
        partner: Callable[[Serving], Partner] = Beside,
        *,
        max_waiting: int = 16,
    ) -> None:
        self.on_stopped: Callable[[str], None] = lambda reason: None
        self.background = Background(max_waiting, lambda error: log.warning("in the shadow: %r", error))
        self._slot = slot
        self._metrics = metrics
        self._partner = partner
        self._lock = threading.Lock()
        self._trial: Trial | None = None
        self._watch: Trial | None = None
        self._asked: dict[str, Serving] = {}
        self._baselines = Baselines(GuardRules().block_intervals)
        self._baselines_of = slot.serving

    # --- from the policies' worker ------------------------------------------------------------------

    def begin(self, candidate: Serving, policy: ModelPolicy) -> None:
        """Let a candidate decide beside what serves, or take some decisions; a trial before it ends."""
        rules, incumbent = policy.guard or GuardRules(), self._slot.serving
        if policy.canary is None:
            self._replace(self._shadow(candidate, incumbent, rules))
        else:
            self._replace(self._canary(candidate, incumbent, rules, policy.canary))
        log.info("%s in %s", candidate.allocator.name, policy.mode)

    def end(self) -> None:
        """No candidate is on trial any more."""
        self._replace(None)

    def stop(self) -> None:
        """The xApp ends."""
        self.end()
        self.background.stop()

    def baselines(self) -> Mapping[str, Baseline]:
        """What serves now has delivered at each node; to be taken before a promotion, for ``watch``."""
        return self._baselines.snapshot()

    def watch(self, promoted: Serving, rules: GuardRules, before: Mapping[str, Baseline]) -> None:
        """Compare what serves everywhere since just now with what was delivered before."""
        guard, books = Guard(rules), TrialBooks(self._metrics, Mode.WATCH, promoted)
        comparison = BeforeAndAfter(guard, before)
        self._replace_watch(Trial(Mode.WATCH, promoted, promoted, guard, comparison, books))
        if not before:
            log.warning("no baseline to watch %s against", promoted.allocator.name)

    def unwatch(self) -> None:
        """What serves is not watched any more."""
        self._replace_watch(None)

    # --- on the RMR thread --------------------------------------------------------------------------

    def heard(self, meid: str, report: RadioReport) -> None:
        """Credit the interval that a report tells of to whoever was asked for it."""
        asked, serving = self._asked.pop(meid, None), self._slot.serving
        self._follow(serving)
        outcome = measured(report)
        if asked is None or outcome is None:
            return
        if asked is serving:
            self._baselines.add(meid, outcome)
        for trial in (self._trial, self._watch):
            if trial is not None and trial.mode is not Mode.SHADOW:
                self._credit(trial, meid, asked, outcome)

    def deciders(self, meid: str, report_id: int) -> tuple[Serving, ...]:
        """Who is asked for a decision: each one only if those before it could not decide; the initial one last."""
        trial, serving, initial = self._trial, self._slot.serving, self._slot.initial
        chain = (initial,) if serving is initial else (serving, initial)
        if trial is not None and trial.split.candidate_decides(meid, report_id):
            chain = (trial.candidate, *chain)
        self._asked[meid] = chain[0]
        return chain

    def succeeded(self, decider: Serving) -> None:
        """Somebody could decide."""
        trial = self._trial
        if trial is not None and decider is trial.candidate:
            trial.failures = 0
        elif decider is self._slot.serving:
            self._slot.succeeded()

    def failed(self, decider: Serving, error: Exception) -> None:
        """Somebody could not decide; after too many times in a row the trial ends, or the previous model comes back."""
        trial = self._trial
        if trial is None or decider is not trial.candidate:
            if self._slot.failed(decider, error):
                self._metrics.rollbacks.labels("failures").inc()
            return
        trial.failures += 1
        if trial.failures >= self._slot.max_consecutive_failures:
            self._roll_back(trial, "failures", f"failed {trial.failures} times: {error}")

    def answered(self, answered: Answered) -> None:
        """An answer has left: now the shadow may think about the same report, if an allocator could be asked on it."""
        trial, decision = self._trial, answered.decision
        if trial is None or trial.shadow is None or decision.serving is not trial.incumbent:
            return
        shadow = trial.shadow
        if decision.fault is None and not self.background.offer(lambda: shadow.decide_beside(answered)):
            trial.books.shadowed("dropped")

    def forget(self, meid: str) -> None:
        """A node has gone."""
        self._asked.pop(meid, None)
        self._baselines.forget(meid)
        for trial in (self._trial, self._watch):
            if trial is not None:
                trial.forget(meid)

    # --- inside -------------------------------------------------------------------------------------

    def _follow(self, serving: Serving) -> None:
        """What serves may have changed: then baselines and comparisons with the former one begin anew."""
        if serving is not self._baselines_of:
            self._baselines, self._baselines_of = Baselines(GuardRules().block_intervals), serving
        trial, watch = self._trial, self._watch
        if watch is not None and watch.candidate is not serving:
            self._replace_watch(None, watch)
        if trial is not None and trial.incumbent is not serving:
            self._replace(self._against(trial, serving), trial)

    def _credit(self, trial: Trial, meid: str, asked: Serving, outcome: Outcome) -> None:
        arm = trial.arm(asked)
        if arm is None:
            return
        trial.books.add(arm, outcome)
        blocks = trial.guard.throughput.count
        trial.comparison.add(meid, arm, outcome)
        if trial.guard.throughput.count == blocks:
            return
        trial.books.show(trial.guard)
        if trial.guard.alarm:
            self._roll_back(trial, trial.guard.alarm, trial.guard.finding)
        elif trial.over:
            self._replace_watch(None, trial)

    def _roll_back(self, trial: Trial, cause: str, finding: str) -> None:
        name, version = trial.candidate.allocator.name, trial.candidate.version
        reason = f"{' '.join(part for part in (name, version) if part)} {finding}"
        self._metrics.rollbacks.labels(cause).inc()
        if trial.mode is Mode.WATCH:
            self._replace_watch(None, trial)
            self._slot.roll_back(trial.candidate, reason)
        elif self._replace(None, trial):
            log.error("%s ended: %s", trial.mode, reason)
            self.on_stopped(reason)

    def _shadow(self, candidate: Serving, incumbent: Serving, rules: GuardRules) -> Trial:
        guard, books = Guard(rules), TrialBooks(self._metrics, Mode.SHADOW, candidate)
        comparison = SameIntervals(guard)
        shadow = Shadow(self._partner(candidate), comparison, books)
        return Trial(Mode.SHADOW, candidate, incumbent, guard, comparison, books, shadow=shadow)

    def _canary(self, candidate: Serving, incumbent: Serving, rules: GuardRules, canary: Canary) -> Trial:
        guard, books, split = Guard(rules), TrialBooks(self._metrics, Mode.CANARY, candidate), Split.of(canary)
        comparison: Comparison = BeforeAndAfter(guard, self.baselines()) if split.nodes else SameIntervals(guard)
        return Trial(Mode.CANARY, candidate, incumbent, guard, comparison, books, split)

    def _against(self, trial: Trial, incumbent: Serving) -> Trial:
        """The same trial from its beginning, against another incumbent."""
        if trial.shadow is not None:
            return self._shadow(trial.candidate, incumbent, trial.guard.rules)
        canary = Canary(nodes=sorted(trial.split.nodes) or None, share=trial.split.share or None)
        return self._canary(trial.candidate, incumbent, trial.guard.rules, canary)

    def _replace(self, trial: Trial | None, expected: Trial | None = None) -> bool:
        """Exchange the trial; False if another one than expected is there by now."""
        with self._lock:
            if expected is not None and self._trial is not expected:
                return False
            self._trial = _exchanged(self._trial, trial)
            return True

    def _replace_watch(self, watch: Trial | None, expected: Trial | None = None) -> None:
        with self._lock:
            if expected is None or self._watch is expected:
                self._watch = _exchanged(self._watch, watch)


def _exchanged(before: Trial | None, after: Trial | None) -> Trial | None:
    if before is not None:
        before.close()
    if after is not None:
        after.books.open()
    return after
