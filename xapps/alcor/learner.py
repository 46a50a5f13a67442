"""The learning half of ALCOR: unsupervised ascent on the sum rate itself (paper 5, eqs 3 and 4).

An epoch is a pure function of (weights, optimiser state, seed, epoch number), so a training that was cut continues from
its checkpoint with the very numbers it would have had. The reward of a sample is its weighted sum rate over that of its
best pair, so that few and many users, light and heavy weights count alike.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors import numpy as safetensors_numpy
from safetensors import torch as safetensors
from torch import Tensor

from oran.errors import ModelError
from xapps.alcor import graph
from xapps.alcor.channels import draw_snr
from xapps.alcor.presets import Preset
from xapps.alcor.trainable import Trainable, sum_rate, trainable
from xapps.runtime.trained_model import TrainedModel

ALIVE = 0.5
"""A user counts as on where his share is above this."""
SAMPLE = 4096
"""Channels that folded statistics are taken from."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """One step's sample."""

    snr: Tensor
    """Shape (B, N, N)."""
    weight: Tensor
    """Shape (B, N)."""
    active: Tensor
    """xi, shape (B, N)."""


class AlcorLearner:
    """Trains one policy.

    Args:
        preset: what and how.
        seed: of weights and samples.
    """

    def __init__(self, preset: Preset, *, seed: int) -> None:
        torch.set_num_threads(preset.threads)
        self.preset, self.seed = preset, seed
        self.epoch = 0
        self.curves: list[dict[str, float]] = []
        self._policy: Trainable = trainable(preset)
        start = self._policy.initialise(np.random.default_rng([seed, 0]))
        self._w = {name: torch.tensor(value, requires_grad=True) for name, value in start.items()}
        self._optimiser = torch.optim.Adam(list(self._w.values()), lr=preset.learning_rate)

    @property
    def num_epochs(self) -> int:
        return self.preset.epochs

    @property
    def done(self) -> bool:
        return self.epoch >= self.num_epochs

    def run_epoch(self) -> dict[str, float]:
        """One epoch; returns its row of the curves: mean reward, share of users ever on, mean share of power."""
        rng = np.random.default_rng([self.seed, 1 + self.epoch])
        rewards, on = [], np.zeros(max(self.preset.users), bool)
        for step in range(self.preset.steps_per_epoch):
            batch = self._draw(rng)
            reward, alive = self._step(batch, self.epoch * self.preset.steps_per_epoch + step)
            rewards.append(reward)
            on[: len(alive)] |= alive
        self.epoch += 1
        self.curves.append({"reward": float(np.mean(rewards)), "alive": float(on.mean())})
        return self.curves[-1]

    def result(self) -> TrainedModel:
        """The policy as it is served."""
        rng = np.random.default_rng([self.seed, 1 + self.num_epochs])
        sample = self._draw(rng, SAMPLE if self.preset.kind == "perceptron" else 1)
        with torch.no_grad():
            weights = self._policy.served(self._w, sample.snr, sample.active)
        training = {"preset": self.preset.to_dict(), "seed": self.seed, "epochs": self.epoch}
        return TrainedModel(
            weights=safetensors_numpy.save(weights),
            architecture=self._policy.architecture,
            normalisation={},  # inputs are free of scale
            training=training,
            curves=self.curves,
        )

    # --- checkpoints ------------------------------------------------------------------------------

    def checkpoint(self) -> bytes:
        """Weights, optimiser state and epoch."""
        tensors = {f"weight/{name}": value.detach().clone() for name, value in self._w.items()}
        for name, value in self._w.items():
            state = self._optimiser.state.get(value, {})
            tensors |= {f"{key}/{name}": torch.as_tensor(each).clone() for key, each in state.items()}
        return safetensors.save(tensors, {"epoch": json.dumps(self.epoch)})

    def restore(self, checkpoint: bytes, curves: list[dict[str, float]]) -> None:
        """Go on from a checkpoint.

        Raises:
            ModelError: it is damaged or of another network.
        """
        try:
            tensors = safetensors.load(checkpoint)
            epoch = _epoch_of(checkpoint)
            for name, value in self._w.items():
                value.data.copy_(tensors[f"weight/{name}"])
                if f"step/{name}" not in tensors:
                    continue  # a bias in front of a normalisation has no gradient, hence no state
                state = {key: tensors[f"{key}/{name}"] for key in ("step", "exp_avg", "exp_avg_sq")}
                self._optimiser.state[value] = state
        except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
            raise ModelError(f"checkpoint cannot be restored: {error}") from error
        self.epoch = epoch
        self.curves = list(curves[:epoch])

    # --- one step ---------------------------------------------------------------------------------

    def _draw(self, rng: np.random.Generator, batch: int | None = None) -> Batch:
        p = self.preset
        users = int(rng.choice(p.users))
        entering = min(users, p.candidates or users)
        size = batch or max(16, min(p.largest_batch, p.links_per_step // entering**2))
        snr = draw_snr(p.layout, rng, size, users)
        kappa = rng.choice(p.activity, (size, 1))
        active = rng.random((size, users)) < kappa
        heavy = (rng.random((size, users)) < 0.3) & (rng.random((size, 1)) < p.weighted_share)
        weight = 1.0 + heavy * rng.uniform(0.0, p.largest_weight - 1.0, (size, users))
        return Batch(*(torch.tensor(each, dtype=torch.float32) for each in (snr, weight, active)))

    def _step(self, batch: Batch, step: int) -> tuple[float, np.ndarray]:
        p = self.preset
        progress = step / (p.epochs * p.steps_per_epoch)
        for group in self._optimiser.param_groups:
            warm = min(1.0, (step + 1) / p.warm_up_steps)
            group["lr"] = p.learning_rate * warm * 0.5 * (1.0 + math.cos(math.pi * progress))
        slots = self._policy.slots(self._w, batch.snr, batch.weight, batch.active, progress)
        scale = graph.pair_rates(batch.snr, batch.weight, batch.active, torch)[0].amax((-2, -1)).clip(1.0)
        loss = torch.zeros(())
        for logit, counts in slots:
            reward = (sum_rate(batch.snr, _shares(logit, batch), batch.weight, batch.active) / scale).mean()
            loss = loss - counts * reward + (1.0 - progress) * p.logit_decay * logit.square().mean()
        share = _shares(slots[-1][0], batch)
        if p.liveness:
            loss = loss + p.liveness * (1.0 - progress) ** 2 * dead_user_barrier(share, batch.active)
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(list(self._w.values()), 1.0)
        self._optimiser.step()
        return float(reward.detach()), (share.detach() > ALIVE).any(0).numpy()


def dead_user_barrier(share: Tensor, active: Tensor) -> Tensor:
    """Mean over users of -log(mean power while active, relative to that of all users together), at least 0."""
    mean = (share * active).sum(0) / active.sum(0).clip(1.0) + 1e-6
    return -(torch.log(mean) - torch.log(mean.mean())).mean()


def _shares(logit: Tensor, batch: Batch) -> Tensor:
    return torch.sigmoid(logit) * batch.active


def _epoch_of(checkpoint: bytes) -> int:
    length = int.from_bytes(checkpoint[:8], "little")
    return int(json.loads(checkpoint[8 : 8 + length])["__metadata__"]["epoch"])
