"""Models on trial on the running platform: bad ones are taken back by themselves, good ones walk into service."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from oran.platform.a1 import DEFAULT_MODEL_TYPE_ID, A1Client, PolicyStatus
from rapp.a1_publisher import A1Publisher
from rapp.local.operator import NodeOperator
from tests.system.conftest import Rig

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

GUARD = {"min_intervals": 100, "block_intervals": 10}


def metric(rig: Rig, name: str, **labels: str) -> float | None:
    """A sample of the xApp's metrics; None if it is not there."""
    text = httpx.get(f"{rig.suite.xapps['ssvae'].url}/metrics", trust_env=False).text
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == f"ricxapp_{name}" and labels.items() <= sample.labels.items():
                return sample.value
    return None


def rollbacks(rig: Rig) -> float:
    """Models taken back for either KPI: which loss is certain first is a matter of the radio's draws."""
    return sum(metric(rig, "model_rollbacks_total", cause=cause) or 0.0 for cause in ("throughput", "satisfied"))


def status(a1: A1Client, policy_id: str) -> PolicyStatus:
    return a1.policy_status(DEFAULT_MODEL_TYPE_ID, policy_id)


def serve_matching(rig: Rig, a1: A1Client) -> None:
    assert A1Publisher(a1, rig.suite.store_target).publish_classic("matching").enforced
    assert rig.xapp()["allocator"] == "matching"


def controls(rig: Rig) -> dict[str, float]:
    return {name: rig.counter(f"controls_{name}") for name in ("sent", "refused", "unsent")}


def test_a_bad_canary_is_taken_back_and_controls_never_stop(rig: Rig, a1: A1Client) -> None:
    serve_matching(rig, a1)
    before, taken_back = controls(rig), rollbacks(rig)
    reports = rig.counter("reports")
    body = {"allocator": "random", "mode": "canary", "canary": {"share": 0.5}, "guard": GUARD}
    a1.put_policy(DEFAULT_MODEL_TYPE_ID, "model-random-canary", body)
    rig.until(lambda: status(a1, "model-random-canary").enforced, "the canary is in force")
    rig.until(
        lambda: (metric(rig, "trial_intervals", mode="canary", arm="candidate") or 0) > 20, "a canary that decides"
    )
    rig.until(lambda: not status(a1, "model-random-canary").enforced, "the xApp takes it back")
    assert status(a1, "model-random-canary").enforce_reason == "STATEMENT_NOT_APPLICABLE"
    assert rollbacks(rig) == taken_back + 1
    assert metric(rig, "trial_info", mode="canary") is None
    assert status(a1, "model-matching").enforced
    assert rig.xapp()["allocator"] == "matching"
    record = next(each for each in rig.xapp()["policies"] if each["instance"] == "model-random-canary")
    assert "loses" in record["reason"]
    after = controls(rig)
    assert after["sent"] - before["sent"] >= rig.counter("reports") - reports - 2
    assert (after["refused"], after["unsent"]) == (before["refused"], before["unsent"])


@pytest.fixture
def second_node(rig: Rig) -> Iterator[tuple[str, NodeOperator]]:
    """Another node of the same RIC, served by the same xApp: its RAN name and its operator's face."""
    first = set(rig.connected_nodes())
    node = NodeOperator(rig.suite.start_node("e2sim-2", gnb_id=2))
    try:
        rig.until(lambda: len(rig.connected_nodes()) == 2, "both nodes are known")
        rig.loop_runs(node=node)
        [name] = set(rig.connected_nodes()) - first
        yield name, node
    finally:
        rig.suite.processes.pop("e2sim-2").stop()
        del rig.suite.nodes["e2sim-2"]
    rig.until(lambda: len(rig.subscriptions()) == 1, "the second node has gone")


class Deciders:
    """Who decided at a node, from now on."""

    def __init__(self, node: NodeOperator) -> None:
        self._node, self._next = node, node.trace()["next"]
        self.seen: Counter[str] = Counter()

    def look(self) -> Counter[str]:
        page = self._node.trace(self._next)
        self._next = page["next"]
        self.seen.update(record["allocator"] for record in page["records"])
        return self.seen


def test_a_bad_canary_of_one_node_is_taken_back_and_the_other_node_never_saw_it(
    rig: Rig, a1: A1Client, second_node: tuple[str, NodeOperator]
) -> None:
    """Each node is held against its own baseline, so both are watched for a while before."""
    canary_name, canary_node = second_node
    serve_matching(rig, a1)
    at_canary, elsewhere = Deciders(canary_node), Deciders(rig.node)
    for deciders in (at_canary, elsewhere):
        rig.until(lambda deciders=deciders: deciders.look()["matching"] > 260, "a baseline")
    before, taken_back = controls(rig), rollbacks(rig)
    body = {"allocator": "random", "mode": "canary", "canary": {"nodes": [canary_name]}, "guard": GUARD}
    a1.put_policy(DEFAULT_MODEL_TYPE_ID, "model-random-canary", body)
    rig.until(lambda: at_canary.look()["random"] > 20, "a canary that decides at its node")
    assert metric(rig, "trial_info", mode="canary", allocator="random") == 1
    rig.until(lambda: not status(a1, "model-random-canary").enforced, "the xApp takes it back")
    assert status(a1, "model-random-canary").enforce_reason == "STATEMENT_NOT_APPLICABLE"
    assert rollbacks(rig) == taken_back + 1
    assert metric(rig, "trial_info", mode="canary") is None
    assert status(a1, "model-matching").enforced
    served = at_canary.look()["matching"]
    rig.until(lambda: at_canary.look()["matching"] > served, "what served decides at the canary's node again")
    tried = at_canary.seen["random"]
    rig.until(lambda: at_canary.look()["matching"] > served + 50, "it goes on")
    assert at_canary.seen["random"] == tried
    assert elsewhere.look()["matching"] > tried
    assert "random" not in elsewhere.seen
    after = controls(rig)
    assert (after["refused"], after["unsent"]) == (before["refused"], before["unsent"])


def shadow_processes(rig: Rig) -> list[int]:
    """Children of the xApp in which a model decides beside."""
    children = Path(f"/proc/{rig.suite.processes['ssvae'].pid}/task").glob("*/children")
    pids = [int(pid) for each in children for pid in each.read_text().split()]
    return [pid for pid in pids if b"shadow_child" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def crashed(rig: Rig) -> float:
    return metric(rig, "shadow_processes_ended_total", cause="crashed") or 0.0


def test_a_shadow_decides_in_a_process_of_its_own_that_goes_with_the_trial(rig: Rig, a1: A1Client) -> None:
    a1.put_policy(DEFAULT_MODEL_TYPE_ID, "model-matching-shadow", {"allocator": "matching", "mode": "shadow"})
    rig.until(lambda: (metric(rig, "trial_intervals", mode="shadow", arm="candidate") or 0) > 20, "comparisons")
    [pid] = shadow_processes(rig)
    assert os.getpriority(os.PRIO_PROCESS, pid) > os.getpriority(os.PRIO_PROCESS, 0)
    ended = crashed(rig)
    os.kill(pid, signal.SIGKILL)
    rig.until(lambda: crashed(rig) == ended + 1, "the end is counted")
    rig.until(lambda: shadow_processes(rig) not in ([], [pid]), "another one")
    rig.loop_runs()
    a1.delete_policy(DEFAULT_MODEL_TYPE_ID, "model-matching-shadow")
    rig.until(lambda: not shadow_processes(rig), "it goes with the trial")


def test_a_bad_model_that_was_promoted_is_taken_back_for_what_served_before(rig: Rig, a1: A1Client) -> None:
    serve_matching(rig, a1)
    served = rig.counter("reports")
    rig.until(lambda: rig.counter("reports") > served + 260, "a baseline")
    taken_back = rollbacks(rig)
    a1.put_policy(DEFAULT_MODEL_TYPE_ID, "model-random", {"allocator": "random", "guard": GUARD})
    rig.until(lambda: rig.xapp()["allocator"] == "random", "the promotion")
    rig.until(lambda: rig.xapp()["allocator"] == "matching", "the roll-back")
    rig.until(lambda: not status(a1, "model-random").enforced, "the status says so")
    rig.until(lambda: status(a1, "model-matching").enforced, "what serves again is in force again")
    assert rollbacks(rig) == taken_back + 1


def test_a_good_model_walks_from_the_shadow_to_everywhere(rig: Rig, a1: A1Client, tmp_path: Path) -> None:
    rollouts = rig.suite.folder / "rollouts"
    options = {
        "--xapp": rig.suite.xapps["ssvae"].url,
        "--a1": rig.suite.a1_url,
        "--store": rig.suite.store_target,
        "--share": "0.5",
        "--guard": json.dumps(GUARD),
        "--rollouts": str(rollouts),
    }
    command = [
        sys.executable,
        "-m",
        "rapp",
        "rollout",
        "matching",
        *(part for pair in options.items() for part in pair),
    ]
    walked = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert walked.returncode == 0, walked.stdout + walked.stderr
    assert rig.xapp()["allocator"] == "matching"
    assert a1.policy_ids(DEFAULT_MODEL_TYPE_ID) == ["model-matching"]
    [shown] = httpx.get(f"http://127.0.0.1:{rig.suite.ports.rapp_http}/rollouts", trust_env=False).json()
    assert (shown["stage"], shown["stages"]) == ("done", ["shadow", "canary", "full"])
    scraped = httpx.get(f"http://127.0.0.1:{rig.suite.ports.rapp_http}/metrics", trust_env=False).text
    assert 'rapp_rollouts{stage="done"} 1.0' in scraped
    assert 'rapp_rollouts_ended_total{outcome="done",stage="full"} 1.0' in scraped
    assert 'rapp_models_published_total{mode="canary",status="ENFORCED"} 1.0' in scraped
