"""The loss terms: slow twins, and a bandit on which guidance must find the best arm."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from xapps.diffusion_ql import losses


def test_the_target_adds_the_discounted_least_value_of_the_ensemble():
    rng = np.random.default_rng(0)
    reward, members = rng.normal(size=(3, 5)), rng.normal(size=(2, 3, 5))
    found = losses.target(torch.from_numpy(reward), 0.98, torch.from_numpy(members).amin(dim=0))
    for m in range(3):
        for n in range(5):
            slow = reward[m, n] + 0.98 * min(members[0, m, n], members[1, m, n])
            assert found[m, n].item() == pytest.approx(slow, rel=1e-12)


def test_without_a_next_state_the_target_is_the_reward():
    reward = torch.tensor([[1.0, -2.0]])
    assert losses.target(reward, 0.0, None) is reward


def test_regression_counts_good_answers_more_and_absent_ones_not_at_all():
    wanted = torch.tensor([[1.0, 0.9], [0.5, -torch.inf]])
    value = torch.tensor([[0.8, 0.9], [0.9, 7.0]])
    for sharpness in (0.0, 0.1):
        slow, count = 0.0, 0
        for m, n in ((0, 0), (0, 1), (1, 0)):
            gap = float(wanted[m, n] - max(wanted[i, n] for i in range(2)))
            weight = 0.05 + 0.95 * math.exp(gap / sharpness) if sharpness else 1.0
            slow, count = slow + weight * float(value[m, n] - wanted[m, n]) ** 2, count + 1
        found = losses.regression([value, value], wanted, sharpness)
        assert found.item() == pytest.approx(2 * slow / count, rel=1e-5)


@pytest.mark.parametrize("kind", ["likelihood", "squared"])
def test_the_behaviour_term_is_least_where_the_shares_are_the_frequencies_of_the_owners(kind):
    owner = torch.tensor([[0], [0], [0], [1]])  # one PRB, seen four times
    logits = torch.zeros(2, 1, requires_grad=True)
    optimiser = torch.optim.Adam([logits], lr=0.1)
    for _ in range(300):
        optimiser.zero_grad()
        losses.denoising(logits.expand(4, 2, 1), owner, kind).backward()
        optimiser.step()
    assert logits.softmax(0)[0].item() == pytest.approx(0.75, abs=0.01)


def test_the_squared_behaviour_term_is_the_squared_error_of_the_answer():
    rng = np.random.default_rng(1)
    logits, owner = rng.normal(size=(3, 4, 5)), rng.integers(4, size=(3, 5))
    slow = 0.0
    for n in range(3):
        for k in range(5):
            odds = np.exp(logits[n, :, k])
            answer = 2.0 * odds / odds.sum() - 1.0
            slow += sum((answer[u] - (1.0 if owner[n, k] == u else -1.0)) ** 2 for u in range(4))
    found = losses.denoising(torch.from_numpy(logits), torch.from_numpy(owner), "squared")
    assert found.item() == pytest.approx(slow / (3 * 4 * 5), rel=1e-9)


def test_guidance_does_not_depend_on_the_scale_of_rewards():
    value = torch.tensor([1.0, 3.0, -0.5])
    assert losses.guidance(value).item() == pytest.approx(losses.guidance(1000.0 * value).item())
    assert losses.guidance(value).item() == pytest.approx(-3.5 / 4.5)


def test_guidance_finds_the_best_arm_of_a_bandit_where_imitation_stays_with_the_common_one():
    worth = torch.tensor([0.1, 0.2, 1.0])  # arm 2 pays most, the behaviour policy prefers arm 0
    owner = torch.tensor([[0]] * 8 + [[1]] + [[2]])
    chosen = {}
    for eta in (0.0, 5.0):
        logits = torch.zeros(3, 1, requires_grad=True)
        optimiser = torch.optim.Adam([logits], lr=0.05)
        for _ in range(300):
            optimiser.zero_grad()
            share = logits.softmax(0)
            loss = losses.denoising(logits.expand(10, 3, 1), owner, "likelihood")
            (loss + eta * losses.guidance((worth[:, None] * share).sum()[None])).backward()
            optimiser.step()
        chosen[eta] = logits.softmax(0)[:, 0].detach()
    assert chosen[0.0].argmax() == 0
    assert chosen[5.0].argmax() == 2
    assert (chosen[5.0] @ worth) > (chosen[0.0] @ worth) + 0.3


def test_straight_through_asks_about_the_favourite_and_passes_the_gradient_of_the_shares():
    logits = torch.tensor([[0.0], [1.0], [0.5]])[:, None].requires_grad_()  # (U, 1, K)
    share = logits.softmax(dim=-3)
    worth = torch.tensor([1.0, 2.0, 7.0])[:, None, None]
    passed = losses.straight_through(share)
    np.testing.assert_allclose(passed.detach().ravel(), [0.0, 1.0, 0.0], atol=1e-6)
    (passed * worth).sum().backward()
    s, w = share.detach().ravel(), worth.ravel()
    np.testing.assert_allclose(logits.grad.ravel(), s * (w - (s * w).sum()), atol=1e-6)


def test_preference_follows_the_reward_and_never_picks_an_empty_place():
    reward = torch.tensor([[0.98, 0.97, -torch.inf]])
    chance = losses.preference(reward, 0.01)
    assert chance[0, 0] / chance[0, 1] == pytest.approx(math.e, rel=1e-3)
    assert chance[0, 2] == 0.0
    np.testing.assert_allclose(losses.preference(reward, 0.0), [[0.5, 0.5, 0.0]])


def test_ranking_is_the_cross_entropy_of_the_noised_answer_among_the_drops_own():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 3, 4, 5))  # (A, N, U, K)
    owner, reward = rng.integers(4, size=(3, 6, 5)), rng.normal(size=(3, 6))
    reward[1, 2] = -np.inf
    chosen = np.array([[0, 1], [3, 4], [5, 5]])
    slow = []
    for a in range(2):
        for n in range(3):
            likelihood = [
                sum(logits[a, n, owner[n, m, k], k] for k in range(5)) for m in range(6) if np.isfinite(reward[n, m])
            ]
            mine = sum(logits[a, n, owner[n, chosen[n, a], k], k] for k in range(5))
            slow.append(math.log(sum(math.exp(each) for each in likelihood)) - mine)
    found = losses.ranking(*(torch.from_numpy(each) for each in (logits, owner, reward, chosen)))
    assert found.item() == pytest.approx(np.mean(slow), rel=1e-9)


def test_ranking_learns_nothing_from_prbs_on_which_the_answers_agree():
    logits = torch.zeros(1, 1, 3, 2, requires_grad=True)
    owner = torch.tensor([[[0, 1], [0, 2]]])  # both give the first PRB to the first UE
    losses.ranking(logits, owner, torch.zeros(1, 2), torch.tensor([[0]])).backward()
    assert not logits.grad[0, 0, :, 0].any()
    assert logits.grad[0, 0, :, 1].tolist() == [0.0, -0.5, 0.5]
