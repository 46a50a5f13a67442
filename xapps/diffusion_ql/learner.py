"""The learning half of Diffusion-QL: drops without labels in, safetensors and manifest fields out.

An epoch first lets the policy add answers of its own, then goes over the drops once; each step fits the critics to
rewards, and the policy to good answers (behaviour term) and to what the critics value (Q guidance). An epoch is a
function of (weights, moments, own answers, seed, epoch number), so a training that was cut continues to the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from safetensors import torch as safetensors
from torch import Tensor

from oran.e2sm.rrm import RadioReport
from oran.errors import ConfigError
from xapps.diffusion_ql import checkpoints, network
from xapps.diffusion_ql.alone import own_drops
from xapps.diffusion_ql.diffusion import Schedule
from xapps.diffusion_ql.experience import Behaviour, Experience, gather
from xapps.diffusion_ql.objective import Batch, Objective
from xapps.diffusion_ql.own_answers import Answerer, features
from xapps.diffusion_ql.presets import Preset, architecture_for
from xapps.diffusion_ql.variety import split, varied
from xapps.runtime.trained_model import TrainedModel
from xapps.ssvae.batches import num_drops
from xapps.ssvae.features import Normalisation, equal_power_snr_db
from xapps.training.epochs import EpochCurves, EpochLearner, checkpoint_tensors, restore_moments


class DiffusionQlLearner(EpochLearner):
    """One training in progress.

    Args:
        report: drops, arrays (N, U, R, K); the last few are held back for validation. Of several RUs each is learned
            from by itself, see :mod:`xapps.diffusion_ql.alone`.
        preset: settings.
        seed: decides the initial weights, the behaviour policies' answers, every shuffle and every draw.
        extra: answers from elsewhere, such as the field, with as many UEs and PRBs as it may be; they join the drops.
        trained: behaviour policies beside the classic ones, by name, such as a trained DQN.
    """

    def __init__(
        self,
        report: RadioReport,
        preset: Preset,
        *,
        seed: int,
        extra: Sequence[Experience] = (),
        trained: Mapping[str, Behaviour] | None = None,
    ) -> None:
        held_out = max(1, round(num_drops(report) * preset.validation_share))
        if num_drops(report) <= held_out:
            raise ConfigError("drops", num_drops(report), "training and validation need a drop each")
        super().__init__(epochs=preset.epochs, threads=preset.threads)
        self.preset = preset
        self.seed = seed
        rng = np.random.default_rng([seed, 0])
        self.normalisation = normalisation_of(own_drops(report))
        self.architecture = architecture_for(preset, report)
        self.schedule = Schedule.variance_preserving(preset.diffusion_steps)
        self.objective = Objective(preset, self.architecture, self.schedule)
        self.weights = {
            name: torch.from_numpy(values).requires_grad_()
            for name, values in network.initialise(self.architecture, rng).items()
        }
        self.average = {name: w.detach().clone() for name, w in self.weights.items()}
        self._best, self._best_epoch, self._best_score = dict[str, Tensor](), 0, -math.inf
        self._optimiser = torch.optim.Adam(list(self.weights.values()), lr=preset.learning_rate)
        training, validation = split(report, held_out)
        self.parts = self._gather(training, preset.perturbed, rng, trained or {})
        self.validation = self._gather(validation, 0, rng, trained or {})
        self._extra = tuple(extra)
        if preset.prior:
            self._keep_if_best(self._validate())  # what nobody learned is the first thing to beat

    def _run_epoch(self) -> EpochCurves:
        rng = np.random.default_rng([self.seed, self.epoch])
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        self._set_learning_rate()
        own = self._explore(generator)
        steps = [self._step(part, index, generator) for part, index in self._batches(rng)]
        curves = {name: float(np.mean([step[name] for step in steps])) for name in steps[0]}
        curves |= own | {"epoch": float(self.epoch), "validation_reward": self._validate()}
        self._keep_if_best(curves["validation_reward"])
        return curves

    def result(self) -> TrainedModel:
        """The averaged weights: the policy of the best epoch by the validation drops' reward, the latest critics."""
        return TrainedModel(
            weights=safetensors.save({name: w.contiguous() for name, w in (self.average | self._best).items()}),
            architecture={"network": self.architecture.to_dict(), "sampling": self.preset.sampling.to_dict()},
            normalisation={
                "snr_mean_db": self.normalisation.snr_mean_db,
                "snr_std_db": self.normalisation.snr_std_db,
            },
            training={
                "preset": self.preset.to_dict(),
                "seed": self.seed,
                "drops": sum(part.size for part in self.parts),
                "validation_drops": sum(part.size for part in self.validation),
                "field_drops": sum(part.size for part in self._extra),
                "behaviour_rewards": self._behaviour_rewards(),
                "best_epoch": self._best_epoch,
                "validation_reward": self._best_score,
            },
            curves=self.curves,
        )

    def _behaviour_rewards(self) -> dict[str, float]:
        """Mean reward of what each behaviour policy answered to the drops."""
        names = self.preset.behaviours
        rewards = np.concatenate([part.reward[:, : len(names)] for part in self.parts])
        return dict(zip(names, rewards.mean(axis=0).tolist(), strict=True))

    # --- an epoch -----------------------------------------------------------------------------------------------------

    def _explore(self, generator: torch.Generator) -> EpochCurves:
        """Let the averaged policy add answers of its own to every drop."""
        p, answerer = self.preset, self._answerer()
        if not p.own_answers:
            return {}
        worths = [answerer.explore(part, p.own_answers, p.exploration, p.daring, generator) for part in self.parts]
        return {"own_reward": float(np.mean(np.concatenate(worths)))}

    def _validate(self) -> float:
        """Mean reward of the averaged policy's first answer to drops that training does not see."""
        answerer = self._answerer()
        return float(np.mean(np.concatenate([answerer.rewards(part) for part in self.validation])))

    def _answerer(self) -> Answerer:
        steps = self.preset.sampling.steps
        raw = self.preset.keeps_raw
        return Answerer(self.architecture, self.schedule, self.normalisation, self.average, steps, raw)

    def _batches(self, rng: np.random.Generator) -> Iterator[tuple[Experience, np.ndarray]]:
        """Shuffled batches of the drawn drops, and of those from the field."""
        batches = [
            (part, index)
            for part in (*self.parts, *self._extra)
            for index in np.array_split(rng.permutation(part.size), math.ceil(part.size / self.preset.batch_size))
        ]
        return (batches[i] for i in rng.permutation(len(batches)))

    def _step(self, part: Experience, index: np.ndarray, generator: torch.Generator) -> EpochCurves:
        terms = self.objective.terms(self.weights, self.average, self.batch(part, index), generator)
        self._optimiser.zero_grad(set_to_none=True)
        self.objective.weighed(terms).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.weights.values(), 1.0)
        self._optimiser.step()
        self._track_average()
        return {name: term.item() for name, term in terms.items()}

    def batch(self, part: Experience, index: np.ndarray) -> Batch:
        """Some drops as the objective reads them."""
        return Batch(
            features(part, index, self.normalisation, self.architecture),
            torch.from_numpy(part.owner[index].astype(np.int64)),
            torch.from_numpy(part.reward[index].astype(np.float32)),
        )

    def _track_average(self) -> None:
        decay = min(self.preset.averaging, (1.0 + self._steps_done()) / (10.0 + self._steps_done()))
        with torch.no_grad():
            for name, w in self.weights.items():
                self.average[name].lerp_(w, 1.0 - decay)

    def _steps_done(self) -> int:
        state = self._optimiser.state.get(next(iter(self.weights.values())), {})
        return int(state.get("step", 0))

    def _set_learning_rate(self) -> None:
        p = self.preset
        factor = 0.5 * (1.0 + math.cos(math.pi * (self.epoch - 1) / p.epochs)) if p.cosine_decay else 1.0
        for group in self._optimiser.param_groups:
            group["lr"] = p.learning_rate * factor

    def _keep_if_best(self, score: float) -> None:
        if score > self._best_score:
            self._best_score, self._best_epoch = score, self.epoch
            self._best = {name: w.clone() for name, w in self.average.items() if name.startswith("policy.")}

    def _gather(
        self, report: RadioReport, perturbed: int, rng: np.random.Generator, trained: Mapping[str, Behaviour]
    ) -> list[Experience]:
        """Drops with the behaviour policies' answers, one element a load, power and noise."""
        p = self.preset
        own = 1 + (2 if p.keeps_raw else 1) * p.own_answers if p.own_answers else 0
        return [
            gather(each, p.behaviours, rng, perturbed=perturbed, own=own, kind=p.reward, trained=trained)
            for alone in own_drops(report)
            for each in varied(alone, p.variety, rng)
        ]

    # --- checkpoints --------------------------------------------------------------------------------------------------

    def checkpoint(self) -> bytes:
        """Everything the next epoch depends on, as safetensors."""
        groups = {"weight": self.weights, "average": self.average, "best": self._best}
        progress = [self.epoch, self._best_epoch, self._best_score]
        return checkpoints.packed(groups, self.weights, self._optimiser, self.parts, progress)

    def restore(self, checkpoint: bytes, curves: list[EpochCurves]) -> None:
        """Continue from a checkpoint of a training with the same drops, preset and seed.

        Raises:
            ModelError: the checkpoint is of another training, or damaged.
        """
        with checkpoint_tensors(checkpoint) as tensors:
            checkpoints.restore_weights(tensors, {"weight": self.weights, "average": self.average})
            self._best = {name: tensors[f"best/{name}"] for name in self.weights if name.startswith("policy.")}
            checkpoints.restore_answers(tensors, self.parts)
            epoch, best_epoch, self._best_score = tensors["progress"].tolist()
        restore_moments(tensors, self.weights, self._optimiser)
        self.epoch, self._best_epoch = int(epoch), int(best_epoch)
        self.curves = curves[: self.epoch]  # curves are written first: one more epoch may stand there


def normalisation_of(reports: Sequence[RadioReport]) -> Normalisation:
    """Statistics of all the drops of some batches, arrays (N, U, 1, K) each."""
    if len(reports) == 1:
        return Normalisation.of(reports[0])
    snr_db = np.concatenate([equal_power_snr_db(report).ravel() for report in reports])
    return Normalisation(float(snr_db.mean()), float(max(snr_db.std(), 1e-3)))
