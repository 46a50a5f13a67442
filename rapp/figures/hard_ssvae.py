"""SS-VAE trained for what is hard: imperfect reports with labels on the true channel, and interfering RUs.

On imperfect reports its labels are the decisions of matching that was told the true channel; with interfering RUs those
of a search that tries every change of RU.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from oran.e2sm.rrm import Allocation, RadioReport
from rapp.draws import Stream, generator
from rapp.figures import hard_cells, hard_channel, tables
from rapp.figures.hard_channel import Decide
from rapp.figures.ssvae_rows import MEAN
from rapp.figures.tables import Plan, Variant
from rapp.files import write_atomically
from xapps.belief.policy import BeliefPolicy
from xapps.belief.robust import Robust
from xapps.classic.cell import Cell
from xapps.classic.matching import MatchingAllocator
from xapps.coordination.field import Field, allocation
from xapps.coordination.search import Effort, search, start_from
from xapps.runtime.model_file import Manifest, ModelFile, digest
from xapps.ssvae.batches import TrainingSet, drops, stack, take
from xapps.ssvae.decoder import Decoding, assignments
from xapps.ssvae.learner import train
from xapps.ssvae.policy import SsvaePolicy
from xapps.ssvae.presets import preset

LABELS_OF_A_CAUSE = 300
"""Drops of each cause that the network for imperfect reports learns from; one network for all causes."""
IMPERFECT_EPOCHS = 12

LABELS_BY = "sweep-all-changes"
INTERFERING = Variant(title="SS-VAE, interfering", labels=2000, changes={"epochs": 15}, decoding=MEAN)
"""The network for interfering RUs; three slices it has never seen."""


def with_margins(policy: SsvaePolicy, belief: BeliefPolicy) -> Decide:
    """The robust decision over assignments that SS-VAE's scores lead to, under the learned belief."""
    robust = Robust()

    def decide(report: RadioReport, _: list[NDArray[np.float64]]) -> Allocation:
        scores = policy.candidates(report)[1][:, :, 0]

        def propose(cell: Cell) -> NDArray[np.integer]:
            limits = (cell.min_rate_bps_hz, cell.budget_w, cell.cap_w)
            return assignments(scores, cell.gain_per_w, *limits, "matching")

        return robust.decide(report, belief.belief_after(report), propose)

    return decide


def trained_on_reports(root: Path, seed: int) -> SsvaePolicy:
    """SS-VAE for imperfect reports of every cause, labels on the true channel; kept."""
    settings = preset("sane").with_changes({"epochs": IMPERFECT_EPOCHS, "decoding": Decoding()})
    folder = root / f"ssvae-reports-{LABELS_OF_A_CAUSE}-{IMPERFECT_EPOCHS}-{seed}"
    if not (folder / "model.json").exists():
        first, *more = [_labelled_reports(cause, LABELS_OF_A_CAUSE) for cause in hard_channel.CAUSES]
        start_s = time.process_time()
        found = train(replace(first, more=tuple(more)), settings, seed=seed)
        spent = {"cpu_seconds": round(time.process_time() - start_s, 1)}
        manifest = Manifest(
            name="ssvae-reports",
            allocator="ssvae",
            sha256=digest(found.weights),
            architecture=found.architecture,
            normalisation=found.normalisation,
            training=found.training | spent,
        )
        _keep(folder, ModelFile(manifest, found.weights))
    return SsvaePolicy.from_model(_kept(folder))


def _labelled_reports(cause: str, num_drops: int) -> TrainingSet:
    """Drops as they are reported, with the decisions of matching on what is true; as many unlabelled ones."""
    seen = hard_channel.drawn(hard_channel.scenario_of(cause), generator(Stream.LABELLED, 1), num_drops)
    truth = replace(seen.report, gain_db=seen.simulator.true_gain_db)
    matching = MatchingAllocator()
    labels = stack([matching.decide(drop) for drop in drops(truth)])
    other = hard_channel.drawn(hard_channel.scenario_of(cause), generator(Stream.UNLABELLED, 1), num_drops).report
    return TrainingSet(take(seen.report, slice(None)), labels, take(other, slice(None)))


def _keep(folder: Path, model: ModelFile) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with write_atomically(folder / "weights.safetensors") as file:
        file.write(model.weights)
    with write_atomically(folder / "model.json") as file:
        file.write(model.manifest.model_dump_json(indent=1).encode())


def _kept(folder: Path) -> ModelFile:
    return ModelFile.parse((folder / "model.json").read_text(), (folder / "weights.safetensors").read_bytes()).verify()


class Polished:
    """A search that starts from what SS-VAE decides.

    Args:
        policy: decides first.
        effort: of the search.
    """

    name = "ssvae-polished"

    def __init__(self, policy: SsvaePolicy, effort: Effort) -> None:
        self._policy = policy
        self._effort = effort

    def decide(self, report: RadioReport) -> Allocation:
        first = self._policy.decide(report)
        field = Field.of(report, first.serving_ru[None].astype(np.intp))
        state = start_from(field, first)
        search(field, state, self._effort)
        return allocation(report, field, state, 0, 0)


def trained_on_interference(plan: Plan, seed: int) -> SsvaePolicy:
    """SS-VAE for three interfering RUs."""
    labelled = replace(plan, labels_by=LABELS_BY, pool=INTERFERING.labels, workers=1)
    return SsvaePolicy.from_model(tables.trained(labelled, hard_cells.scenario_of("interfering"), INTERFERING, seed))
