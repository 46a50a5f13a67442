"""The acting half of DQN: report in, allocation out. numpy only, as SS-VAE's (decision 0006)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import Allocation, RadioReport
from oran.errors import ConfigError, DecisionRefused, ModelRejected
from xapps.classic.cell import cells, compose, single_cell
from xapps.dqn import assignment, bits, network
from xapps.dqn.assignment import LEVELS, Indices
from xapps.dqn.decoder import explored, served
from xapps.dqn.network import Architecture
from xapps.dqn.presets import Decoding
from xapps.dqn.rollout import by_network, play
from xapps.runtime.model_file import ModelFile


class DqnPolicy:
    """Decides with a trained Q-network, either variant.

    Args:
        architecture: shape of the network; its kind is the variant.
        weights: tensors by name, as ``network.weight_shapes`` lists them.
        decoding: how values become an allocation (fair).
        steps: length of an episode (paper).

    Raises:
        ModelRejected: a weight is missing, superfluous, of another shape, or not finite.
    """

    name = "dqn"

    def __init__(
        self,
        architecture: Architecture,
        weights: Mapping[str, NDArray[np.float32]],
        decoding: Decoding | None = None,
        steps: int = 0,
    ) -> None:
        _check_weights(architecture, weights)
        self.architecture = architecture
        self.decoding = decoding or Decoding()
        self.steps = steps
        self._weights = {name: np.ascontiguousarray(w, np.float32) for name, w in weights.items()}
        self._judge = by_network(architecture, self._weights)

    @classmethod
    def from_model(cls, model: ModelFile) -> DqnPolicy:
        """The policy of a stored model.

        Raises:
            ModelRejected: weights and architecture do not make a network.
            ConfigError: a field of the manifest has a bad value.
        """
        manifest, weights = model.manifest, model.tensors()
        try:
            architecture = Architecture.from_dict(manifest.architecture["network"])
            steps = int(manifest.architecture.get("steps", 0))
        except (TypeError, KeyError, ValueError) as error:
            raise ModelRejected(f"{manifest.name}: manifest lacks or misnames a field: {error}") from error
        return cls(architecture, weights, Decoding.from_dict(manifest.architecture.get("decoding", {})), steps)

    def decide(self, report: RadioReport) -> Allocation:
        """The allocation for one report without batch axes.

        Several RUs (fair) decide each for itself, the others taken to send at an equal split.

        Raises:
            ConfigError: the report carries no channel, or (paper) has another size than the network.
            DecisionRefused: ``not_finite``, if the channel has gains that are not numbers.
        """
        _require_finite(report)
        if self.architecture.kind == "paper":
            return self._decide_paper(report)
        parts = [(cell, *served(self._judge, cell, self.decoding)) for cell in cells(report)]
        return compose(report, parts)

    def explore(self, report: RadioReport, rng: np.random.Generator, epsilon: float) -> Allocation:
        """As :meth:`decide` with one rollout at a drawn level and a share of random actions; the fair variant only.

        Raises:
            ConfigError: this is the paper's variant, or the report carries no channel.
            DecisionRefused: ``not_finite``, if the channel has gains that are not numbers.
        """
        self._require_fair()
        _require_finite(report)
        parts = [(cell, *explored(self._judge, cell, rng, epsilon)) for cell in cells(report)]
        return compose(report, parts)

    def explore_batch(
        self, report: RadioReport, rng: np.random.Generator, epsilon: NDArray[np.float64] | float
    ) -> Allocation:
        """:meth:`explore` for a batch of drops with one RU at once, arrays (N, ...); ``epsilon`` may have shape (N,).

        Raises:
            ConfigError: this is the paper's variant, there are several RUs, or the report carries no channel.
            DecisionRefused: ``not_finite``, if the channel has gains that are not numbers.
        """
        self._require_fair()
        _require_finite(report)
        level = rng.choice(LEVELS, size=len(np.asarray(report.gain_db)))
        problems = assignment.of_drops(report, level)
        owner = play(self._judge, problems, rng, epsilon).owner
        power_w = assignment.worth(problems, owner).power_w
        ue_ids = np.broadcast_to(report.ue_ids, (len(problems), report.num_ues))
        return Allocation(
            np.asarray(ue_ids), np.zeros(ue_ids.shape, np.int16), owner[:, None], power_w[:, None], report.report_id
        )

    def _decide_paper(self, report: RadioReport) -> Allocation:
        cell, a = single_cell(report), self.architecture
        if (cell.num_ues, cell.num_prbs) != (a.ues, a.prbs):
            raise ConfigError(
                "report", (cell.num_ues, cell.num_prbs), f"the paper's network takes {(a.ues, a.prbs)} (UEs, PRBs) only"
            )
        plan = bits.greedy(a, self._weights, cell, self.steps)
        owner: Indices = plan.owner
        return compose(report, [(cell, owner, plan.power_w)])

    def _require_fair(self) -> None:
        if self.architecture.kind != "fair":
            raise ConfigError("kind", self.architecture.kind, "only the fair variant explores on its own")


def _require_finite(report: RadioReport) -> None:
    if report.gain_db is not None and not np.isfinite(report.gain_db).all():
        raise DecisionRefused("not_finite", "channel gains are NaN or infinite")


def _check_weights(architecture: Architecture, weights: Mapping[str, NDArray[Any]]) -> None:
    expected = network.weight_shapes(architecture)
    if expected.keys() != weights.keys():
        odd = sorted(expected.keys() ^ weights.keys())
        raise ModelRejected(f"weights missing or superfluous: {', '.join(odd[:5])}")
    for name, shape in expected.items():
        if weights[name].shape != shape:
            raise ModelRejected(f"weight {name} has shape {weights[name].shape}, the architecture says {shape}")
        if not np.isfinite(weights[name]).all():
            raise ModelRejected(f"weight {name} is not finite")
