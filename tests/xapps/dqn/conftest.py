"""Small cells, and networks for them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from oran.e2sm.rrm import RadioReport
from xapps.dqn import assignment
from xapps.dqn.assignment import Problems
from xapps.dqn.learner import DqnLearner
from xapps.dqn.network import Architecture, initialise
from xapps.dqn.presets import preset
from xapps.runtime.model_file import ModelFile
from xapps.runtime.trained_model import TrainedModel

MakeReport = Callable[..., RadioReport]


def report_of(n: int | None = None, ues: int = 4, rus: int = 1, prbs: int = 6, seed: int = 0, **fields) -> RadioReport:
    rng = np.random.default_rng(seed)
    lead = () if n is None else (n,)
    near_db = -90.0 + rng.normal(0, 8, (*lead, ues, rus, 1))
    values = {
        "report_id": 7,
        "slot": 0,
        "time_s": 0.0,
        "prb_bandwidth_hz": 180e3,
        "noise_w": 1e-12,
        "ru_power_budget_w": np.full(rus, 2.0),
        "prb_power_cap_w": 1.0,
        "ue_ids": np.broadcast_to(np.arange(100, 100 + ues), (*lead, ues)),
        "slice_ids": np.zeros((*lead, ues), np.int32),
        "weight": np.ones((*lead, ues)),
        "min_rate_bps_hz": np.ones((*lead, ues)),
        "max_delay_s": np.full((*lead, ues), np.inf),
        "slice_names": ("eMBB",),
        "gain_db": near_db + 10 * np.log10(rng.exponential(size=(*lead, ues, rus, prbs))),
    }
    return RadioReport(**(values | fields))


def drawn(num_drops: int, *key: int, **fields) -> RadioReport:
    """A source of drops for a learner: two UEs, three PRBs."""
    seed = int(np.random.SeedSequence([number + 1 for number in key]).generate_state(1)[0])
    return report_of(num_drops, **({"ues": 2, "prbs": 3, "seed": seed} | fields))


@pytest.fixture(scope="session")
def make_report() -> MakeReport:
    return report_of


@pytest.fixture
def problems() -> Problems:
    """Twelve drops in which the minimum rates bind."""
    report = report_of(12, ues=4, prbs=6, min_rate_bps_hz=np.full((12, 4), 4.0), weight=np.ones((12, 4)))
    return assignment.of_drops(report, np.tile(assignment.LEVELS, 3))


@pytest.fixture(scope="session")
def fair() -> Architecture:
    return Architecture(kind="fair", width=8, layers=2)


@pytest.fixture(scope="session")
def weights(fair) -> dict[str, np.ndarray]:
    return {name: w + 0.1 for name, w in initialise(fair, np.random.default_rng(3)).items()}


def packed(trained: TrainedModel, **changes) -> ModelFile:
    fields = {"name": "dqn", "allocator": "dqn", "architecture": trained.architecture}
    return ModelFile.pack(trained.weights, **(fields | changes))


@pytest.fixture(scope="session")
def as_model() -> Callable[..., ModelFile]:
    return packed


@pytest.fixture(scope="session")
def fair_model() -> ModelFile:
    changes = {"epochs": 2, "episodes": 8, "updates": 4, "validation_drops": 4, "width": 8}
    return packed(_trained("demo", changes))


@pytest.fixture(scope="session")
def paper_model() -> ModelFile:
    return packed(_trained("paper", {"epochs": 1, "episodes": 2, "steps": 10, "validation_drops": 2, "width": 8}))


def _trained(name: str, changes: dict) -> TrainedModel:
    learner = DqnLearner(drawn, preset(name).with_changes(changes), seed=0)
    while not learner.done:
        learner.run_epoch()
    return learner.result()
