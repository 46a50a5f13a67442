"""Settings of a training: the paper's, corrected ones, and a short one for demonstrations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from oran.errors import ConfigError
from xapps.ssvae.decoder import Decoding
from xapps.training.settings import TrainingSettings, named


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset(TrainingSettings):
    """Settings of one training; defaults are those of "sane", but for the candidate by physics."""

    kind: Literal["equivariant", "flat"] = "equivariant"
    width: int = 32
    layers: int = 4
    latent: int = 20
    prior: bool = False
    """Owner scores start from the physics (:mod:`xapps.ssvae.prior`); the equivariant network's only."""
    epochs: int = 25
    batch_size: int = 16
    unlabelled_batch_size: int = 4
    """Unlabelled drops that go into each step's (23) and (26); 0 leaves them out."""
    learning_rate: float = 3e-3
    cosine_decay: bool = True
    """Lower the learning rate along half a cosine to zero over the epochs."""
    beta_1: float = 0.9
    beta_2: float = 0.999
    weight_decay: float = 1e-4
    """L2 weight: decoupled from the gradient (AdamW), or inside it where ``decoupled_decay`` is off."""
    decoupled_decay: bool = True
    dropout: float = 0.0
    supervised: Literal["likelihood", "squared"] = "likelihood"
    """Loss on the labels: cross-entropy for alpha and beta, or the squared error of (24) throughout."""
    structured_weight: float = 0.5
    """Weight of the decoder-aware loss on the labels, which the paper does not have."""
    power_weight: float = 1.0
    vae_weight: float = 0.1
    """Weight of (23); 0 also serves the latent's mean only, so that no noise is learned from."""
    kl_weight: float = 0.01
    contrastive_weight: float = 0.05
    """Weight of (26)."""
    temperature: float = 0.25
    """tau of (26), Table 5."""
    view_correlation: float = 0.9
    """Correlation of the fading of the two "similar" channels of (26) with the drawn one."""
    validation_share: float = 0.1
    threads: int = 1
    """torch threads; part of what one seed reproduces."""
    decoding: Decoding = field(default_factory=Decoding)
    """How the trained model decides; training itself does not depend on it."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "threads"):
            if getattr(self, name) < 1:
                raise ConfigError(name, getattr(self, name), "at least 1")
        if not 0.0 < self.validation_share < 1.0:
            raise ConfigError("validation_share", self.validation_share, "between 0 and 1")


PRESETS: dict[str, Preset] = {
    # Tables 5 and section 5.3 as printed. Weight decay 0.9 inside Adam's gradient and twenty layers with dropout and no
    # normalisation pull the network to a constant; kept so that this can be seen.
    "paper": Preset(
        kind="flat",
        width=256,
        layers=20,
        epochs=40,
        batch_size=128,
        unlabelled_batch_size=128,
        learning_rate=1e-3,
        cosine_decay=False,
        beta_1=0.99,
        beta_2=0.99,
        weight_decay=0.9,
        decoupled_decay=False,
        dropout=0.3,
        supervised="squared",
        structured_weight=0.0,
        vae_weight=1.0,
        kl_weight=1.0,
        contrastive_weight=1.0,
        validation_share=0.2,
        decoding=Decoding(assignment="argmax"),
    ),
    # The paper's flat network with settings under which it learns.
    "flat": Preset(
        kind="flat", width=512, layers=3, epochs=80, batch_size=64, unlabelled_batch_size=64, learning_rate=1e-3
    ),
    "sane": Preset(decoding=Decoding(physics=True)),
    # Several RUs: which RU serves whom is the network's, the rest is searched.
    "interfering": Preset(epochs=15, decoding=Decoding(assignment="sweep")),
    "demo": Preset(width=24, layers=3, epochs=30, batch_size=16, unlabelled_batch_size=4, learning_rate=4e-3),
}


def preset(name: str) -> Preset:
    """A preset by name.

    Raises:
        ConfigError: no such preset.
    """
    return named(PRESETS, name)
