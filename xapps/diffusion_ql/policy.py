"""The acting half of Diffusion-QL: report in, allocation out. numpy only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import Allocation, RadioReport
from oran.errors import ConfigError, DecisionRefused, ModelRejected
from xapps.classic.cell import compose, single_cell
from xapps.diffusion_ql import network
from xapps.diffusion_ql.alone import own_reports
from xapps.diffusion_ql.network import Architecture
from xapps.diffusion_ql.sampling import Sampling, pessimistic, starting_noise
from xapps.diffusion_ql.serving import FlatCell, OneCell
from xapps.runtime.model_file import ModelFile
from xapps.ssvae.decoder import Decoding, assignments, decode, nobody_served, polish
from xapps.ssvae.features import Normalisation, observe

Array = NDArray[np.float32]


class Networks(Protocol):
    """Denoiser and critics as serving needs them."""

    def answers(self, x: Array, noise: Array, steps: int) -> Array:
        """Log-odds of ownership (S, U, K) from features (U, K, F) and noise (S, U, K)."""
        ...

    def values(self, x: Array, owner: NDArray[np.integer]) -> list[Array]:
        """Q of assignments (A, K) by every member of the ensemble, each of shape (A,)."""
        ...


class DiffusionQlPolicy:
    """Draws answers, has the critics choose one, decodes it.

    The noise comes from a generator seeded by the model's digest and the report's id: equal reports get equal
    decisions, from every copy of the model.

    Args:
        architecture: shape of the networks.
        weights: tensors by name, as ``network.weight_shapes`` lists them.
        normalisation: statistics of the training draws.
        sampling: how answers are drawn and chosen.
        noise_seed: what distinguishes this model's noise from others'.

    Raises:
        ModelRejected: a weight is missing, superfluous, of another shape, or not finite.
        ConfigError: more steps than the network was trained for.
    """

    name = "diffusion-ql"

    def __init__(
        self,
        architecture: Architecture,
        weights: Mapping[str, Array],
        normalisation: Normalisation,
        sampling: Sampling | None = None,
        noise_seed: int = 0,
    ) -> None:
        _check_weights(architecture, weights)
        self.architecture = architecture
        self.normalisation = normalisation
        self.sampling = sampling or Sampling()
        if self.sampling.steps > architecture.steps:
            raise ConfigError("steps", self.sampling.steps, f"the network was trained for {architecture.steps}")
        self._noise_seed = noise_seed
        self._weights = {name: np.ascontiguousarray(w, np.float32) for name, w in weights.items()}
        self._networks: Networks = (FlatCell if architecture.kind == "flat" else OneCell)(architecture, self._weights)

    @classmethod
    def from_model(cls, model: ModelFile) -> DiffusionQlPolicy:
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
        sampling = Sampling.from_dict(manifest.architecture.get("sampling", {}))
        return cls(architecture, weights, normalisation, sampling, int(manifest.sha256[:15], 16))

    def sampled(self, sampling: Sampling) -> DiffusionQlPolicy:
        """The same networks, drawn from in another way."""
        return DiffusionQlPolicy(self.architecture, self._weights, self.normalisation, sampling, self._noise_seed)

    def observe(self, report: RadioReport) -> Array:
        """The networks' input for a report of one RU, shape (U, K, F).

        Raises:
            ConfigError: the report carries no channel, or several RUs.
        """
        if report.num_rus != 1:
            raise ConfigError("num_rus", report.num_rus, "the networks look at one RU at a time")
        return observe(report, self.normalisation, self.architecture.slices)[:, 0]

    def answers(self, x: Array, report_id: int) -> Array:
        """Log-odds of ownership of every candidate, shape (S, U, K), for one report's features."""
        rng = np.random.default_rng([self._noise_seed, report_id])
        noise = starting_noise(x.shape[:-1], self.sampling, rng)
        logits = self._networks.answers(x, noise, self.sampling.steps)
        if self.sampling.daring and len(logits) > 1:
            rng = np.random.default_rng([self._noise_seed, report_id, 1])  # its own: more candidates change none before
            logits[1:] += np.float32(self.sampling.daring) * rng.gumbel(size=logits[1:].shape).astype(np.float32)
        return logits

    def values(self, x: Array, owner: NDArray[np.integer]) -> Array:
        """Pessimistic Q of assignments (A, K) in the state of features ``x``, shape (A,)."""
        return pessimistic(self._networks.values(x, owner), "min", np)

    def decide(self, report: RadioReport) -> Allocation:
        """The allocation for one report without batch axes.

        With several RUs every one's answers are drawn by itself, the others taken to send at an equal split; decoding
        then answers to the powers that the others really send, and takes of each RU's candidates the best by physics.

        Raises:
            ConfigError: no channel, or a number of UEs that a flat network was not made for.
            DecisionRefused: ``not_finite``, if the channel has gains that are not numbers.
        """
        if report.num_ues == 0:
            return nobody_served(report)
        if report.num_rus > 1:
            return self._by_ru(report)
        x = self.observe(report)
        logits = self.answers(x, report.report_id).astype(np.float64)
        if self.sampling.choose == "physics" or len(logits) == 1:
            return decoded(report, logits)
        return self._by_q(report, x, logits)

    def _by_ru(self, report: RadioReport) -> Allocation:
        """RU by RU: who belongs to whom is a matter of gains, who gets which PRB one of the networks'."""
        require_finite(report)
        shape = (self.sampling.candidates, *np.asarray(report.gain_db).shape)
        scores, association = np.zeros(shape), np.zeros(shape[:-1])
        for ru, ues, own in own_reports(report):
            scores[:, ues, ru] = self.answers(self.observe(own), report.report_id)
            association[:, ues, ru] = 1.0
        return decode(report, association, scores, Decoding())

    def _by_q(self, report: RadioReport, x: Array, logits: NDArray[np.float64]) -> Allocation:
        """The answer that the critics value most once it is matched; only then is its power computed.

        Where it misses a minimum rate, the first candidate is decoded by itself.
        """
        cell = single_cell(report)
        if not (np.isfinite(cell.gain_per_w).all() and np.isfinite(logits).all()):
            raise DecisionRefused("not_finite", "channel gains or scores are NaN or infinite")
        limits = (cell.min_rate_bps_hz, cell.budget_w, cell.cap_w)
        rows = assignments(logits, cell.gain_per_w, *limits, "matching")
        best = rows[self.values(x, rows).argmax()]
        power_w, worth = polish(best[None], cell.gain_per_w, cell.weight, *limits)
        if worth[0, 0] < 0.0:
            return decoded(report, logits[:1])
        return compose(report, [(cell, best, power_w[0])])


def decoded(report: RadioReport, logits: NDArray[np.float64]) -> Allocation:
    """The best allocation of a cell of one RU that candidates' log-odds (S, U, K) lead to."""
    return decode(report, np.zeros((*logits.shape[:2], 1)), logits[:, :, None], Decoding())


def require_finite(report: RadioReport) -> None:
    """Raises ``DecisionRefused`` (``not_finite``) if a gain is not a number."""
    if report.gain_db is not None and not np.isfinite(report.gain_db).all():
        raise DecisionRefused("not_finite", "channel gains are NaN or infinite")


def with_sampling(model: ModelFile, **changes: object) -> ModelFile:
    """A model that is drawn from in another way; the weights stay, so does their digest.

    Raises:
        ConfigError: an unknown field or a bad value.
    """
    architecture = model.manifest.architecture
    sampling = Sampling.from_dict(architecture.get("sampling", {}) | changes).to_dict()
    return replace(
        model, manifest=model.manifest.model_copy(update={"architecture": architecture | {"sampling": sampling}})
    )


def _check_weights(architecture: Architecture, weights: Mapping[str, Array]) -> None:
    expected = network.weight_shapes(architecture)
    if expected.keys() != weights.keys():
        odd = sorted(expected.keys() ^ weights.keys())
        raise ModelRejected(f"weights missing or superfluous: {', '.join(odd[:5])}")
    for name, shape in expected.items():
        if weights[name].shape != shape:
            raise ModelRejected(f"weight {name} has shape {weights[name].shape}, the architecture says {shape}")
        if not np.isfinite(weights[name]).all():
            raise ModelRejected(f"weight {name} is not finite")
