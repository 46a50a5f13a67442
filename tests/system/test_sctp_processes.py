"""The suite's own processes with SCTP between the RIC and its node."""

from __future__ import annotations

from pathlib import Path

import pytest

from oran.transport.sctp import kernel_has_sctp
from rapp.local.operator import NodeOperator, wait_for_indications
from rapp.local.suite import LocalSuite

PATIENCE_S = 90.0
"""Under user-mode Linux importing torch alone takes some twenty seconds."""


@pytest.mark.sctp
@pytest.mark.timeout(300)
@pytest.mark.skipif(not kernel_has_sctp(), reason="this kernel has no SCTP")
def test_decisions_are_applied_over_sctp_and_again_after_the_node_is_killed(tmp_path: Path):
    suite = LocalSuite(tmp_path, scenario="tiny", e2_scheme="sctp")
    try:
        suite.start_redis()
        suite.start_ric()
        suite.start_node()
        suite.start_xapp()
        node = NodeOperator(suite.nodes["e2sim"])
        wait_for_indications(suite, node, "ssvae", PATIENCE_S)
        suite.processes["e2sim"].kill()
        suite.restart("e2sim")
        suite.processes["e2sim"].announcement(PATIENCE_S)
        wait_for_indications(suite, node, "ssvae", PATIENCE_S)
        assert suite.dead() == []
    finally:
        suite.stop()
