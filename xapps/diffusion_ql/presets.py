"""Settings of a training: the paper's, corrected ones with and without a prior, and short ones for demonstrations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from oran.e2sm.rrm import RadioReport
from oran.errors import ConfigError
from xapps.diffusion_ql.network import Architecture
from xapps.diffusion_ql.reward import Kind
from xapps.diffusion_ql.sampling import Pessimism, Sampling
from xapps.diffusion_ql.variety import Variety
from xapps.training.settings import TrainingSettings, named


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset(TrainingSettings):
    """Settings of one training; defaults are those of "sane"."""

    readers: ClassVar[Mapping[str, Callable[[Any], Any]]] = {
        "behaviours": tuple,
        "sampling": lambda value: Sampling.from_dict(dict(value)),
        "variety": lambda value: Variety.from_dict(dict(value)),
    }

    kind: Literal["equivariant", "flat"] = "equivariant"
    width: int = 32
    layers: int = 2
    denoiser_width: int = 16
    denoiser_layers: int = 1
    critic_width: int = 24
    critic_layers: int = 2
    critics: int = 2
    prior: bool = True
    """Log-odds start from the physics (:mod:`xapps.ssvae.prior`); the equivariant network's only."""
    diffusion_steps: int = 20
    """T, Table I."""
    drops: int = 400
    """States; with several answers each."""
    variety: Variety = field(default_factory=Variety)
    """Loads, powers and noise of the cells that are learned from."""
    epochs: int = 6
    """Passes over the drops."""
    batch_size: int = 8
    """Drops in a step."""
    answers: int = 2
    """Answers denoised a drop and step."""
    learning_rate: float = 1e-3
    cosine_decay: bool = True
    """Lower the learning rate along half a cosine to zero over the epochs."""
    discount: float = 0.0
    """gamma: 0 where drops are independent, so that no decision touches the next state; Table I: 0.98."""
    denoising: Literal["likelihood", "squared", "ranking"] = "ranking"
    """Behaviour term: cross-entropy of each owner, squared error of x_0, or of the answer among the drop's answers."""
    behaviour_temperature: float = 0.003
    """Answers are denoised in proportion to exp(reward / this); 0: all alike, the paper's plain behaviour term."""
    guidance: float = 0.0
    """eta: weight of Q, normalised by its mean absolute value; 0 leaves the critics to choose among candidates."""
    reward: Kind = "polished"
    critic_sharpness: float = 0.2
    """Distance below a drop's best answer at which the critics' error counts 1 / e; 0: all answers count alike."""
    pessimism: Pessimism = "min"
    behaviours: tuple[str, ...] = ("random", "random-repaired", "greedy")
    perturbed: int = 1
    """Answers a drop that are the greedy policy's with some PRBs in other hands."""
    own_answers: int = 3
    """Answers a drop that the learning policy adds every epoch; 0 learns from the behaviour policies alone."""
    exploration: float = 1.0
    """Standard deviation of the noise that those start from."""
    daring: float = 0.5
    """Scale of the Gumbel noise on their log-odds: 1 draws every owner by its odds."""
    averaging: float = 0.99
    """Decay of the moving average of the weights, which draws answers, sets targets and is served."""
    validation_share: float = 0.1
    threads: int = 1
    """torch threads; part of what one seed reproduces."""
    sampling: Sampling = field(default_factory=lambda: Sampling(steps=1))
    """How the trained model answers."""

    def __post_init__(self) -> None:
        for name in ("drops", "epochs", "batch_size", "answers", "threads"):
            if getattr(self, name) < 1:
                raise ConfigError(name, getattr(self, name), "at least 1")
        if not 0.0 < self.validation_share < 1.0:
            raise ConfigError("validation_share", self.validation_share, "between 0 and 1")
        if not 0.0 <= self.discount < 1.0:
            raise ConfigError("discount", self.discount, "0 to below 1")
        if self.sampling.steps > self.diffusion_steps:
            raise ConfigError("sampling", self.sampling.steps, f"at most {self.diffusion_steps} steps")

    @property
    def keeps_raw(self) -> bool:
        """Whether own answers are kept undecoded as well: guidance asks the critics there. Ranking compares answers
        that were decoded, as the raw ones lack what the decoder does for all of them."""
        return self.guidance > 0.0 and self.denoising != "ranking"


PRESETS: dict[str, Preset] = {
    # Table I as printed: a flat network of 16 layers of 128, twenty steps, discount .98 over drops that no decision
    # touches, the printed reward; 2000 episodes of 100 steps are cut to what a CPU does in minutes.
    "paper": Preset(
        kind="flat",
        prior=False,
        width=128,
        layers=16,
        drops=600,
        epochs=10,
        batch_size=128,
        answers=1,
        learning_rate=6e-4,
        cosine_decay=False,
        discount=0.98,
        denoising="squared",
        behaviour_temperature=0.0,
        guidance=1.0,
        reward="printed",
        critic_sharpness=0.0,
        own_answers=0,
        perturbed=3,
        validation_share=0.05,
        sampling=Sampling(steps=20),
    ),
    "sane": Preset(),
    # Everything by itself: no prior, owners imitated one by one, and the push of the critics.
    "plain": Preset(
        prior=False,
        drops=600,
        learning_rate=3e-3,
        denoising="likelihood",
        behaviour_temperature=0.01,
        guidance=0.1,
        perturbed=3,
        own_answers=1,
        daring=0.0,
        validation_share=0.05,
        sampling=Sampling(steps=5),
    ),
    "demo": Preset(width=16, denoiser_width=12, critic_width=12, drops=200, epochs=4),
}


def preset(name: str) -> Preset:
    """A preset by name.

    Raises:
        ConfigError: no such preset.
    """
    return named(PRESETS, name)


def architecture_for(preset: Preset, report: RadioReport) -> Architecture:
    """The networks that a preset means on drops like ``report``, shape (N, U, R, K).

    Raises:
        ConfigError: a flat network, which has a size, for RUs whose numbers of UEs differ.
    """
    flat = preset.kind == "flat"
    if flat and report.num_rus > 1:
        raise ConfigError("num_rus", report.num_rus, "the flat network is for one RU")
    return Architecture(
        kind=preset.kind,
        width=preset.width,
        layers=preset.layers,
        denoiser_width=preset.denoiser_width,
        denoiser_layers=preset.denoiser_layers,
        critic_width=preset.critic_width,
        critic_layers=preset.critic_layers,
        critics=preset.critics,
        prior=preset.prior,
        steps=preset.diffusion_steps,
        slices=max(len(report.slice_names), int(report.slice_ids.max()) + 1),
        ues=report.num_ues if flat else 0,
        prbs=np.asarray(report.gain_db).shape[-1] if flat else 0,
    )
