"""The acting half of SS-VAE: report in, allocation out. numpy only: for networks of this size it outruns torch, and an
xApp that serves needs no torch at all."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import Allocation, RadioReport
from oran.errors import ModelRejected
from xapps.coordination.search import Effort
from xapps.runtime.model_file import ModelFile
from xapps.ssvae import network, prior
from xapps.ssvae.decoder import Decoding, decode, nobody_served
from xapps.ssvae.features import Normalisation, observe
from xapps.ssvae.network import Architecture, Heads, Latent
from xapps.ssvae.serving import OneCell, serves
from xapps.ssvae.sweeping import swept

NOISE_SEED = 20
"""Seed of the latent draws. They are the same for every report, so that equal reports get equal decisions."""


class SsvaePolicy:
    """Decides with a trained network.

    Args:
        architecture: shape of the network.
        weights: tensors by name, as ``network.weight_shapes`` lists them.
        normalisation: statistics of the training draws.
        decoding: how scores become an allocation.

    Raises:
        ModelRejected: a weight is missing, superfluous, of another shape, or not finite.
    """

    name = "ssvae"

    def __init__(
        self,
        architecture: Architecture,
        weights: Mapping[str, NDArray[np.float32]],
        normalisation: Normalisation,
        decoding: Decoding | None = None,
    ) -> None:
        _check_weights(architecture, weights)
        self.architecture = architecture
        self.normalisation = normalisation
        self.decoding = decoding or Decoding()
        self._weights = {name: np.ascontiguousarray(w, np.float32) for name, w in weights.items()}
        self._one_cell = OneCell(architecture, self._weights) if serves(architecture) else None
        self._noise: dict[tuple[int, ...], NDArray[np.float32]] = {}

    @classmethod
    def from_model(cls, model: ModelFile) -> SsvaePolicy:
        """The policy of a stored model.

        Raises:
            ModelRejected: weights, architecture and normalisation do not make a network.
            ConfigError: a field of the manifest has a bad value.
        """
        manifest, weights = model.manifest, model.tensors()
        try:
            normalisation = Normalisation(**manifest.normalisation)
            architecture = Architecture.from_dict(manifest.architecture["network"])
        except (TypeError, KeyError) as error:
            raise ModelRejected(f"{manifest.name}: manifest lacks or misnames a field: {error}") from error
        return cls(architecture, weights, normalisation, Decoding.from_dict(manifest.architecture.get("decoding", {})))

    def decoding_by(self, decoding: Decoding) -> SsvaePolicy:
        """The same network, its scores decoded in another way."""
        return SsvaePolicy(self.architecture, self._weights, self.normalisation, decoding)

    def observe(self, report: RadioReport) -> NDArray[np.float32]:
        """The network's input, shape (..., U, R, K, F).

        Raises:
            ConfigError: the report carries no channel.
        """
        return observe(report, self.normalisation, self.architecture.slices)

    def heads(self, x: NDArray[np.float32]) -> Heads:
        """Decision logits of one report's features (U, R, K, F) for every candidate, candidates on the leading axis."""
        hidden, latent = network.encode(self.architecture, self._weights, x, np)
        return network.decide(self.architecture, self._weights, x, hidden, self._draws(latent), np)

    def decide(self, report: RadioReport) -> Allocation:
        """The allocation for one report without batch axes.

        Raises:
            ConfigError: the report carries no channel, or a number of UEs that a flat network was not made for.
            DecisionRefused: ``not_finite``, if the channel has gains that are not numbers.
        """
        if report.num_ues == 0:
            return nobody_served(report)
        association, owner = self.candidates(report)
        if self.decoding.assignment == "sweep":
            effort = Effort(sweeps=self.decoding.sweeps, rounds=self.decoding.rounds)
            return swept(report, association, effort, self.decoding.starts)
        return decode(report, association, owner, self.decoding)

    def candidates(self, report: RadioReport) -> tuple[network.Array, network.Array]:
        """What the decoder gets for a report with UEs: scores of RUs (C, U, R) and of owners (C, U, R, K).

        Raises:
            ConfigError: as ``decide``.
        """
        x = self.observe(report)
        association, owner = self._scores(x)
        return _with_physics(association, owner, x) if self.decoding.physics else (association, owner)

    def _scores(self, x: NDArray[np.float32]) -> tuple[network.Array, network.Array]:
        """Of ``heads`` what the decoder reads: association (C, U, R) and owner (C, U, R, K)."""
        if self._one_cell is None or x.shape[1] != 1:
            heads = self.heads(x)
            return heads.association, heads.owner
        owner = self._one_cell.scores(x[:, 0], self._noise_like)[:, :, None]
        return np.zeros(owner.shape[:-1], np.float32), owner  # with one RU there is nothing to associate

    def _draws(self, latent: Latent) -> tuple[NDArray[np.float32], ...]:
        """Latent vectors of the candidates: the mean, then draws around it, on a new leading axis."""
        return tuple(
            mean + self._noise_like(mean.shape) * np.exp(0.5 * log_variance)
            for mean, log_variance in zip(latent.mean, latent.log_variance, strict=True)
        )

    def _noise_like(self, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Noise (C, *shape), zero for the first candidate; kept, as cells rarely change their shape."""
        noise = self._noise.get(shape)
        if noise is None:
            rng = np.random.default_rng(NOISE_SEED)
            noise = rng.standard_normal((self.decoding.candidates, *shape)).astype(np.float32)
            noise *= self.decoding.spread
            noise[0] = 0.0
            self._noise[shape] = noise
        return noise


def _with_physics(
    association: network.Array, owner: network.Array, x: NDArray[np.float32]
) -> tuple[network.Array, network.Array]:
    """What physics alone says of owners, for the first candidate's association, before the candidates.

    In front, as the decoder counts the first one's PRBs in more ways: what comes out is no worse than physics alone.
    """
    physics = prior.scores(np.array(prior.FIRST_SCALES, np.float32), x, np)
    return np.concatenate([association[:1], association]), np.concatenate([physics[None], owner])


def _check_weights(architecture: Architecture, weights: Mapping[str, NDArray[np.float32]]) -> None:
    expected = network.weight_shapes(architecture)
    if expected.keys() != weights.keys():
        odd = sorted(expected.keys() ^ weights.keys())
        raise ModelRejected(f"weights missing or superfluous: {', '.join(odd[:5])}")
    for name, shape in expected.items():
        if weights[name].shape != shape:
            raise ModelRejected(f"weight {name} has shape {weights[name].shape}, the architecture says {shape}")
        if not np.isfinite(weights[name]).all():
            raise ModelRejected(f"weight {name} is not finite")
