"""What the demo and the tests ask of a running suite, as plain calls."""

from __future__ import annotations

from typing import Any

import httpx

from oran.errors import PlatformError
from oran.platform.a1 import A1Client, ReportingPolicy, reporting_policy_type
from rapp.local.processes import wait_until
from rapp.local.suite import LocalSuite, get_json

POLICY_ID = "reporting"


class NodeOperator:
    """The REST face of a simulated node.

    Args:
        url: ``http://host:port``.
    """

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=10.0, trust_env=False)

    def state(self) -> dict[str, Any]:
        return self._get("/v1/state")

    def trace(self, since: int = 0) -> dict[str, Any]:
        """Slot records from number ``since``; ``next`` is the number of the first one not returned."""
        return self._get("/v1/trace", since=since)

    def latencies_ms(self, since: int = 0) -> dict[str, Any]:
        """Loop latencies from number ``since`` [ms]."""
        return self._get("/v1/latencies", since=since)

    def run_episode(self, seed: int, slots: int, timeout_s: float) -> dict[str, Any]:
        """A seeded episode in lock-step, once it is finished.

        Raises:
            ProcessFailed: it was not finished in time.
        """
        self._client.post("/v1/episode", json={"seed": seed, "slots": slots}).raise_for_status()
        wait_until(lambda: self._get("/v1/episode")["finished"], timeout_s, f"episode of {slots} slots")
        return self._get("/v1/episode")

    def end_episode(self) -> None:
        self._client.delete("/v1/episode").raise_for_status()

    def remove_ue(self, ue_id: int) -> None:
        self._client.delete(f"/v1/ues/{ue_id}").raise_for_status()

    def _get(self, path: str, **query: Any) -> dict[str, Any]:
        try:
            answer = self._client.get(path, params=query)
        except httpx.HTTPError as error:
            raise PlatformError(f"node operator {path}: {error}") from error
        if answer.status_code != 200:
            raise PlatformError(f"node operator {path}: {answer.text}", answer.status_code)
        value: dict[str, Any] = answer.json()
        return value


def xapp_state(suite: LocalSuite, name: str = "ssvae") -> dict[str, Any]:
    """The state of an xApp; empty while it does not answer."""
    return get_json(f"{suite.xapps[name].url}/ric/v1/state") or {}


def wait_for_indications(suite: LocalSuite, node: NodeOperator, name: str = "ssvae", timeout_s: float = 60.0) -> None:
    """Until the xApp is subscribed and its decisions are applied by the node."""
    applied = node.state()["controls"]["applied"]

    def serving() -> bool:
        return bool(xapp_state(suite, name).get("subscriptions")) and node.state()["controls"]["applied"] > applied

    wait_until(serving, timeout_s, f"indications answered by {name}")


def set_reporting(
    suite: LocalSuite, node: NodeOperator, clock: str, period_ms: int = 20, timeout_s: float = 60.0
) -> None:
    """Changes the clock of the reports through A1 and waits until the node has the new subscription.

    Raises:
        ProcessFailed: not enforced, or not subscribed, in time.
    """
    with A1Client(suite.a1_url) as a1:
        kind = reporting_policy_type()
        a1.ensure_policy_type(kind)
        policy = ReportingPolicy(clock=clock, period_ms=period_ms)  # type: ignore[arg-type]
        a1.put_policy(kind.policy_type_id, POLICY_ID, policy.to_json())
        lock_step = clock == "lock-step"

        def in_place() -> bool:
            clocks = [entry["lock_step"] for entry in node.state()["subscriptions"]]
            return clocks == [lock_step] and a1.policy_status(kind.policy_type_id, POLICY_ID).enforced

        wait_until(in_place, timeout_s, f"{clock} reports")
