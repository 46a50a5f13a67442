"""What a running xApp saw, decided and got for it comes back to the rApp, through a crash of the rApp too."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np
import pytest

from e2sim.physics import constraints
from rapp.experience import Transitions, load, manifests
from tests.system.conftest import RECOVERY_S, Rig
from xapps.allocators import ALLOCATORS, LEARNED
from xapps.ssvae.batches import take, take_labels

pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]


def folder(rig: Rig) -> Path:
    assert rig.suite.experience is not None
    return rig.suite.experience


def stored(rig: Rig) -> int:
    return sum(each.steps for each in manifests(folder(rig)))


def metric(rig: Rig, name: str) -> float:
    text = httpx.get(f"{rig.suite.xapps['ssvae'].url}/ric/v1/metrics", trust_env=False).text
    [line] = [line for line in text.splitlines() if line.startswith(f"ricxapp_experience_{name} ")]
    return float(line.split()[-1])


def largest(rig: Rig) -> Transitions:
    return load(folder(rig))[0]


def test_experience_of_the_running_loop_is_whole_feasible_and_its_own_reward(rig: Rig) -> None:
    before = stored(rig)
    rig.until(lambda: stored(rig) > before + 50, "stored experience")
    batch = largest(rig)
    assert set(batch.allocator.tolist()) <= set(ALLOCATORS) | set(LEARNED)  # whoever served in tests before this one
    assert batch.obeyed.mean() > 0.5
    for row in range(0, len(batch), 10):
        report, decision = take(batch.report, row), take_labels(batch.decision, row)
        assert constraints.violations(decision, report) == []
    np.testing.assert_allclose(
        batch.outcome.weighted_throughput_bps_hz,
        (batch.report.weight * batch.outcome.rate_bps_hz).sum(axis=-1),
        rtol=1e-9,
    )
    followed = batch.next_index >= 0
    assert followed.mean() > 0.5
    assert (batch.slot[batch.next_index[followed]] > batch.slot[followed]).all()


def test_a_killed_rapp_learns_what_was_dropped_meanwhile_and_misses_nothing_else(rig: Rig) -> None:
    rig.until(lambda: stored(rig) > 0 and metric(rig, "connected") == 1, "a stream")
    rig.suite.processes["rapp"].kill()
    rig.until(lambda: metric(rig, "connected") == 0, "the xApp to notice")
    sent = rig.counter("controls_sent")
    rig.until(lambda: rig.counter("controls_sent") > sent + 20, "decisions without an rApp")
    rig.suite.restart("rapp")
    rig.suite.processes["rapp"].announcement(RECOVERY_S)
    rig.until(lambda: metric(rig, "connected") == 1, "a new connection")
    resumed = stored(rig)
    rig.until(lambda: stored(rig) > resumed + 20, "more experience")
    newest = manifests(folder(rig))[-1].span
    assert newest.lost == 0
    assert newest.dropped == metric(rig, "dropped_total")  # none, if the rApp is back before the queue is full
    assert newest.stored + newest.dropped == newest.through
