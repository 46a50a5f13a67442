"""One running suite for the fault tests: real processes, real ports, a real Redis. Every test leaves it healthy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from oran.platform.a1 import DEFAULT_MODEL_TYPE_ID, A1Client, model_policy_type
from rapp.local.operator import NodeOperator, wait_for_indications, xapp_state
from rapp.local.processes import wait_until
from rapp.local.suite import LocalSuite, get_json

RECOVERY_S = 60.0
"""A fault must be over by then; on a busy 2-core machine starting Python alone takes seconds."""


class Rig:
    """The suite with what the tests ask of it again and again."""

    def __init__(self, suite: LocalSuite) -> None:
        self.suite = suite

    @property
    def node(self) -> NodeOperator:
        return NodeOperator(self.suite.nodes["e2sim"])

    def xapp(self, name: str = "ssvae") -> dict:
        return xapp_state(self.suite, name)

    def counter(self, counter: str, name: str = "ssvae") -> float:
        return self.xapp(name).get("counters", {}).get(counter, 0)

    def loop_runs(self, name: str = "ssvae", node: NodeOperator | None = None) -> None:
        """Until decisions of ``name`` are applied (again)."""
        wait_for_indications(self.suite, node or self.node, name, RECOVERY_S)

    def node_states(self) -> dict[str, str]:
        """Connection status of every node that the RIC knows."""
        states = get_json(f"{self.suite.e2mgr_url}/v1/nodeb/states") or []
        return {state["inventoryName"]: state["connectionStatus"] for state in states}

    def connected_nodes(self) -> list[str]:
        """Names of the nodes that are connected now; the RIC remembers others for as long as it lives."""
        return [name for name, status in self.node_states().items() if status == "CONNECTED"]

    def subscriptions(self) -> list[dict]:
        return get_json(f"{self.suite.submgr_url}/ric/v1/subscriptions") or []

    def registered(self) -> set[str]:
        """Names of the xApps that the app manager lists."""
        listed = get_json(f"{self.suite.appmgr_url}/ric/v1/xapps") or []
        return {xapp["name"] for xapp in listed}

    def ready(self, name: str) -> bool:
        """The readiness probe of an xApp."""
        return httpx.get(f"{self.suite.xapps[name].url}/ric/v1/health/ready", trust_env=False).status_code == 200

    def until(self, condition, what: str) -> None:
        wait_until(condition, RECOVERY_S, what)

    def healthy(self) -> bool:
        """One subscription at the RIC, one at the node, nothing dead."""
        return not self.suite.dead() and len(self.subscriptions()) == len(self.node.state()["subscriptions"]) == 1


@pytest.fixture(scope="session")
def running_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder: Path = tmp_path_factory.mktemp("suite")
    suite = LocalSuite(folder, scenario="tiny", seed=7, experience=True)
    try:
        suite.start_all()
        rig = Rig(suite)
        rig.loop_runs()
        yield rig
    finally:
        suite.stop()


@pytest.fixture
def rig(running_rig: Rig) -> Iterator[Rig]:
    """The suite in good health before and after the test; a failure shows the ends of the logs."""
    running_rig.until(running_rig.healthy, "a healthy suite before the test")
    yield running_rig
    running_rig.loop_runs()
    running_rig.until(running_rig.healthy, "a healthy suite after the test")


@pytest.fixture
def a1(rig: Rig) -> Iterator[A1Client]:
    """The mediator with the type of model policies; afterwards no instance, and what the xApp began with serves."""
    with A1Client(rig.suite.a1_url) as client:
        client.ensure_policy_type(model_policy_type())
        yield client
        for policy_id in client.policy_ids(DEFAULT_MODEL_TYPE_ID):
            client.delete_policy(DEFAULT_MODEL_TYPE_ID, policy_id)
        rig.until(lambda: rig.xapp()["allocator"] == "equal", "the initial allocator is back")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    report = yield
    rig = getattr(item, "funcargs", {}).get("running_rig") or getattr(item, "funcargs", {}).get("rig")
    if report.failed and isinstance(rig, Rig):
        for process in rig.suite.processes.values():
            report.sections.append((f"log of {process.name}", process.log_tail(25)))
    return report
