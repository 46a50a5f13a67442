"""The acting half of DQN: report in, allocation out. numpy only, as SS-VAE's (decision 0006)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from oran.e2sm.rrm import NOBODY, Allocation, RadioReport
from oran.errors import ConfigError, DecisionRefused, ModelRejected
from xapps.classic.cell import Cell, cells, compose, single_cell
from xapps.classic.equal import even_power_w
from xapps.dqn import assignment, bits, network
from xapps.dqn.assignment import LEVELS, Indices
from xapps.dqn.network import Architecture
from xapps.dqn.presets import Decoding
from xapps.dqn.rollout import by_network, finish, play
from xapps.runtime.model_file import ModelFile

Array = NDArray[np.float64]

EVEN = LEVELS.index(1.0)
FIRST_LEVELS = tuple(sorted(LEVELS, key=lambda level: abs(level - LEVELS[EVEN])))
"""Levels in the order in which rollouts take them: the equal split first."""


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
        manifest = model.manifest
        try:
            weights = safetensors.load(model.weights)
            architecture = Architecture.from_dict(manifest.architecture["network"])
            steps = int(manifest.architecture.get("steps", 0))
        except SafetensorError as error:
            raise ModelRejected(f"{manifest.name}: weights are no safetensors file: {error}") from error
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
        levels = FIRST_LEVELS[: self.decoding.rollouts]
        return compose(report, [(cell, *self._served(cell, levels, None, 0.0)) for cell in cells(report)])

    def explore(self, report: RadioReport, rng: np.random.Generator, epsilon: float) -> Allocation:
        """As :meth:`decide` with one rollout at a drawn level and a share of random actions; the fair variant only.

        Raises:
            ConfigError: this is the paper's variant, or the report carries no channel.
            DecisionRefused: ``not_finite``, if the channel has gains that are not numbers.
        """
        self._require_fair()
        _require_finite(report)
        parts = [(cell, *self._served(cell, (float(rng.choice(LEVELS)),), rng, epsilon)) for cell in cells(report)]
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
        _, power_w = assignment.worth(problems, owner)
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
        return compose(report, [(cell, plan.owner, plan.power_w)])

    def _served(
        self, cell: Cell, levels: tuple[float, ...], rng: np.random.Generator | None, epsilon: float
    ) -> tuple[Indices, Array]:
        """Owners and powers of one cell, shape (K,): the best of one rollout a level by the model's own physics."""
        if cell.num_ues == 0:
            return np.full(cell.num_prbs, NOBODY, np.int16), np.zeros(cell.num_prbs)
        problems = assignment.of_cell(cell, levels)
        owner = finish(self._judge, problems) if rng is None else play(self._judge, problems, rng, epsilon).owner
        worth, power_w = assignment.worth(problems, owner)
        best = int(worth.argmax())
        return owner[best], power_w[best] if self.decoding.power == "exact" else even_power_w(cell)

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
