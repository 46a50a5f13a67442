"""The acting half: reports in, allocation out. numpy only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import Allocation, RadioReport
from oran.errors import ConfigError, DecisionRefused, ModelRejected
from xapps.belief.network import Architecture, believe, weight_shapes
from xapps.belief.rice import Belief
from xapps.belief.robust import Robust
from xapps.runtime.model_file import ModelFile


class BeliefPolicy:
    """Decides for one RU whose channel reports are noisy, old, coarse or partly missing.

    Args:
        architecture: shape of the network.
        weights: tensors by name, as ``network.weight_shapes`` lists them.

    Raises:
        ModelRejected: a weight is missing, superfluous, of another shape, or not finite.
    """

    name = "belief"

    def __init__(self, architecture: Architecture, weights: Mapping[str, NDArray[Any]]) -> None:
        shapes = weight_shapes(architecture)
        if {name: w.shape for name, w in weights.items()} != shapes:
            raise ModelRejected(f"weights {sorted(weights)} are not those of the architecture {architecture}")
        if not all(np.isfinite(w).all() for w in weights.values()):
            raise ModelRejected("a weight is not finite")
        self.architecture = architecture
        self._weights = {name: np.asarray(w, np.float32) for name, w in weights.items()}
        self._robust = Robust()

    @classmethod
    def from_model(cls, model: ModelFile) -> BeliefPolicy:
        """The policy of a stored model.

        Raises:
            ModelRejected: weights and architecture do not make a network.
            ConfigError: a field of the manifest has a bad value.
        """
        return cls(Architecture.from_dict(model.manifest.architecture.get("network", {})), model.tensors())

    def decide(self, report: RadioReport) -> Allocation:
        """The allocation for one report without batch axes, by this report alone.

        Raises:
            ConfigError: the report has several RUs or no channel.
            DecisionRefused: ``not_finite``, if the channel has gains that are not numbers.
        """
        return self.decide_after(report, ())

    def decide_after(self, report: RadioReport, older_db: Sequence[NDArray[np.float64]]) -> Allocation:
        """As ``decide``, with the gains of older reports of the same UEs, newest first, each (U, R, K) [dB]."""
        return self._robust.decide(report, self.belief_after(report, older_db))

    def belief_after(self, report: RadioReport, older_db: Sequence[NDArray[np.float64]] = ()) -> Belief:
        """What the gains are believed to be, shape (U, R, K); raises as ``decide``."""
        if report.gain_db is None:
            raise ConfigError("gain_db", None, "the report carries no channel: ask for the group CHANNEL")
        history_db = [report.gain_db, *older_db]
        if not all(np.isfinite(gain_db).all() for gain_db in history_db):
            raise DecisionRefused("not_finite", "channel gains are NaN or infinite")
        return believe(self.architecture, self._weights, history_db)
