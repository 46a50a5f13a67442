"""Fewer steps by distillation: a student that reaches in one step what its teacher reaches in many.

Without new noise a teacher's chain is a curve from noise to an answer. The student, which begins as a copy, learns to
name the answer from anywhere on the curve: the consistency function of Song et al. 2023 (arXiv:2303.01469), (3). They
learn it from the student's own estimate one step further down, as their curves are long; T = 20 passes of a small
network are cheap, so here the target is the end of the curve itself, which is where their recursion comes to rest.

The student is a model of the same kind: the same networks in the same file, drawn from in one step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from safetensors import torch as safetensors
from torch import Tensor

from oran.e2sm.rrm import RadioReport
from oran.errors import ConfigError
from xapps.diffusion_ql import checkpoints, network
from xapps.diffusion_ql.diffusion import Schedule, sub_steps
from xapps.diffusion_ql.policy import DiffusionQlPolicy
from xapps.diffusion_ql.sampling import answer_of
from xapps.diffusion_ql.variety import Variety, split, varied
from xapps.runtime.model_file import ModelFile
from xapps.runtime.trained_model import TrainedModel
from xapps.ssvae.batches import num_drops, take
from xapps.ssvae.features import observe
from xapps.training.epochs import EpochCurves, EpochLearner, checkpoint_tensors, restore_moments
from xapps.training.settings import TrainingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentPreset(TrainingSettings):
    """Settings of a distillation."""

    readers: ClassVar[Mapping[str, Callable[[Any], Any]]] = {"variety": lambda value: Variety.from_dict(dict(value))}

    teacher_steps: int = 20
    """Steps of the chain whose answers are learned."""
    steps: int = 1
    """Steps in which the student answers."""
    drops: int = 600
    epochs: int = 6
    batch_size: int = 16
    curves: int = 2
    """Chains a drop and step, from noise of different loudness."""
    loudest: float = 1.0
    """Largest standard deviation of the noise that chains start from; serving starts from zero and some between."""
    learning_rate: float = 1e-3
    averaging: float = 0.99
    validation_share: float = 0.05
    threads: int = 1
    variety: Variety = field(default_factory=Variety)

    def __post_init__(self) -> None:
        for name in ("teacher_steps", "steps", "drops", "epochs", "batch_size", "curves", "threads"):
            if getattr(self, name) < 1:
                raise ConfigError(name, getattr(self, name), "at least 1")
        if not 0.0 < self.validation_share < 1.0:
            raise ConfigError("validation_share", self.validation_share, "between 0 and 1")


STUDENT = "student"
"""Name of the preset that asks for a distillation."""


class StudentLearner(EpochLearner):
    """One distillation in progress.

    Args:
        report: drops of one RU, arrays (N, U, 1, K); the last few are held back for validation.
        teacher: a model of Diffusion-QL.
        preset: settings.
        seed: decides every shuffle and every draw.

    Raises:
        ConfigError: too few drops, or more steps than the teacher was trained for.
        ModelRejected: the teacher is none.
    """

    def __init__(self, report: RadioReport, teacher: ModelFile, preset: StudentPreset, *, seed: int) -> None:
        held_out = max(1, round(num_drops(report) * preset.validation_share))
        if num_drops(report) <= held_out:
            raise ConfigError("drops", num_drops(report), "training and validation need a drop each")
        model = DiffusionQlPolicy.from_model(teacher)
        super().__init__(epochs=preset.epochs, threads=preset.threads)
        self.preset, self.seed = preset, seed
        self.architecture, self.normalisation = model.architecture, model.normalisation
        self.schedule = Schedule.variance_preserving(self.architecture.steps)
        self._times = sub_steps(self.architecture.steps, preset.teacher_steps)
        self._teacher_model = teacher
        self._all = safetensors.load(teacher.weights)
        self._teacher = network.part(self._all, "policy")
        self.weights = {name: w.clone().requires_grad_() for name, w in self._teacher.items()}
        self.average = {name: w.clone() for name, w in self._teacher.items()}
        self._optimiser = torch.optim.Adam(list(self.weights.values()), lr=preset.learning_rate)
        training, validation = split(report, held_out)
        rng = np.random.default_rng([seed, 0])
        self._parts = varied(training, preset.variety, rng)
        self._validation = varied(validation, preset.variety, rng)

    def _run_epoch(self) -> EpochCurves:
        rng = np.random.default_rng([self.seed, self.epoch])
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        for group in self._optimiser.param_groups:
            group["lr"] = self.preset.learning_rate * 0.5 * (1.0 + math.cos(math.pi * self.epoch / self.preset.epochs))
        losses = [self._step(report, index, generator) for report, index in self._batches(rng)]
        return {"epoch": float(self.epoch), "distillation": float(np.mean(losses)), "validation": self._validate()}

    def result(self) -> TrainedModel:
        """The averaged weights, beside the teacher's critics."""
        manifest = self._teacher_model.manifest
        learned = {f"policy.{name}": w for name, w in self.average.items()}
        sampling = manifest.architecture.get("sampling", {}) | {"steps": self.preset.steps}
        return TrainedModel(
            weights=safetensors.save({name: w.contiguous() for name, w in (self._all | learned).items()}),
            architecture=manifest.architecture | {"sampling": sampling},
            normalisation=manifest.normalisation,
            training={"preset": self.preset.to_dict(), "seed": self.seed, "teacher": manifest.sha256},
            curves=self.curves,
        )

    # --- a step -------------------------------------------------------------------------------------------------------

    def _batches(self, rng: np.random.Generator) -> list[tuple[RadioReport, np.ndarray]]:
        size = self.preset.batch_size
        batches = [
            (part, index)
            for part in self._parts
            for index in np.array_split(rng.permutation(num_drops(part)), math.ceil(num_drops(part) / size))
        ]
        return [batches[i] for i in rng.permutation(len(batches))]

    def _step(self, report: RadioReport, index: np.ndarray, generator: torch.Generator) -> float:
        loss = self._distance(self.weights, self._observe(report, index), generator)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.weights.values(), 1.0)
        self._optimiser.step()
        step = int(self._optimiser.state[next(iter(self.weights.values()))]["step"])
        decay = min(self.preset.averaging, (1.0 + step) / (10.0 + step))
        with torch.no_grad():
            for name, w in self.weights.items():
                self.average[name].lerp_(w, 1.0 - decay)
        return loss.item()

    @torch.no_grad()
    def _validate(self) -> float:
        """Mean distance of the averaged student on drops that training does not see; equal draws every epoch."""
        generator = torch.Generator().manual_seed(self.seed)
        found = [
            self._distance(self.average, self._observe(part, np.arange(num_drops(part))), generator).item()
            for part in self._validation
        ]
        return float(np.mean(found))

    def _distance(self, weights: Mapping[str, Tensor], x: Tensor, generator: torch.Generator) -> Tensor:
        """Cross-entropy of the chains' ends, a PRB, at a random point of each curve; a scalar."""
        points, end = self._chains(x, generator)
        t = torch.randint(len(self._times), points.shape[1:3], generator=generator)  # (C, N)
        x_t = torch.take_along_dim(points, t[None, ..., None, None, None], dim=0)[0]
        state = network.read(self.architecture, weights, x, torch)
        logits = network.denoise(self.architecture, weights, state, x_t, torch.tensor(self._times)[t], torch)
        return -(end * logits.log_softmax(dim=-3)).sum(dim=-3).mean()

    @torch.no_grad()
    def _chains(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """The teacher's chains: points (T, C, N, U, 1, K) at its times, and the shares at their ends."""
        a, schedule = self.architecture, self.schedule
        shape = (self.preset.curves, *x.shape[:-1])
        loudness = self.preset.loudest * torch.rand((*shape[:2], 1, 1, 1), generator=generator)
        x_t = loudness * torch.randn(shape, generator=generator)
        state, points = network.read(a, self._teacher, x, torch), []
        for t, to in zip(self._times, (*self._times[1:], 0), strict=True):
            points.append(x_t)
            share = network.shares(network.denoise(a, self._teacher, state, x_t, t, torch), torch)
            x_t = schedule.jumped(x_t, answer_of(share), t, to)
        return torch.stack(points), share

    def _observe(self, report: RadioReport, index: np.ndarray) -> Tensor:
        return torch.from_numpy(observe(take(report, index), self.normalisation, self.architecture.slices))

    # --- checkpoints --------------------------------------------------------------------------------------------------

    def checkpoint(self) -> bytes:
        """Everything the next epoch depends on, as safetensors."""
        groups = {"weight": self.weights, "average": self.average}
        return checkpoints.packed(groups, self.weights, self._optimiser, (), [self.epoch])

    def restore(self, checkpoint: bytes, curves: list[EpochCurves]) -> None:
        """Continue from a checkpoint of a distillation with the same drops, teacher, preset and seed.

        Raises:
            ModelError: the checkpoint is of another training, or damaged.
        """
        with checkpoint_tensors(checkpoint) as tensors:
            checkpoints.restore_weights(tensors, {"weight": self.weights, "average": self.average})
            (epoch,) = tensors["progress"].tolist()
        restore_moments(tensors, self.weights, self._optimiser)
        self.epoch, self.curves = int(epoch), curves[: int(epoch)]
