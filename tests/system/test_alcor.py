"""ALCOR on the running platform: demands through A1, rates that follow them, statuses that tell the truth."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from oran.platform.a1 import DEFAULT_DEMANDS_TYPE_ID, A1Client, demands_policy_type
from rapp.local.operator import NodeOperator, wait_for_indications, xapp_state
from rapp.local.processes import wait_until
from rapp.local.suite import LocalSuite

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

PATIENCE_S = 90.0


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalSuite]:
    suite = LocalSuite(tmp_path_factory.mktemp("alcor"), scenario="links", seed=3)
    try:
        suite.start_redis()
        suite.start_ric()
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
