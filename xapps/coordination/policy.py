"""The allocators of interfering cells: sweeps alone (classical), and sweeps over foreseen associations (learned)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import NOBODY, Allocation, RadioReport
from oran.errors import ConfigError, DecisionRefused, ModelRejected
from xapps.coordination.association import Changes, foresee, weight_shapes
from xapps.coordination.field import Field, State, allocation
from xapps.coordination.plan import associations
from xapps.coordination.search import Effort, search, uneven_starts
from xapps.runtime.model_file import ModelFile

START_SEED = 11
"""Seed of the uneven starts. They are the same for every report, so that equal reports get equal decisions."""


class SweepAllocator:
    """Best responses in turns, UEs at their strongest RU; no model.

    Args:
        effort: sweeps and moves.
        starts: how many starts are searched; the best end is the decision.
    """

    name = "sweep"

    def __init__(self, effort: Effort | None = None, starts: int = 1) -> None:
        if starts < 1:
            raise ConfigError("starts", starts, "at least 1")
        self._effort = effort or Effort()
        self._starts = starts

    def decide(self, report: RadioReport) -> Allocation:
        """The allocation for one report without batch axes.

        Raises:
            ConfigError: the report carries no channel.
            DecisionRefused: ``not_finite``, if the channel has gains that are not numbers.
        """
        if silent := nobody(report):
            return silent
        field = Field.of(report)
        state = uneven_starts(field, self._starts, np.random.default_rng(START_SEED))
        return _best(report, field, state, search(field, state, self._effort))


class CoordinationPolicy:
    """Foresees which UEs should change their RU, searches with and without, and keeps what is best by physics.

    Args:
        weights: tensors by name, as ``association.weight_shapes`` lists them.
        effort: sweeps and moves.
        passes: at most so many sets of changes, one after the other.
        last_only: search only the last association instead of all of them; for many RUs, where foresight is cheap
            and a search is not.
        starts: how many starts are searched from for every association, as :class:`SweepAllocator` does.

    Raises:
        ModelRejected: a weight is missing, superfluous, of another shape, or not finite.
    """

    name = "coordination"

    def __init__(
        self,
        weights: Mapping[str, NDArray[Any]],
        effort: Effort | None = None,
        passes: int = 3,
        last_only: bool = False,
        starts: int = 1,
    ) -> None:
        width = weights["in.bias"].shape[0] if "in.bias" in weights else 0
        if {name: w.shape for name, w in weights.items()} != weight_shapes(width):
            raise ModelRejected(f"weights {sorted(weights)} are not those of a foresight")
        if not all(np.isfinite(w).all() for w in weights.values()):
            raise ModelRejected("a weight is not finite")
        if passes < 0:
            raise ConfigError("passes", passes, "not negative")
        if starts < 1:
            raise ConfigError("starts", starts, "at least 1")
        self._weights = {name: np.asarray(w, np.float32) for name, w in weights.items()}
        self._effort = effort or Effort()
        self._passes = passes
        self._last_only = last_only
        self._starts = starts

    @classmethod
    def from_model(cls, model: ModelFile) -> CoordinationPolicy:
        """The policy of a stored model.

        Raises:
            ModelRejected: the weights do not make a network.
            ConfigError: a field of the manifest has a bad value.
        """
        options = dict(model.manifest.architecture)
        try:
            effort = Effort(**options.pop("effort", asdict(Effort())))
            return cls(model.tensors(), effort, **options)
        except TypeError as error:
            raise ConfigError("architecture", options, str(error)) from error

    def decide(self, report: RadioReport) -> Allocation:
        """As :meth:`SweepAllocator.decide`."""
        if silent := nobody(report):
            return silent
        serving = associations(report, self._foresight, self._passes)
        field = Field.of(report, serving[-1:] if self._last_only else serving)
        state = uneven_starts(field, self._starts, np.random.default_rng(START_SEED))
        return _best(report, field, state, search(field, state, self._effort))

    def _foresight(self, change: Changes) -> Any:
        return foresee(self._weights, change.x)


def _best(report: RadioReport, field: Field, state: State, values: NDArray[np.float32]) -> Allocation:
    drop, candidate = np.unravel_index(int(values.argmax()), values.shape)
    return allocation(report, field, state, int(drop), int(candidate))


def nobody(report: RadioReport) -> Allocation | None:
    """The only allocation of cells without UEs; None if there are some. Refuses what is no channel."""
    if report.gain_db is None:
        raise ConfigError("gain_db", None, "the report carries no channel: ask for the group CHANNEL")
    if not np.isfinite(report.gain_db).all():
        raise DecisionRefused("not_finite", "channel gains are NaN or infinite")
    if report.num_ues:
        return None
    shape = report.gain_db.shape[-2:]
    serving = np.zeros(0, np.int16)
    return Allocation(report.ue_ids, serving, np.full(shape, NOBODY, np.int16), np.zeros(shape), report.report_id)
