"""The paper's own measures of a model (section 5.3.4, Table 6, Fig. 6b), and what they give to answers without content.

They judge the heads, not the allocation: a power vector that is nearly constant has a cosine near one whatever is
predicted, and an indicator that is mostly zero is rarely wrong when it is always zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from e2sim import scenario as scenarios
from oran.errors import ModelRejected
from rapp import datasets
from rapp.datasets import Dataset
from rapp.figures.tables import Plan
from xapps.runtime.model_file import ModelFile
from xapps.ssvae.batches import drops
from xapps.ssvae.policy import SsvaePolicy

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Agreement with the exact solver's labels."""

    mae: float
    """Mean absolute error of each PRB's power as a share of the cap."""
    r2: float
    """Coefficient of determination of the same."""
    cosine: float
    """Mean cosine similarity of the drops' power vectors."""
    binary_error: float
    """Share of wrong (UE, PRB) indicators: |beta - beta_exact| / number of them (Fig. 6b)."""
    owner: float | None
    """Share of PRBs whose owner is the label's; None where it was not published."""

    def cells(self) -> str:
        owner = "–" if self.owner is None else f"{self.owner:.1%}"
        return f"{self.mae:.4f} | {self.r2:.3f} | {self.cosine:.4f} | {self.binary_error:.2%} | {owner}"


def accuracy(model: ModelFile, dataset: Dataset) -> Accuracy:
    """A model's heads against a data set's labels.

    Raises:
        ModelRejected: the model is no SS-VAE.
    """
    if model.manifest.allocator != "ssvae":
        raise ModelRejected(f"{model.manifest.name}: only SS-VAE has the heads that Table 6 judges")
    policy = SsvaePolicy.from_model(model)
    heads = [policy.heads(policy.observe(drop)) for drop in drops(dataset.report)]
    scores = np.stack([head.owner[0] for head in heads]).astype(np.float64)  # (N, U, R, K)
    share = np.exp(scores - scores.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    power = (share * expit(np.stack([head.power[0] for head in heads]))).sum(axis=1)
    return compare(power, scores.argmax(axis=1), dataset)


def trivial(dataset: Dataset) -> dict[str, Accuracy]:
    """Answers without content: the mean power everywhere with nobody, or with one UE, on every PRB."""
    power = np.full(dataset.label.power_w.shape, _label_power(dataset).mean())
    nobody = np.full(dataset.label.prb_owner.shape, -1)
    return {
        "*constant power, nobody served*": compare(power, nobody, dataset),
        "*constant power, the first UE on every PRB*": compare(power, nobody * 0, dataset),
    }


def compare(power: Array, owner: NDArray[np.integer], dataset: Dataset) -> Accuracy:
    """Predicted powers (shares of the cap) and owners, shape (N, R, K), against the labels."""
    label, true_owner = _label_power(dataset), dataset.label.prb_owner
    wrong = owner != true_owner
    flips = (wrong & (owner >= 0)).sum() + (wrong & (true_owner >= 0)).sum()
    flat, truth = power.reshape(len(power), -1), label.reshape(len(label), -1)
    norms = np.linalg.norm(flat, axis=1) * np.linalg.norm(truth, axis=1)
    return Accuracy(
        mae=float(np.abs(power - label).mean()),
        r2=float(1.0 - ((power - label) ** 2).sum() / ((label - label.mean()) ** 2).sum()),
        cosine=float(((flat * truth).sum(axis=1) / np.maximum(norms, 1e-12)).mean()),
        binary_error=float(flips / (owner.size * dataset.report.num_ues)),
        owner=float((~wrong)[true_owner >= 0].mean()),
    )


def _label_power(dataset: Dataset) -> Array:
    return dataset.label.power_w / dataset.report.prb_power_cap_w


def held_out_labels(plan: Plan, scenario_name: str, labels_by: str) -> Dataset:
    """Labelled drops that no training sees, kept in the plan's folder."""
    described = datasets.describe(scenarios.load(scenario_name), seed=1, num_drops=plan.held_out, labels_by=labels_by)
    return datasets.build(plan.root / f"{scenario_name}-held-out-{labels_by}-{plan.held_out}", described)
