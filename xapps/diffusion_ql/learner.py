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
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor
from torch.nn import functional

from oran.e2sm.rrm import RadioReport
from oran.errors import ConfigError, ModelError
from xapps.diffusion_ql import losses, network
from xapps.diffusion_ql.diffusion import Schedule
from xapps.diffusion_ql.experience import Experience, decoded_owners, gather
from xapps.diffusion_ql.presets import Preset, architecture_for
from xapps.diffusion_ql.sampling import answer_of, draw, pessimistic
from xapps.runtime.trained_model import TrainedModel
from xapps.ssvae.batches import num_drops, take
from xapps.ssvae.features import Normalisation, observe
from xapps.ssvae.learner import EpochCurves, torch_threads

Appraisal = tuple[dict[str, Tensor], network.State]
"""Weights of one member of the ensemble, and what it keeps of a batch of states."""

DRAWN_AT_ONCE = 64
"""Drops whose answers are drawn in one pass."""


class DiffusionQlLearner:
    """One training in progress.

    Args:
        report: drops of one RU, arrays (N, U, 1, K); the last few are held back for validation.
        preset: settings.
        seed: decides the initial weights, the behaviour policies' answers, every shuffle and every draw.
        extra: answers from elsewhere, such as the field, with as many UEs and PRBs as it may be; they join the drops.
    """

    def __init__(self, report: RadioReport, preset: Preset, *, seed: int, extra: Sequence[Experience] = ()) -> None:
        held_out = max(1, round(num_drops(report) * preset.validation_share))
        if num_drops(report) <= held_out:
            raise ConfigError("drops", num_drops(report), "training and validation need a drop each")
        if report.num_rus != 1:
            raise ConfigError("num_rus", report.num_rus, "Diffusion-QL learns in cells of one RU")
        self.preset = preset
        self.seed = seed
        self.epoch = 0
        self.curves: list[EpochCurves] = []
        rng = np.random.default_rng([seed, 0])
        self.normalisation = Normalisation.of(report)
        self.architecture = architecture_for(preset, report)
        self.schedule = Schedule.variance_preserving(preset.diffusion_steps)
        self.weights = {
            name: torch.from_numpy(values).requires_grad_()
            for name, values in network.initialise(self.architecture, rng).items()
        }
        self._average = {name: w.detach().clone() for name, w in self.weights.items()}
        self._best, self._best_epoch, self._best_score = self._average, 0, -math.inf
        self._optimiser = torch.optim.Adam(list(self.weights.values()), lr=preset.learning_rate)
        self.experience = self._gather(take(report, slice(0, -held_out)), preset.perturbed, rng)
        self._validation = self._gather(take(report, slice(-held_out, None)), 0, rng)
        self._extra = tuple(extra)

    @property
    def num_epochs(self) -> int:
        return self.preset.epochs

    @property
    def done(self) -> bool:
        return self.epoch >= self.preset.epochs

    def run_epoch(self) -> EpochCurves:
        """One pass over the drops; returns and records what it measured."""
        with torch_threads(self.preset.threads):
            return self._run_epoch()

    def _run_epoch(self) -> EpochCurves:
        self.epoch += 1
        rng = np.random.default_rng([self.seed, self.epoch])
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        self._set_learning_rate()
        own = self._explore(generator)
        steps = [self._step(part, index, generator) for part, index in self._batches(rng)]
        curves = {name: float(np.mean([step[name] for step in steps])) for name in steps[0]}
        curves |= own | {"epoch": float(self.epoch), "validation_reward": self._validate()}
        self._keep_if_best(curves["validation_reward"])
        self.curves.append(curves)
        return curves

    def result(self) -> TrainedModel:
        """The averaged weights of the best epoch by the validation drops' reward."""
        return TrainedModel(
            weights=safetensors.save(self._best),
            architecture={"network": self.architecture.to_dict(), "sampling": self.preset.sampling.to_dict()},
            normalisation={
                "snr_mean_db": self.normalisation.snr_mean_db,
                "snr_std_db": self.normalisation.snr_std_db,
            },
            training={
                "preset": self.preset.to_dict(),
                "seed": self.seed,
                "drops": self.experience.size,
                "validation_drops": self._validation.size,
                "field_drops": sum(part.size for part in self._extra),
                "behaviour_rewards": dict(
                    zip(self.preset.behaviours, self.experience.reward.mean(axis=0).tolist(), strict=False)
                ),
                "best_epoch": self._best_epoch,
                "validation_reward": self._best_score,
            },
            curves=self.curves,
        )

    # --- own answers --------------------------------------------------------------------------------------------------

    def _explore(self, generator: torch.Generator) -> EpochCurves:
        """Let the averaged policy answer every drop anew and keep what its answers were worth, decoded and raw.

        The raw ones, every PRB to its favourite, are where guidance asks the critics.
        """
        count, worths = self.preset.own_answers, []
        if not count:
            return {}
        for index in _chunks(self.experience.size, DRAWN_AT_ONCE):
            logits = self._answers(self.experience, index, count, self.preset.exploration, generator)
            for position, drop in enumerate(index):
                decoded = decoded_owners(take(self.experience.report, int(drop)), logits[:, position])
                owner = np.concatenate([decoded, logits[:, position].argmax(axis=1)[:, 0]])
                worth = self.experience.judge(int(drop), owner)
                self.experience.keep(int(drop), owner, worth)
                worths.append(worth[: len(decoded)])
        return {"own_reward": float(np.mean(worths))}

    @torch.no_grad()
    def _answers(
        self, part: Experience, index: np.ndarray, count: int, temperature: float, generator: torch.Generator
    ) -> np.ndarray:
        """Log-odds of ``count`` answers to each drop, shape (count, N, U, 1, K)."""
        x = self._observe(take(part.report, index))
        policy = network.part(self._average, "policy")
        state = network.read(self.architecture, policy, x, torch)
        noise = temperature * torch.randn((count, *x.shape[:-1]), generator=generator)
        steps = self.preset.sampling.steps
        return draw(self.architecture, self.schedule, policy, state, noise, steps, torch).double().numpy()

    def _validate(self) -> float:
        """Mean reward of the averaged policy's first answer to drops that training does not see."""
        part = self._validation
        logits = self._answers(part, np.arange(part.size), 1, 0.0, torch.Generator())
        owners = [decoded_owners(take(part.report, i), logits[:, i]) for i in range(part.size)]
        return float(np.mean([part.judge(index, owner)[0] for index, owner in enumerate(owners)]))

    # --- a step -------------------------------------------------------------------------------------------------------

    def _batches(self, rng: np.random.Generator) -> Iterator[tuple[Experience, np.ndarray]]:
        """Shuffled batches of the drawn drops, and of those from the field."""
        batches = [
            (part, index)
            for part in (self.experience, *self._extra)
            for index in np.array_split(rng.permutation(part.size), math.ceil(part.size / self.preset.batch_size))
        ]
        return (batches[i] for i in rng.permutation(len(batches)))

    def _step(self, part: Experience, index: np.ndarray, generator: torch.Generator) -> EpochCurves:
        x = self._observe(take(part.report, index))
        owner = torch.from_numpy(part.owner[index].astype(np.int64))  # (N, M, K)
        reward = torch.from_numpy(part.reward[index].astype(np.float32))  # (N, M)
        appraisals = self._appraisals(self.weights, x)
        terms = {"critic": self._critic_loss(x, appraisals, owner, reward, generator)}
        terms |= self._policy_terms(x, appraisals, owner, reward, generator)
        p = self.preset
        loss = terms["critic"] + terms["denoising"] + p.guidance * terms.get("guidance", torch.zeros(()))
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.weights.values(), 1.0)
        self._optimiser.step()
        self._track_average()
        return {name: term.item() for name, term in terms.items()}

    def _critic_loss(
        self, x: Tensor, appraisals: list[Appraisal], owner: Tensor, reward: Tensor, generator: torch.Generator
    ) -> Tensor:
        share = functional.one_hot(owner, x.shape[-4]).permute(1, 0, 3, 2)[..., None, :].float()  # (M, N, U, 1, K)
        wanted = losses.target(reward.T, self.preset.discount, self._next_value(x, generator))
        return losses.regression(self._values(appraisals, share), wanted, self.preset.critic_sharpness)

    @torch.no_grad()
    def _next_value(self, x: Tensor, generator: torch.Generator) -> Tensor | None:
        """Pessimistic value of the averaged policy in the drop that follows, shape (N,): drops follow each other at
        random, so that is any other of the batch."""
        if not self.preset.discount:
            return None
        following = x.roll(1, dims=0)
        policy = network.part(self._average, "policy")
        state = network.read(self.architecture, policy, following, torch)
        noise = torch.randn(following.shape[:-1], generator=generator)
        logits = draw(self.architecture, self.schedule, policy, state, noise, self.preset.sampling.steps, torch)
        share = network.shares(logits, torch)
        return pessimistic(
            self._values(self._appraisals(self._average, following), share), self.preset.pessimism, torch
        )

    def _policy_terms(
        self, x: Tensor, appraisals: list[Appraisal], owner: Tensor, reward: Tensor, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Behaviour term and Q guidance at random steps of the forward process.

        The critic values the denoiser's estimate of x_0, not the end of a chain (Kang et al. 2023, arXiv:2305.20081):
        one pass instead of T.
        """
        p, a = self.preset, self.architecture
        chance = losses.preference(reward, p.behaviour_temperature)
        chosen = torch.multinomial(chance, p.answers, replacement=True, generator=generator)  # (N, A)
        answer = owner.gather(1, chosen[..., None].expand(-1, -1, owner.shape[-1])).transpose(0, 1)  # (A, N, K)
        x_0 = answer_of(functional.one_hot(answer, x.shape[-4]).transpose(-1, -2)[..., None, :].float())
        t = torch.randint(1, a.steps + 1, answer.shape[:2], generator=generator)
        kept = torch.from_numpy(self.schedule.kept.astype(np.float32))[t][..., None, None, None]
        noise = torch.randn(x_0.shape, generator=generator)
        policy = network.part(self.weights, "policy")
        state = network.read(a, policy, x, torch)
        logits = network.denoise(a, policy, state, self.schedule.noised(x_0, noise, kept), t, torch)
        terms = {"denoising": losses.denoising(logits[..., 0, :], answer, p.denoising)}
        if p.guidance:
            frozen = [(_detached(critic), _detached(state)) for critic, state in appraisals]
            values = self._values(frozen, losses.straight_through(network.shares(logits, torch)))
            terms["guidance"] = losses.guidance(pessimistic(values, p.pessimism, torch))
        return terms

    def _appraisals(self, weights: Mapping[str, Tensor], x: Tensor) -> list[Appraisal]:
        """What every member of the ensemble keeps of the states ``x``."""
        members = [network.part(weights, f"critic.{member}") for member in range(self.architecture.critics)]
        return [(critic, network.appraise(self.architecture, critic, x, torch)) for critic in members]

    def _values(self, appraisals: list[Appraisal], share: Tensor) -> list[Tensor]:
        """Q of shares (..., N, U, 1, K) by every member of the ensemble."""
        return [network.value(self.architecture, critic, state, share, torch) for critic, state in appraisals]

    def _track_average(self) -> None:
        decay = min(self.preset.averaging, (1.0 + self._steps_done()) / (10.0 + self._steps_done()))
        with torch.no_grad():
            for name, w in self.weights.items():
                self._average[name].lerp_(w, 1.0 - decay)

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
            self._best = {name: w.clone() for name, w in self._average.items()}

    def _observe(self, report: RadioReport) -> Tensor:
        return torch.from_numpy(observe(report, self.normalisation, self.architecture.slices))

    def _gather(self, report: RadioReport, perturbed: int, rng: np.random.Generator) -> Experience:
        p = self.preset
        own = 1 + 2 * p.own_answers if p.own_answers else 0
        return gather(report, p.behaviours, rng, perturbed=perturbed, own=own, kind=p.reward)

    # --- checkpoints --------------------------------------------------------------------------------------------------

    def checkpoint(self) -> bytes:
        """Everything the next epoch depends on, as safetensors."""
        tensors = {f"weight/{name}": w.detach() for name, w in self.weights.items()}
        tensors |= {f"average/{name}": w for name, w in self._average.items()}
        tensors |= {f"best/{name}": w for name, w in self._best.items()}
        for name, w in self.weights.items():
            moments = self._optimiser.state.get(w, {})
            tensors |= {f"moment/{name}/{key}": torch.as_tensor(value) for key, value in moments.items()}
        tensors["answers/owner"] = torch.from_numpy(self.experience.owner)
        tensors["answers/reward"] = torch.from_numpy(self.experience.reward)
        tensors["progress"] = torch.tensor([self.epoch, self._best_epoch, self._best_score], dtype=torch.float64)
        return safetensors.save({name: tensor.contiguous().clone() for name, tensor in tensors.items()})

    def restore(self, checkpoint: bytes, curves: list[EpochCurves]) -> None:
        """Continue from a checkpoint of a training with the same drops, preset and seed.

        Raises:
            ModelError: the checkpoint is of another training, or damaged.
        """
        try:
            tensors = safetensors.load(checkpoint)
            self._require_weights(tensors)
            with torch.no_grad():
                for name, w in self.weights.items():
                    w.copy_(tensors[f"weight/{name}"])
                    self._average[name].copy_(tensors[f"average/{name}"])
            self._best = {name: tensors[f"best/{name}"] for name in self.weights}
            self._restore_answers(tensors["answers/owner"].numpy(), tensors["answers/reward"].numpy())
            epoch, best_epoch, self._best_score = tensors["progress"].tolist()
        except (KeyError, RuntimeError, ValueError, SafetensorError) as error:
            raise ModelError(f"the checkpoint is damaged or of another training: {error}") from error
        self._restore_moments(tensors)
        self.epoch, self._best_epoch = int(epoch), int(best_epoch)
        self.curves = curves[: self.epoch]  # curves are written first: one more epoch may stand there

    def _require_weights(self, tensors: Mapping[str, Tensor]) -> None:
        found = {name.removeprefix("weight/") for name in tensors if name.startswith("weight/")}
        if odd := sorted(found ^ self.weights.keys()):
            raise ValueError(f"weights missing or superfluous: {', '.join(odd[:5])}")

    def _restore_answers(self, owner: np.ndarray, reward: np.ndarray) -> None:
        if owner.shape != self.experience.owner.shape or reward.shape != self.experience.reward.shape:
            raise ValueError(f"answers of shape {owner.shape}, expected {self.experience.owner.shape}")
        self.experience.owner, self.experience.reward = owner.copy(), reward.copy()

    def _restore_moments(self, tensors: dict[str, Tensor]) -> None:
        for name, w in self.weights.items():
            prefix = f"moment/{name}/"
            moments = {key.removeprefix(prefix): tensors[key] for key in tensors if key.startswith(prefix)}
            if moments:
                self._optimiser.state[w] = moments


def _detached(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach() for name, tensor in tensors.items()}


def _chunks(count: int, size: int) -> Iterator[np.ndarray]:
    for start in range(0, count, size):
        yield np.arange(start, min(start + size, count))
