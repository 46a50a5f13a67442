"""Small cells, and a model that was trained in them for a few seconds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from oran.e2sm.rrm import RadioReport
from xapps.diffusion_ql.learner import DiffusionQlLearner
from xapps.diffusion_ql.presets import Preset, preset
from xapps.runtime.model_file import ModelFile
from xapps.runtime.trained_model import TrainedModel

MakeReport = Callable[..., RadioReport]


@pytest.fixture(scope="session")
def make_report() -> MakeReport:
    def make(n: int | None = None, ues: int = 4, rus: int = 1, prbs: int = 6, seed: int = 0, **fields) -> RadioReport:
        rng = np.random.default_rng(seed)
        lead = () if n is None else (n,)
        fading_db = 10 * np.log10(rng.exponential(size=(*lead, ues, rus, prbs)))
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
            "gain_db": -90.0 + rng.normal(0, 8, (*lead, ues, rus, 1)) + fading_db,
        }
        return RadioReport(**(values | fields))

    return make


@pytest.fixture(scope="session")
def short() -> Preset:
    narrow = {"width": 8, "denoiser_width": 8, "critic_width": 8, "epochs": 3, "own_answers": 1, "perturbed": 1}
    return preset("demo").with_changes(narrow | {"behaviours": ["random", "random-repaired"]})


@pytest.fixture(scope="session")
def drops(make_report) -> RadioReport:
    return make_report(n=60)


@pytest.fixture(scope="session")
def whole(drops, short) -> DiffusionQlLearner:
    """A training that went to its end in one go."""
    return finished(DiffusionQlLearner(drops, short, seed=0))


def finished(learner: DiffusionQlLearner) -> DiffusionQlLearner:
    while not learner.done:
        learner.run_epoch()
    return learner


@pytest.fixture(scope="session")
def as_model() -> Callable[..., ModelFile]:
    def pack(trained: TrainedModel, **changes) -> ModelFile:
        fields = {"architecture": trained.architecture, "normalisation": trained.normalisation} | changes
        return ModelFile.pack(trained.weights, name="diffusion-ql", allocator="diffusion-ql", **fields)

    return pack


@pytest.fixture(scope="session")
def model(whole, as_model) -> ModelFile:
    return as_model(whole.result())
