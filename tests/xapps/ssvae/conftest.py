"""A toy radio whose optimum is known, and small networks for it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from oran.e2sm.rrm import Allocation, RadioReport
from xapps.runtime.model_file import Manifest, ModelFile, digest
from xapps.runtime.trained_model import TrainedModel
from xapps.ssvae.batches import TrainingSet

MakeReport = Callable[..., RadioReport]


@pytest.fixture(scope="session")
def make_report() -> MakeReport:
    def make(n: int | None = None, ues: int = 4, rus: int = 1, prbs: int = 6, seed: int = 0, **fields) -> RadioReport:
        rng = np.random.default_rng(seed)
        lead = () if n is None else (n,)
        gain_db = (
            -90.0
            + rng.normal(0, 8, (*lead, ues, rus, 1))
            + 10 * np.log10(rng.exponential(size=(*lead, ues, rus, prbs)))
        )
        values = {
            "report_id": 7,
            "slot": 0,
            "time_s": 0.0,
            "prb_bandwidth_hz": 180e3,
            "noise_w": 1e-12,
            "ru_power_budget_w": np.full(rus, 2.0),
            "prb_power_cap_w": 1.0,
            "ue_ids": np.broadcast_to(np.arange(100, 100 + ues), (*lead, ues)),
            "slice_ids": np.broadcast_to((np.arange(ues) % 2).astype(np.int32), (*lead, ues)),
            "weight": np.ones((*lead, ues)),
            "min_rate_bps_hz": np.ones((*lead, ues)),
            "max_delay_s": np.full((*lead, ues), np.inf),
            "slice_names": ("eMBB", "URLLC"),
            "gain_db": gain_db,
        }
        return RadioReport(**(values | fields))

    return make


@pytest.fixture(scope="session")
def toy(make_report) -> TrainingSet:
    """Every PRB belongs to the UE that hears it best: what a learner must at least find."""
    report, unlabelled = make_report(n=300), make_report(n=100, seed=1)
    owner = np.asarray(report.gain_db).argmax(axis=1).astype(np.int16)
    label = Allocation(np.asarray(report.ue_ids), np.zeros((300, 4), np.int16), owner, np.full(owner.shape, 0.3))
    return TrainingSet(report, label, unlabelled)


@pytest.fixture(scope="session")
def as_model() -> Callable[[TrainedModel], ModelFile]:
    def pack(trained: TrainedModel, **changes) -> ModelFile:
        fields = {
            "name": "ssvae",
            "allocator": "ssvae",
            "sha256": digest(trained.weights),
            "architecture": trained.architecture,
            "normalisation": trained.normalisation,
        }
        return ModelFile(Manifest(**(fields | changes)), trained.weights)

    return pack
