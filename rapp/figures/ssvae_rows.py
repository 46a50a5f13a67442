"""The rows of SS-VAE's tables: which network, trained with what, on how many labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import RadioReport
from rapp.figures.accuracy import Accuracy
from rapp.figures.diffusion_ql_rows import ScoreAllocator
from rapp.figures.tables import Plan, Variant
from xapps.runtime.contracts import Allocator
from xapps.ssvae import prior

PAPER_TABLE_6 = Accuracy(mae=0.0921, r2=0.7680, cosine=0.9880, binary_error=0.047, owner=None)

BEST_OF_8: dict[str, Any] = {"candidates": 8, "spread": 6.0, "physics": False}
MEAN: dict[str, Any] = {"candidates": 1, "physics": False}
PHYSICS: dict[str, Any] = {"physics": True}
"""What physics alone says, as one more candidate."""
UNSUPERVISED_OFF = {"unlabelled_batch_size": 0, "contrastive_weight": 0.0}
VAE_OFF = {"vae_weight": 0.0}
WIDE_LATENT = {"latent": 256}

MATCHED = Variant(title="SS-VAE equivariant, matching decode", decoding=MEAN)
ARCHITECTURES = (
    Variant(title="SS-VAE equivariant, best of 8 latents and the physics", decoding=BEST_OF_8 | PHYSICS),
    Variant(title="SS-VAE equivariant, latent's mean and the physics", decoding=MEAN | PHYSICS),
    Variant(title="SS-VAE equivariant, best of 16 latents", decoding=BEST_OF_8 | {"candidates": 16}),
    Variant(title="SS-VAE equivariant, best of 8 latents", decoding=BEST_OF_8),
    MATCHED,
    Variant(title="SS-VAE equivariant, argmax decode", decoding=MEAN | {"assignment": "argmax"}),
)
FLAT = (
    Variant(title="flat, latent of 20, matching decode", preset="flat", seeds=1),
    Variant(title="flat, latent of 20, argmax decode", preset="flat", decoding={"assignment": "argmax"}, seeds=1),
)
"""The paper's architecture with settings under which it learns, for one size of cell."""
FLAT_VARIANTS = (
    Variant(title="flat, latent of 256, matching decode", preset="flat", changes=WIDE_LATENT, seeds=1),
    Variant(title="as printed (Table 5), argmax decode", preset="paper", seeds=1),
)
"""Without the bottleneck of the latent; and with the settings of Table 5."""

ABLATION_LABELS = 500
"""Few enough that terms which learn from unlabelled drops have something to add."""


def ablations() -> tuple[Variant, ...]:
    """Rows without one term each, and one with the physics inside the scores instead of beside them."""
    left_out: dict[str, dict[str, Any]] = {
        "all terms": {},
        "without contrastive (26)": {"contrastive_weight": 0.0},
        "without VAE (23)": VAE_OFF,
        "without unlabelled drops": UNSUPERVISED_OFF,
        "labels alone": UNSUPERVISED_OFF | VAE_OFF,
        "without the decoder-aware loss": {"structured_weight": 0.0},
        "scores that start from the physics": {"prior": True},
    }
    return tuple(
        Variant(title=title, labels=ABLATION_LABELS, changes=epochs_for(ABLATION_LABELS) | changes)
        for title, changes in left_out.items()
    )


LABEL_COUNTS = (250, 500, 2000, 4000)
LABEL_EPOCHS = {250: 60, 500: 45, 2000: 25, 4000: 15}
"""Passes over so many labels: the fewer, the more, so that every row takes enough steps to settle."""


def epochs_for(labels: int) -> dict[str, int]:
    """The change of the preset that a row with so many labels makes; none where it is the preset's own."""
    return {} if LABEL_EPOCHS[labels] == 25 else {"epochs": LABEL_EPOCHS[labels]}


LABELS_ALONE = (250, 500)
"""Counts at which the unsupervised terms are also left out: where labels are few, they should show."""


def label_counts(plan: Plan) -> tuple[Variant, ...]:
    """Rows with fewer and fewer labels, with and without the unsupervised terms, up to what the plan learns from.

    One seed each, but for 2000 labels with all terms, whose runs are those of the comparison.
    """
    off = UNSUPERVISED_OFF | VAE_OFF
    return tuple(
        Variant(title=f"{count} labels, {kind}", labels=count, changes=epochs_for(count) | changes, seeds=seeds)
        for count in LABEL_COUNTS
        if count <= plan.labels
        for kind, changes, seeds in (("all terms", {}, 0 if count == 2000 else 1), ("labels alone", off, 1))
        if kind == "all terms" or count in LABELS_ALONE
    )


def unlearned() -> dict[str, Allocator]:
    """The row that says what of the others is learned: the same decoder, fed with physics alone."""
    return {"physics alone, same decoder": ScoreAllocator("physics", _physics)}


def _physics(report: RadioReport) -> NDArray[np.float64]:
    return prior.unlearned_scores(report).astype(np.float64)
