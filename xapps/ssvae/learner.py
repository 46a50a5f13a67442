"""The learning half of SS-VAE: labelled and unlabelled drops in, safetensors and manifest fields out.

An epoch is a pure function of (weights, optimiser state, seed, epoch number), so a training that was cut continues from
its checkpoint with the very numbers it would have had.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np
import torch
from safetensors import torch as safetensors
from torch import Tensor
from torch.nn import functional

from oran.e2sm.rrm import RadioReport
from oran.errors import ConfigError
from xapps.runtime.trained_model import TrainedModel
from xapps.ssvae import losses, network
from xapps.ssvae.batches import TrainingSet, num_drops, take, take_labels
from xapps.ssvae.features import Normalisation, observe
from xapps.ssvae.network import Architecture
from xapps.ssvae.presets import Preset
from xapps.ssvae.views import similar_gain_db
from xapps.training.epochs import EpochCurves, EpochLearner, checkpoint_tensors, moments, restore_moments


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a training stands; handed to the callback after every epoch."""

    epoch: int
    epochs: int
    curves: EpochCurves


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """Tensors of a labelled batch."""

    x: Tensor
    serving_ru: Tensor
    prb_owner: Tensor
    power: Tensor


class SsvaeLearner(EpochLearner):
    """One training in progress.

    Args:
        training_set: drops, all with the same numbers of UEs, RUs and PRBs.
        preset: settings.
        seed: decides the initial weights, the split, every shuffle and every draw.
    """

    def __init__(self, training_set: TrainingSet, preset: Preset, *, seed: int) -> None:
        if num_drops(training_set.report) < 2:
            raise ConfigError(
                "training_set", num_drops(training_set.report), "training and validation need a drop each"
            )
        if training_set.more and preset.kind == "flat":
            raise ConfigError("training_set", len(training_set.more), "a flat network learns cells of one size only")
        super().__init__(epochs=preset.epochs, threads=preset.threads)
        self.preset = preset
        self.seed = seed
        self.normalisation = Normalisation.of(training_set.report)
        self.architecture = architecture_for(preset, training_set.report)
        rng = np.random.default_rng([seed, 0])
        self.weights = {
            name: torch.from_numpy(values).requires_grad_()
            for name, values in network.initialise(self.architecture, rng).items()
        }
        self._optimiser = _optimiser(self.weights, preset)
        self._training, self._validation = _split(training_set, preset.validation_share, rng)
        self._unlabelled = training_set.unlabelled
        self._more = training_set.more
        self._best_score = -math.inf
        self._best_epoch = 0
        self._best = _copy(self.weights)

    def _run_epoch(self) -> EpochCurves:
        rng = np.random.default_rng([self.seed, self.epoch])
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        regularise = _dropout(self.preset.dropout, generator)
        steps = [self._step(batch, unlabelled, generator, regularise, rng) for batch, unlabelled in self._batches(rng)]
        curves = {name: float(np.mean([step[name] for step in steps])) for name in steps[0]}
        curves |= {"epoch": float(self.epoch), **self._validate()}
        self._keep_if_best(curves)
        return curves

    def result(self) -> TrainedModel:
        """The weights of the best epoch by validation accuracy, with what the manifest says about them."""
        return TrainedModel(
            weights=safetensors.save(self._best),
            architecture={"network": self.architecture.to_dict(), "decoding": asdict(self.preset.decoding)},
            normalisation={
                "snr_mean_db": self.normalisation.snr_mean_db,
                "snr_std_db": self.normalisation.snr_std_db,
            },
            training={
                "preset": self.preset.to_dict(),
                "seed": self.seed,
                "labelled_drops": num_drops(self._training.report),
                "validation_drops": num_drops(self._validation.report),
                "labelled_drops_of_other_sizes": sum(num_drops(each.report) for each in self._more),
                "unlabelled_drops": 0 if self._unlabelled is None else num_drops(self._unlabelled),
                "best_epoch": self._best_epoch,
                "validation_accuracy": self._best_score,
            },
            curves=self.curves,
        )

    def checkpoint(self) -> bytes:
        """Everything the next epoch depends on, as safetensors."""
        tensors = {f"weight/{name}": w.detach() for name, w in self.weights.items()}
        tensors |= {f"best/{name}": w for name, w in self._best.items()}
        tensors |= moments(self.weights, self._optimiser)
        tensors["progress"] = torch.tensor([self.epoch, self._best_epoch, self._best_score], dtype=torch.float64)
        return safetensors.save({name: tensor.contiguous() for name, tensor in tensors.items()})

    def restore(self, checkpoint: bytes, curves: list[EpochCurves]) -> None:
        """Continue from a checkpoint of a training with the same set, preset and seed.

        Raises:
            ModelError: the checkpoint is of another network, or damaged.
        """
        with checkpoint_tensors(checkpoint) as tensors:
            with torch.no_grad():
                for name, w in self.weights.items():
                    w.copy_(tensors[f"weight/{name}"])
            self._best = {name: tensors[f"best/{name}"] for name in self.weights}
            epoch, best_epoch, best_score = tensors["progress"].tolist()
        restore_moments(tensors, self.weights, self._optimiser)
        self.epoch, self._best_epoch, self._best_score = int(epoch), int(best_epoch), best_score
        self.curves = curves[: self.epoch]  # curves are written first: one more epoch may stand there

    def _batches(self, rng: np.random.Generator) -> Iterator[tuple[_Batch, RadioReport | None]]:
        """Shuffled labelled batches, each with as many unlabelled drops as the preset says.

        A batch is of one size of cell; the batches of all sizes are shuffled among each other.
        """
        parts = (self._training, *self._more)
        batches = [(p, index) for p in parts for index in _shuffled(num_drops(p.report), self.preset.batch_size, rng)]
        order = rng.permutation(len(batches)) if self._more else range(len(batches))
        for part, index in (batches[place] for place in order):
            unlabelled = None
            if self._unlabelled is not None and self.preset.unlabelled_batch_size:
                m = num_drops(self._unlabelled)
                unlabelled = take(self._unlabelled, rng.choice(m, min(m, self.preset.unlabelled_batch_size), False))
            yield self._tensors(part, index), unlabelled

    def _tensors(self, part: TrainingSet, index: np.ndarray | slice) -> _Batch:
        report, label = take(part.report, index), take_labels(part.label, index)
        return _Batch(
            x=self._observe(report),
            serving_ru=torch.from_numpy(label.serving_ru.astype(np.int64)),
            prb_owner=torch.from_numpy(label.prb_owner.astype(np.int64)),
            power=torch.from_numpy((label.power_w / report.prb_power_cap_w).astype(np.float32)),
        )

    def _observe(self, report: RadioReport) -> Tensor:
        return torch.from_numpy(observe(report, self.normalisation, self.architecture.slices))

    def _step(
        self,
        batch: _Batch,
        unlabelled: RadioReport | None,
        generator: torch.Generator,
        regularise: network.Regulariser,
        rng: np.random.Generator,
    ) -> EpochCurves:
        """One gradient step on (24) + (23) + (26)."""
        self._set_learning_rate()
        terms = self._supervised_terms(batch, generator, regularise, rng)
        if unlabelled is not None:
            terms |= self._unsupervised_terms(unlabelled, generator, regularise, rng)
        loss = torch.stack([weight * term for weight, term in terms.values()]).sum()
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.weights.values(), 1.0)
        self._optimiser.step()
        return {"loss": loss.item()} | {name: term.item() for name, (_, term) in terms.items()}

    def _supervised_terms(
        self, batch: _Batch, generator: torch.Generator, regularise: network.Regulariser, rng: np.random.Generator
    ) -> dict[str, tuple[float, Tensor]]:
        p = self.preset
        hidden, latent = network.encode(self.architecture, self.weights, batch.x, torch, regularise)
        z = losses.sample(latent, generator) if p.vae_weight else latent.mean
        heads = network.decide(self.architecture, self.weights, batch.x, hidden, z, torch)
        indicators, power = losses.supervised(heads, batch.serving_ru, batch.prb_owner, batch.power, p.supervised)
        terms = {"indicators": (1.0, indicators), "power": (p.power_weight, power)}
        if p.structured_weight:
            terms["structured"] = (p.structured_weight, losses.structured(heads, batch.prb_owner, rng))
        return terms | self._vae_terms(batch.x, latent, z)

    def _vae_terms(self, x: Tensor, latent: network.Latent, z: tuple[Tensor, ...]) -> dict[str, tuple[float, Tensor]]:
        """Loss (23) with both signs turned: squared reconstruction error and divergence from the prior."""
        p = self.preset
        if not p.vae_weight:
            return {}
        rebuilt = network.reconstruct(self.architecture, self.weights, z)
        return {
            "reconstruction": (p.vae_weight, functional.mse_loss(rebuilt, x[..., 0])),
            "divergence": (p.vae_weight * p.kl_weight, losses.divergence(latent)),
        }

    def _unsupervised_terms(
        self,
        report: RadioReport,
        generator: torch.Generator,
        regularise: network.Regulariser,
        rng: np.random.Generator,
    ) -> dict[str, tuple[float, Tensor]]:
        """(23) on the unlabelled drops and (26) on two similar channels of each."""
        p = self.preset
        if not (p.vae_weight or p.contrastive_weight):
            return {}
        latents = []
        for _ in range(2 if p.contrastive_weight else 1):
            gain_db = similar_gain_db(np.asarray(report.gain_db), p.view_correlation, rng)
            x = self._observe(replace(report, gain_db=gain_db))
            latents.append(network.encode(self.architecture, self.weights, x, torch, regularise)[1])
        vae = self._vae_terms(x, latents[-1], losses.sample(latents[-1], generator))
        terms = {f"unlabelled_{name}": term for name, term in vae.items()}
        if p.contrastive_weight:
            one, other = (network.representation(latent, torch) for latent in latents)
            terms["contrastive"] = (p.contrastive_weight, losses.contrastive(one, other, p.temperature))
        return terms

    def _set_learning_rate(self) -> None:
        p = self.preset
        share = (self.epoch - 1) / p.epochs
        factor = 0.5 * (1.0 + math.cos(math.pi * share)) if p.cosine_decay else 1.0
        for group in self._optimiser.param_groups:
            group["lr"] = p.learning_rate * factor

    @torch.no_grad()
    def _validate(self) -> EpochCurves:
        """Supervised loss and PRB accuracy on drops that training does not see, latents at their mean."""
        batch = self._tensors(self._validation, slice(None))
        hidden, latent = network.encode(self.architecture, self.weights, batch.x, torch)
        heads = network.decide(self.architecture, self.weights, batch.x, hidden, latent.mean, torch)
        indicators, power = losses.supervised(
            heads, batch.serving_ru, batch.prb_owner, batch.power, self.preset.supervised
        )
        return {
            "validation_indicators": indicators.item(),
            "validation_power": power.item(),
            "validation_accuracy": losses.owner_accuracy(heads, batch.prb_owner).item(),
        }

    def _keep_if_best(self, curves: EpochCurves) -> None:
        if curves["validation_accuracy"] > self._best_score:
            self._best_score, self._best_epoch = curves["validation_accuracy"], self.epoch
            self._best = _copy(self.weights)


def train(
    training_set: TrainingSet,
    preset: Preset,
    *,
    seed: int,
    on_progress: Callable[[Progress], None] | None = None,
) -> TrainedModel:
    """Train from scratch to the end of the preset's epochs. The same arguments give the same weights."""
    learner = SsvaeLearner(training_set, preset, seed=seed)
    while not learner.done:
        curves = learner.run_epoch()
        if on_progress is not None:
            on_progress(Progress(learner.epoch, preset.epochs, curves))
    return learner.result()


def architecture_for(preset: Preset, report: RadioReport) -> Architecture:
    """The network that a preset means on drops like ``report``, shape (N, U, R, K)."""
    flat = preset.kind == "flat"
    slices = max(len(report.slice_names), int(report.slice_ids.max()) + 1)
    return Architecture(
        kind=preset.kind,
        width=preset.width,
        layers=preset.layers,
        latent=preset.latent,
        slices=slices,
        rus=report.num_rus,
        ues=report.num_ues if flat else 0,
        prbs=np.asarray(report.gain_db).shape[-1] if flat else 0,
        prior=preset.prior,
    )


def _split(
    training_set: TrainingSet, validation_share: float, rng: np.random.Generator
) -> tuple[TrainingSet, TrainingSet]:
    """Training and validation part of the labelled drops."""
    n = num_drops(training_set.report)
    order = rng.permutation(n)
    held_out = min(max(1, round(n * validation_share)), n - 1)

    def part(index: np.ndarray) -> TrainingSet:
        return TrainingSet(take(training_set.report, index), take_labels(training_set.label, index))

    return part(order[held_out:]), part(order[:held_out])


def _optimiser(weights: dict[str, Tensor], preset: Preset) -> torch.optim.Optimizer:
    kind = torch.optim.AdamW if preset.decoupled_decay else torch.optim.Adam
    return kind(
        list(weights.values()),
        lr=preset.learning_rate,
        betas=(preset.beta_1, preset.beta_2),
        weight_decay=preset.weight_decay,
    )


def _dropout(rate: float, generator: torch.Generator) -> network.Regulariser:
    """Inverted dropout from the run's own generator: torch's takes the global one."""
    if not rate:
        return network.unchanged
    return lambda x: x * (torch.rand(x.shape, generator=generator) >= rate) / (1.0 - rate)


def _shuffled(n: int, batch_size: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    order = rng.permutation(n)
    for start in range(0, n, batch_size):
        yield order[start : start + batch_size]


def _copy(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: w.detach().clone() for name, w in weights.items()}
