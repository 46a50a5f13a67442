"""ALCOR on the running platform: demands through A1, rates that follow them, statuses that tell the truth."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from e2sim import scenario as scenarios
from oran.platform.a1 import DEFAULT_DEMANDS_TYPE_ID, A1Client, demands_policy_type
from rapp import evaluation, pipeline
from rapp.a1_publisher import A1Publisher
from rapp.local.operator import NodeOperator, wait_for_indications, xapp_state
from rapp.local.processes import wait_until
from rapp.local.suite import LocalSuite
from rapp.runs import Run, RunConfig
from xapps import allocators
from xapps.alcor.policy import AlcorPolicy
from xapps.runtime.model_slot import build
from xapps.runtime.model_store import ModelStoreClient

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

PATIENCE_S = 90.0


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSuite]:
    suite = LocalSuite(tmp_path_factory.mktemp("alcor"), scenario="links", seed=3)
    try:
        suite.start_redis()
        suite.start_ric()
        suite.start_rapp()
        suite.start_node()
        suite.start_xapp("alcor", "alcor", clock="lock-step", demands_window=300)
        wait_for_indications(suite, NodeOperator(suite.nodes["e2sim"]), "alcor", PATIENCE_S)
        yield suite
    finally:
        suite.stop()


def ask(suite: LocalSuite, rates: dict[int, float], status: str) -> str:
    """Put demands and wait for a status; returns the reason that the xApp shows."""
    with A1Client(suite.a1_url) as mediator:
        mediator.ensure_policy_type(demands_policy_type())
        body = {"unit": "bps/Hz", "ues": [{"ue_id": ue, "rate": rate} for ue, rate in rates.items()]}
        mediator.put_policy(DEFAULT_DEMANDS_TYPE_ID, "demands", body)

        def settled() -> bool:
            found = mediator.policy_status(DEFAULT_DEMANDS_TYPE_ID, "demands")
            return found.enforce_status == status and (shown := shown_policy(suite)) is not None and told(shown)

        def told(shown: dict) -> bool:
            return (shown["status"] == "OK") == (status == "ENFORCED")

        wait_until(settled, PATIENCE_S, f"{status} of {rates}")
    return str((shown_policy(suite) or {}).get("reason", ""))


def shown_policy(suite: LocalSuite) -> dict | None:
    policies = xapp_state(suite, "alcor").get("policies", [])
    return next((each for each in policies if each["type"] == DEFAULT_DEMANDS_TYPE_ID), None)


def gauges(suite: LocalSuite, name: str) -> dict[str, float]:
    """UE -> value of a gauge."""
    text = httpx.get(f"{suite.xapps['alcor'].url}/ric/v1/metrics", trust_env=False).text
    rows = [line for line in text.splitlines() if line.startswith(f"ricxapp_{name}{{")]
    return {line.split('ue="')[1].split('"')[0]: float(line.rsplit(" ", 1)[1]) for line in rows}


def test_demands_are_enforced_shown_and_priced(suite: LocalSuite) -> None:
    assert ask(suite, {1: 0.8, 2: 0.6}, "ENFORCED") == ""
    wait_until(lambda: gauges(suite, "ue_demand_bps_per_hz").get("1") == 0.8, PATIENCE_S, "the demand in the metrics")
    wait_until(lambda: gauges(suite, "ue_multiplier").get("1", 0.0) > 0.0, PATIENCE_S, "a price of the demand")


def test_demands_beyond_reach_are_refused_with_the_closest_rates(suite: LocalSuite) -> None:
    assert "closest rates" in ask(suite, {1: 30.0}, "NOT_ENFORCED")


def test_demands_that_averages_miss_lose_their_status(suite: LocalSuite) -> None:
    reason = ask(suite, dict.fromkeys(range(1, 9), 3.0), "NOT_ENFORCED")
    assert "missed on average" in reason and "closest rates" in reason
    assert ask(suite, {1: 0.5}, "ENFORCED") == ""


MODEL_TYPE_ID = 20104
"""Of the descriptor ``xapps/alcor/xapp``."""
BRIEF = {"epochs": 4, "steps_per_epoch": 25, "users": [20]}
"""Enough to be ahead of "equal" by far."""


def pipelined(suite: LocalSuite, folder: Path, preset: str) -> pipeline.Outcome:
    """Train, judge, store and publish as ``python -m rapp pipeline`` does, with a brief training."""
    config = RunConfig(allocator="alcor", model="alcor", preset=preset, changes=BRIEF, scenario="links")
    run = Run.create(folder, config)
    with ModelStoreClient(suite.store_target) as store, A1Client(suite.a1_url) as mediator:
        return pipeline.run(
            train=lambda: run.execute(lambda *_: None),
            evaluate=lambda model: evaluation.gate(
                build(model).allocator,
                allocators.build("equal"),
                [],
                scenarios.load("links"),
                seed=1,
                num_drops=40,
            ),
            store=store,
            publisher=A1Publisher(mediator, suite.store_target, policy_type_id=MODEL_TYPE_ID),
        )


def test_a_trained_policy_passes_the_gate_serves_and_meets_demands(suite: LocalSuite, tmp_path: Path) -> None:
    assert pipelined(suite, tmp_path, "graph-fast").serving
    assert xapp_state(suite, "alcor")["allocator"] == "alcor"
    assert ask(suite, {3: 0.5}, "ENFORCED") == ""
    wait_until(lambda: gauges(suite, "ue_multiplier").get("3", 0.0) > 0.0, PATIENCE_S, "a price of the demand")


def test_cells_that_only_exchange_multipliers_serve_and_price_demands(suite: LocalSuite, tmp_path: Path) -> None:
    config = RunConfig(allocator="alcor", model="alcor-local", preset="local", changes=BRIEF, scenario="links")
    model = Run.create(tmp_path, config).execute(lambda *_: None)
    assert AlcorPolicy.from_model(model).distributed
    with ModelStoreClient(suite.store_target) as store, A1Client(suite.a1_url) as mediator:
        publisher = A1Publisher(mediator, suite.store_target, policy_type_id=MODEL_TYPE_ID)
        assert publisher.publish(store.put(model), "alcor").enforced
    assert xapp_state(suite, "alcor")["model"]["name"] == "alcor-local"
    assert ask(suite, {4: 0.2}, "ENFORCED") == ""
    wait_until(lambda: gauges(suite, "ue_demand_bps_per_hz").get("4") == 0.2, PATIENCE_S, "the demand in the metrics")


def test_users_come_and_go_while_it_decides(suite: LocalSuite, tmp_path: Path) -> None:
    busy = tmp_path / "links-busy.yaml"
    churn = "\nchurn: {arrivals_per_s: 4.0, mean_stay_s: 3.0, max_ues: 20}\n"
    busy.write_text((Path(scenarios.__file__).parent / "scenarios/links.yaml").read_text() + churn)
    node = NodeOperator(suite.start_node("busy", gnb_id=2, scenario=busy))
    wait_until(lambda: len(node.state()["subscriptions"]) == 1, PATIENCE_S, "a subscription at the second node")
    seen: set[int] = set()

    def many_sizes() -> bool:
        seen.add(len(node.state()["users"]["ue_id"]))
        return len(seen) >= 4

    wait_until(many_sizes, PATIENCE_S, "four different numbers of users")
    applied = node.state()["controls"]["applied"]
    wait_until(lambda: node.state()["controls"]["applied"] > applied + 50, PATIENCE_S, "decisions for whoever is there")
    text = httpx.get(f"{suite.xapps['alcor'].url}/ric/v1/metrics", trust_env=False).text
    fallbacks = [line for line in text.splitlines() if line.startswith("ricxapp_decisions_fallback_total")]
    assert [float(line.rsplit(" ", 1)[1]) for line in fallbacks] == [0.0]
