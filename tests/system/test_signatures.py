"""An xApp that requires signatures, on the running platform: refused and enforced over A1, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from oran.platform.a1 import A1Client
from rapp.a1_publisher import A1Publisher, Publication
from rapp.signing import SigningKey, SigningStore
from tests.system.conftest import Rig
from tests.system.models import untrained
from xapps.runtime.model_store import ModelStoreClient, StoredVersion

pytestmark = [pytest.mark.system, pytest.mark.timeout(200)]

NAME, POLICY_TYPE = "strict", 20120


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return SigningKey.new(tmp_path / "key.pem")


@pytest.fixture
def strict(rig: Rig, key: SigningKey) -> Iterator[Rig]:
    rig.suite.start_xapp(
        NAME,
        model_policy_type=POLICY_TYPE,
        reporting_policy_type=POLICY_TYPE + 1,
        trusted_keys=key.public_text,
        require_signature="true",
        decision_deadline_ms=500,
    )
    try:
        rig.loop_runs(NAME)
        yield rig
    finally:
        rig.suite.processes[NAME].stop()
        del rig.suite.processes[NAME], rig.suite.xapps[NAME]


def published(rig: Rig, stored: StoredVersion) -> Publication:
    with A1Client(rig.suite.a1_url) as mediator:
        return A1Publisher(mediator, rig.suite.store_target, policy_type_id=POLICY_TYPE).publish(stored, "ssvae")


def reasons(rig: Rig) -> list[str]:
    return [policy["reason"] for policy in rig.xapp(NAME)["policies"]]


def test_the_same_model_is_refused_unsigned_and_serves_once_it_is_signed(strict: Rig, key: SigningKey) -> None:
    with ModelStoreClient(strict.suite.store_target) as client:
        unsigned = client.put(untrained("strictly"))
        refused = published(strict, unsigned)
        assert not refused.enforced
        assert any("is not signed" in reason for reason in reasons(strict))
        assert strict.xapp(NAME)["model"] is None

        signed = SigningStore(client, key).put(untrained("strictly"))
        assert (signed.version, signed.sha256) == (unsigned.version + 1, unsigned.sha256)
        assert published(strict, signed).enforced
    model = strict.xapp(NAME)["model"]
    assert (model["version"], model["signed_by"]) == (signed.version, key.key_id)
