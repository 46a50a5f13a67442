"""Several RUs, each by itself: what one RU's report must say of the others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from e2sim.physics.constraints import violations
from xapps.classic.cell import cells, single_cell
from xapps.diffusion_ql.alone import own_drops, own_reports
from xapps.diffusion_ql.learner import DiffusionQlLearner
from xapps.diffusion_ql.policy import DiffusionQlPolicy, with_sampling
from xapps.ssvae.batches import take


def test_an_own_report_is_the_problem_that_classic_allocators_solve_for_that_ru(make_report):
    report = make_report(ues=9, rus=3, prbs=7)
    expected = {ru: cell for ru, cell in enumerate(cells(report)) if cell.num_ues}
    found = {ru: (ues, single_cell(own)) for ru, ues, own in own_reports(report)}
    assert found.keys() == expected.keys()
    for ru, (ues, cell) in found.items():
        np.testing.assert_array_equal(ues, expected[ru].ues)
        np.testing.assert_allclose(cell.gain_per_w, expected[ru].gain_per_w, rtol=1e-9)
        np.testing.assert_array_equal(cell.min_rate_bps_hz, expected[ru].min_rate_bps_hz)
        assert cell.budget_w == expected[ru].budget_w


def test_own_drops_are_the_own_reports_of_every_drop(make_report):
    report = make_report(n=12, ues=6, rus=2)
    alone = [own for index in range(12) for _, _, own in own_reports(take(report, index))]
    wanted = sorted((own.num_ues, float(np.asarray(own.gain_db).sum())) for own in alone)
    batches = own_drops(report)
    found = sorted((b.num_ues, float(each.sum())) for b in batches for each in np.asarray(b.gain_db))
    np.testing.assert_allclose(found, wanted)
    assert all(b.num_rus == 1 for b in batches)


def test_one_ru_is_left_alone(make_report):
    report = make_report(n=3)
    assert own_drops(report)[0] is report


def test_a_model_of_one_cell_serves_several_rus(model, make_report):
    for way in ({}, {"candidates": 4}, {"candidates": 4, "choose": "physics"}):
        policy = DiffusionQlPolicy.from_model(with_sampling(model, **way))
        for seed in range(4):
            report = make_report(ues=8, rus=3, prbs=6, seed=seed)
            allocation = policy.decide(report)
            assert violations(allocation, report) == []
            served = {int(ue) for ue in allocation.prb_owner.ravel() if ue >= 0}
            strongest = 10.0 ** (np.asarray(report.gain_db) / 10.0)
            for ru in range(3):
                for ue in allocation.prb_owner[ru][allocation.prb_owner[ru] >= 0]:
                    assert strongest[ue].mean(axis=-1).argmax() == ru
            assert served


def test_an_ru_without_users_is_silent(model, make_report):
    report = make_report(ues=3, rus=2)
    gain_db = np.asarray(report.gain_db).copy()
    gain_db[:, 1] = gain_db[:, 0] - 30.0
    allocation = DiffusionQlPolicy.from_model(model).decide(replace(report, gain_db=gain_db))
    assert (allocation.prb_owner[1] == -1).all()
    assert not allocation.power_w[1].any()


def test_learning_from_several_rus_ends_in_a_model_that_beats_what_it_imitates(make_report, short):
    learner = DiffusionQlLearner(make_report(n=40, ues=6, rus=2), short, seed=0)
    while not learner.done:
        learner.run_epoch()
    training = learner.result().training
    assert training["drops"] > 40  # most drops have a part an RU
    assert training["validation_reward"] > training["behaviour_rewards"]["random"]
