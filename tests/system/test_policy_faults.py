"""A1 policies that cannot be enforced: NOT_ENFORCED with a reason, and the old allocator keeps serving."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save

from oran.errors import PlatformError
from oran.platform.a1 import DEFAULT_MODEL_TYPE_ID, A1Client
from rapp.a1_publisher import A1Publisher
from tests.system.conftest import Rig
from xapps.runtime.model_file import ModelFile
from xapps.runtime.model_store import ModelStoreClient, StoredVersion

pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]


def stored_model(rig: Rig, weights: bytes, **manifest: object) -> StoredVersion:
    with ModelStoreClient(rig.suite.store_target) as store:
        return store.put(ModelFile.pack(weights, **{"name": "broken", "allocator": "ssvae"} | manifest))


def publish(rig: Rig, a1: A1Client, policy_id: str, **policy: object) -> tuple[str, str]:
    """Status and the xApp's reason of a policy, once the xApp has spoken."""
    a1.put_policy(DEFAULT_MODEL_TYPE_ID, policy_id, policy)

    def record() -> dict:
        entries = rig.xapp().get("policies", [])
        return next((entry for entry in entries if entry["instance"] == policy_id), {})

    rig.until(lambda: record().get("status") in ("OK", "ERROR"), f"the xApp's word on {policy_id}")
    rig.until(
        lambda: bool(a1.policy_status(DEFAULT_MODEL_TYPE_ID, policy_id).enforce_reason) or record()["status"] == "OK",
        "the mediator's word",
    )
    return a1.policy_status(DEFAULT_MODEL_TYPE_ID, policy_id).enforce_status, record()["reason"]


WELL_FORMED = {"allocator": "ssvae", "version": 1, "sha256": "0" * 64}


def test_an_unknown_model_is_not_enforced(rig: Rig, a1: A1Client) -> None:
    status, reason = publish(rig, a1, "unknown", model="nobody", **WELL_FORMED)
    assert status == "NOT_ENFORCED"
    assert "nobody" in reason
    assert rig.xapp()["allocator"] == "equal"
    rig.loop_runs()


def test_an_unknown_allocator_is_not_enforced(rig: Rig, a1: A1Client) -> None:
    status, reason = publish(rig, a1, "no-allocator", allocator="oracle")
    assert status == "NOT_ENFORCED"
    assert "oracle" in reason
    assert rig.xapp()["allocator"] == "equal"


def test_a_model_with_another_digest_than_the_policy_names_is_not_enforced(rig: Rig, a1: A1Client) -> None:
    stored = stored_model(rig, save({"w": torch.zeros(2)}))
    status, reason = publish(rig, a1, "digest", model=stored.name, **WELL_FORMED | {"version": stored.version})
    assert status == "NOT_ENFORCED"
    assert "SHA-256" in reason or "digest" in reason.lower()
    assert rig.xapp()["model"] is None


def test_a_model_of_the_wrong_shape_is_not_enforced(rig: Rig, a1: A1Client) -> None:
    stored = stored_model(rig, save({"encoder.weight": torch.zeros(3, 5)}), architecture={"kind": "equivariant"})
    reference = {"version": stored.version, "sha256": stored.sha256}
    status, reason = publish(rig, a1, "shape", allocator="ssvae", model=stored.name, **reference)
    assert status == "NOT_ENFORCED"
    assert reason
    assert rig.xapp()["allocator"] == "equal"
    rig.loop_runs()


def test_a_body_against_the_schema_never_reaches_the_xapp(rig: Rig, a1: A1Client) -> None:
    with pytest.raises(PlatformError) as caught:
        a1.put_policy(DEFAULT_MODEL_TYPE_ID, "bad", {"allocator": 7})
    assert caught.value.status == 400
    assert all(entry["instance"] != "bad" for entry in rig.xapp()["policies"])


def test_after_a_bad_policy_a_good_one_is_enforced_and_a_deleted_one_gives_way(rig: Rig, a1: A1Client) -> None:
    publisher = A1Publisher(a1, rig.suite.store_target)
    assert publish(rig, a1, "bad-first", allocator="oracle")[0] == "NOT_ENFORCED"
    assert publisher.publish_classic("greedy").enforced
    assert rig.xapp()["allocator"] == "greedy"
    for policy_id in a1.policy_ids(DEFAULT_MODEL_TYPE_ID):
        a1.delete_policy(DEFAULT_MODEL_TYPE_ID, policy_id)
    rig.until(lambda: rig.xapp()["allocator"] == "equal", "the initial allocator is back")


def test_policies_survive_a_restart_of_the_xapp(rig: Rig, a1: A1Client) -> None:
    assert A1Publisher(a1, rig.suite.store_target).publish_classic("greedy").enforced
    rig.suite.processes["ssvae"].kill()
    rig.suite.restart("ssvae")
    rig.until(lambda: rig.xapp().get("allocator") == "greedy", "the policy is asked for again and enforced")
