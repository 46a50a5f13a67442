"""The learned belief: symmetries, and one network for numpy and torch."""

import numpy as np
import pytest
import torch

from oran.errors import ConfigError
from xapps.belief.network import Architecture, believe, features, forward, initialise

ARCHITECTURE = Architecture(width=8, reports=2)
WEIGHTS = initialise(ARCHITECTURE, np.random.default_rng(0))


def reports(rng, shape=(4, 1, 6)):
    return [rng.normal(-100.0, 8.0, shape) for _ in range(2)]


def test_permuting_ues_or_prbs_permutes_the_belief():
    history_db = reports(np.random.default_rng(1))
    ues, prbs = np.array([2, 0, 3, 1]), np.array([5, 3, 0, 1, 4, 2])
    belief = believe(ARCHITECTURE, WEIGHTS, history_db)
    moved = believe(ARCHITECTURE, WEIGHTS, [gain_db[ues][..., prbs] for gain_db in history_db])
    assert moved.known == pytest.approx(belief.known[ues][..., prbs], rel=1e-4)
    assert moved.diffuse == pytest.approx(belief.diffuse[ues][..., prbs], rel=1e-4)


def test_a_stronger_link_is_believed_to_be_stronger_by_as_much():
    history_db = reports(np.random.default_rng(2))
    belief = believe(ARCHITECTURE, WEIGHTS, history_db)
    louder = believe(ARCHITECTURE, WEIGHTS, [gain_db + 20.0 for gain_db in history_db])
    assert louder.mean == pytest.approx(100.0 * belief.mean, rel=1e-3)


def test_numpy_and_torch_agree():
    x = features(ARCHITECTURE, reports(np.random.default_rng(3)))
    of_torch = forward({name: torch.from_numpy(w) for name, w in WEIGHTS.items()}, torch.from_numpy(x))
    for one, other in zip(forward(WEIGHTS, x), of_torch, strict=True):
        assert one == pytest.approx(other.numpy(), abs=1e-4)


def test_a_report_that_is_not_there_is_marked():
    newest, older = reports(np.random.default_rng(4))
    alone, both = features(ARCHITECTURE, [newest]), features(ARCHITECTURE, [newest, older])
    assert (alone[..., 5] == 0.0).all()
    assert (both[..., 5] == 1.0).all()
    assert (alone[..., :3] == both[..., :3]).all()


def test_an_unknown_field_is_refused():
    with pytest.raises(ConfigError):
        Architecture.from_dict({"depth": 3})
