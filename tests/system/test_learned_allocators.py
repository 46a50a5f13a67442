"""Every learned allocator's whole way on the running platform: trained, gated, stored, published, ENFORCED, swapped in
while it serves, better than what served before, through churn and through reports that nobody can decide on."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import httpx
import numpy as np
import pytest

from e2sim import scenario as scenarios
from e2sim.node.functions import Content
from oran.platform.a1 import DEFAULT_MODEL_TYPE_ID, A1Client, ReportingPolicy, reporting_policy_type
from rapp.a1_publisher import A1Publisher
from rapp.local.suite import LocalSuite
from tests.system.conftest import Rig
from tests.system.test_bad_indications import SabotagedFunction, node_in_a_thread
from tests.system.test_unusable_reports import with_weights_of_nobody
from xapps.runtime.last_safe import NAME as LAST_SAFE
from xapps.runtime.model_file import ModelFile
from xapps.runtime.model_store import ModelStoreClient

pytestmark = [pytest.mark.system, pytest.mark.slow, pytest.mark.timeout(300)]

SLOTS = 60
"""Length of the episodes that allocators are compared in."""

UNCERTAIN = """
name: uncertain-small
description: Small cell whose channel reports are noisy, stale, coarse and partly missing
slot_s: 0.02
radio: {num_prbs: 10, noise_figure_db: 9, ru_power_budget_dbm: 40, prb_power_cap_dbm: 33}
layout: {num_rus: 1, placement: uniform-area, min_distance_m: 10, max_distance_m: 400}
channel: {path_loss: uma-simplified, shadowing_std_db: 8, fading: gauss-markov, speed_m_s: 1, drop_every_slots: 20}
observation: {error_to_gain_db: -15, delay_slots: 1, step_db: 1, missing_share: 0.2}
slices:
  - {name: eMBB, num_ues: 3, min_rate_bps_hz: 12, max_delay_s: 0.010, packet_bytes: 1000}
  - {name: URLLC, num_ues: 3, min_rate_bps_hz: 4, max_delay_s: 0.001, packet_bytes: 32}
"""


@dataclass(frozen=True)
class Served:
    """A learned allocator, and where it serves."""

    allocator: str
    xapp: str
    """Descriptor; any xApp serves any allocator that its A1 policy names."""
    scenario: str
    policy_type: int = DEFAULT_MODEL_TYPE_ID
    against: str = "equal"


EVERY = (
    Served("dqn", "dqn", "tiny", 20102),
    Served("diffusion-ql", "diffusion_ql", "tiny", 20107),
    Served("belief", "ssvae", UNCERTAIN, against="matching"),
    Served("coordination", "ssvae", "interfering", against="matching"),
)


@dataclass(frozen=True)
class Place:
    """A running suite with one xApp in it."""

    served: Served
    rig: Rig
    scenario: str

    @property
    def state(self) -> dict:
        return self.rig.xapp(self.served.xapp)

    def metric(self, start: str) -> float:
        """Sum of the xApp's series whose lines start so."""
        text = httpx.get(f"{self.rig.suite.xapps[self.served.xapp].url}/metrics", trust_env=False).text
        lines = [line for line in text.splitlines() if line.startswith(f"ricxapp_{start}")]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def episode(self) -> list[dict]:
        """The same draws in lock-step, decided by what serves."""
        try:
            return self.rig.node.run_episode(seed=5, slots=SLOTS, timeout_s=60.0)["records"]
        finally:
            self.rig.node.end_episode()


@pytest.fixture(params=EVERY, ids=lambda served: served.allocator)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    served: Served = request.param
    scenario = served.scenario
    if "\n" in scenario:
        (tmp_path / "scenario.yaml").write_text(scenario)
        scenario = str(tmp_path / "scenario.yaml")
    suite = LocalSuite(tmp_path / "suite", scenario=scenario, seed=7)
    try:
        suite.start_redis()
        suite.start_ric()
        suite.start_node()
        suite.start_rapp()
        suite.start_xapp(served.xapp, served.xapp, clock="lock-step")
        rig = Rig(suite)
        rig.loop_runs(served.xapp)
        yield Place(served, rig, scenario)
    finally:
        suite.stop()


def pipelined(place: Place) -> str:
    """``python -m rapp pipeline`` from the outside; returns what it printed."""
    suite, served = place.rig.suite, place.served
    options = {
        "--allocator": served.allocator,
        "--scenario": place.scenario,
        "--preset": "demo",
        "--against": served.against,
        "--num-drops": "40",
        "--runs": str(suite.folder / "runs"),
        "--store": suite.store_target,
        "--a1": suite.a1_url,
        "--policy-type": str(served.policy_type),
    }
    command = [sys.executable, "-m", "rapp", "pipeline", *(part for pair in options.items() for part in pair)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def swapped_again(place: Place) -> None:
    """The same weights with another note in the manifest, so that they are another version."""
    served, target = place.served, place.rig.suite.store_target
    with ModelStoreClient(target) as store, A1Client(place.rig.suite.a1_url) as mediator:
        model = store.get(served.allocator, 1)
        noted = model.manifest.model_copy(
            update={"version": 0, "training": model.manifest.training | {"note": "again"}}
        )
        stored = store.put(ModelFile(noted, model.weights))
        publisher = A1Publisher(mediator, target, policy_type_id=served.policy_type)
        assert publisher.publish(stored, served.allocator).enforced


def runs_free(place: Place) -> None:
    """Reports every 20 ms from now on, by A1 policy; a late decision leaves the one before in force."""
    kind = reporting_policy_type(place.served.policy_type + 1)  # each descriptor's next id
    with A1Client(place.rig.suite.a1_url) as mediator:
        mediator.ensure_policy_type(kind)
        mediator.put_policy(
            kind.policy_type_id, "reporting", ReportingPolicy(clock="free-running", period_ms=20).to_json()
        )
        place.rig.until(
            lambda: [each["lock_step"] for each in place.rig.node.state()["subscriptions"]] == [False], "free reports"
        )


@contextmanager
def busy_node(place: Place, damage=None) -> Iterator:
    """A second node whose UEs come and go, and two of three of whose reports are damaged."""
    churn = {"churn": {"arrivals_per_s": 6.0, "mean_stay_s": 0.8, "max_ues": 9}}
    changing = scenarios.parse(scenarios.load(place.scenario).model_dump() | churn)
    function = SabotagedFunction(damage or (lambda content: content), changing)
    with node_in_a_thread(place.rig, function, changing) as (node, _):
        yield node


def throughput(records: list[dict]) -> float:
    """Mean weighted throughput of the slots in which everybody is satisfied, 0 in the others [bps/Hz]."""
    return float(np.mean([r["weighted_throughput_bps_hz"] * (r["satisfied_share"] == 1.0) for r in records]))


class Replayed:
    """Damage that sends the first report again and again."""

    def __init__(self) -> None:
        self._first: Content | None = None

    def __call__(self, content: Content) -> Content:
        self._first = self._first or content
        return self._first


def test_a_learned_allocator_walks_the_whole_way_and_serves_through_trouble(place: Place) -> None:
    rig, served = place.rig, place.served
    before = place.episode()
    assert {record["allocator"] for record in before} == {"equal"}
    watched = rig.node.state()["controls"]
    assert "ENFORCED" in pipelined(place)
    swapped_again(place)
    assert (place.state["allocator"], place.state["model"]["version"]) == (served.allocator, 2)
    _was_swapped_between_two_indications(place, watched)

    after = place.episode()
    assert {record["allocator"] for record in after} == {served.allocator}
    assert throughput(after) > throughput(before)

    runs_free(place)
    _serves_whoever_is_there(place)
    assert place.metric("decisions_fallback_total") == 0  # nobody stood in for it so far
    _repeats_the_last_safe_decision(place, with_weights_of_nobody, "not_finite")
    _repeats_the_last_safe_decision(place, Replayed(), "old_slot")
    assert place.state["allocator"] == served.allocator


def _was_swapped_between_two_indications(place: Place, before: dict) -> None:
    """No slot without a fresh decision, and every author once: equal, version 1, version 2."""
    node = place.rig.node
    records = node.trace()["records"]
    authors = [author for author, _ in groupby((r["allocator"], r["model_version"]) for r in records if r["fresh"])]
    learned = [author for author in authors if author[0] == place.served.allocator]
    assert learned == [(place.served.allocator, "1"), (place.served.allocator, "2")]
    assert node.state()["controls"]["refused"] == before["refused"]
    assert node.state()["controls"]["applied"] > before["applied"] + SLOTS


def _serves_whoever_is_there(place: Place) -> None:
    """UEs that come by themselves, and one that is taken out by hand."""
    seen: set[int] = set()
    with busy_node(place) as node:

        def many_sizes() -> bool:
            seen.add(node.world.observe().num_ues)
            return len(seen) >= 3 and node.world.applied > 60

        place.rig.until(many_sizes, "decisions for changing numbers of UEs")
        authors = Counter(record.allocator for record in list(node.world.records)[-40:])
        refused, applied = node.world.refused, node.world.applied
    assert authors[place.served.allocator] >= 35
    assert refused < 0.2 * applied  # a UE may leave while its decision is on the way
    applied, ue_id = place.rig.node.state()["controls"]["applied"], place.rig.node.state()["users"]["ue_id"][0]
    place.rig.node.remove_ue(ue_id)
    place.rig.until(lambda: place.rig.node.state()["controls"]["applied"] > applied + 20, "the others are served on")


def _repeats_the_last_safe_decision(place: Place, damage, reason: str) -> None:
    """Every third report is sound; the others are answered by the last safe decision, and the metrics say why."""
    count = f'reports_unusable_total{{meid="gnb_001_001_00004d",reason="{reason}"}}'
    with busy_node(place, damage) as node:
        place.rig.until(lambda: node.world.applied > 90, "decisions obeyed")
        authors = Counter(record.allocator for record in node.world.records)
        found = place.metric(count)
    assert authors[place.served.allocator] > 15, authors
    assert found > 15
    if reason == "not_finite":
        assert authors[LAST_SAFE] > 15, authors
