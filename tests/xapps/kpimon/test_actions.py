"""What the monitor asks of a node, from what the node says of itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from e2sim.node.kpm_function import definition
from oran.e2sm import kpm
from oran.e2sm.identifiers import NrCgi, Snssai
from oran.errors import PlatformError
from oran.platform.node_inventory import GlobalNodeId, GnbDetails, NodeDetails, OfferedFunction
from oran.platform.subscriptions import MAX_DEFINITION_BYTES, ClientEndpoint
from xapps.kpimon.actions import EVERY_UE, MAX_ACTIONS, Scope, Wishes, planned
from xapps.kpimon.asking import KpmAsking
from xapps.kpimon.settings import KPM_OIDS, Reporting

NODE = GlobalNodeId(plmn_id="00F110", nb_id=format(5, "022b"))
OFFERED = definition(kpm.OSC)
EMBB, URLLC = Snssai(1, 1), Snssai(2)


def scopes(wishes: Wishes, offered: kpm.RanFunctionDefinition = OFFERED, node: GlobalNodeId = NODE) -> list[Scope]:
    return [action.scope for action in planned(offered, node, wishes, 1000)]


def only(*styles: int, name: str = "DRB.UEThpDl") -> kpm.RanFunctionDefinition:
    measurement = (kpm.OfferedMeasurement(name),)
    reports = tuple(kpm.ReportStyle(style, "x", style, measurement) for style in styles)
    return kpm.RanFunctionDefinition(kpm.RanFunctionName(kpm.SHORT_NAME, "1.2", "x"), (), reports)


def test_node_slices_ues_and_cells_are_asked_for_each_by_itself() -> None:
    cells = [NrCgi(b"\x00\xf1\x10", (5 << 14) + number) for number in (1, 2)]
    assert scopes(Wishes((), (EMBB, URLLC), 2)) == [
        Scope(),
        Scope(slice=EMBB),
        Scope(slice=URLLC),
        Scope(slice=EMBB, per_ue=True),
        Scope(slice=URLLC, per_ue=True),
        Scope(cell=cells[0]),
        Scope(cell=cells[1]),
    ]


def test_without_slices_every_ue_is_meant() -> None:
    node, ues = planned(OFFERED, NODE, Wishes((), (), 0), 1000)
    assert (node.scope, ues.scope) == (Scope(), Scope(per_ue=True))
    assert ues.definition.format.conditions == (EVERY_UE,)


def test_only_what_is_offered_and_wanted_is_asked_for() -> None:
    assert scopes(Wishes((), (EMBB,), 1), only(1)) == [
        Scope(),
        Scope(slice=EMBB),
        Scope(cell=NrCgi(b"\x00\xf1\x10", (5 << 14) + 1)),
    ]
    assert scopes(Wishes((), (EMBB,), 1), only(4)) == [Scope(slice=EMBB, per_ue=True)]
    assert scopes(Wishes((), (), 0), only(2, 3, 5)) == []
    assert scopes(Wishes(("RRC.ConnMean",), (), 0)) == [Scope()]
    (node,) = planned(OFFERED, NODE, Wishes(("RRC.ConnMean",), (), 0), 500)
    assert node.definition.format == kpm.ActionFormat1((kpm.Measurement("RRC.ConnMean"),), 500)


def test_measurements_that_a_slice_cannot_have_are_not_asked_of_slices() -> None:
    assert scopes(Wishes(("PEE.AvgPower",), (EMBB,), 0)) == [Scope()]
    assert scopes(Wishes((), (EMBB,), 0), only(1, name="Vendor.Thing")) == [Scope()]


@pytest.mark.parametrize(
    "node",
    [GlobalNodeId(), GlobalNodeId(plmn_id="00F110", nb_id="12345"), GlobalNodeId(plmn_id="zz", nb_id="0" * 22)],
)
def test_a_node_whose_identity_is_no_gnbs_is_not_asked_for_cells(node: GlobalNodeId) -> None:
    assert scopes(Wishes((), (), 3), node=node) == [Scope(), Scope(per_ue=True)]


@given(slices=st.integers(0, 20), cells=st.integers(0, 12))
def test_there_are_never_more_actions_than_a_subscription_takes(slices: int, cells: int) -> None:
    actions = planned(OFFERED, NODE, Wishes((), tuple(Snssai(sst) for sst in range(slices)), cells), 1000)
    assert 1 <= len(actions) <= MAX_ACTIONS
    assert [action.id for action in actions] == list(range(1, len(actions) + 1))
    assert all(len(kpm.encode_action(action.definition)) <= MAX_DEFINITION_BYTES for action in actions)


def asking() -> KpmAsking:
    return KpmAsking(ClientEndpoint(host="h", http_port=1, rmr_port=2), KPM_OIDS, Wishes((), (), 0))


def node(octets: bytes, oid: str = KPM_OIDS[1]) -> NodeDetails:
    function = {"ranFunctionId": 147, "ranFunctionDefinition": octets.hex(), "ranFunctionOid": oid}
    return NodeDetails(gnb=GnbDetails(ran_functions=(OfferedFunction.model_validate(function),)))


@pytest.mark.parametrize("oid", KPM_OIDS)
def test_kpm_is_found_under_the_identifiers_of_all_its_versions(oid: str) -> None:
    request = asking().request("gnb", node(kpm.encode_ran_function(OFFERED), oid), Reporting(500, 100))
    assert request.ran_function_id == 147
    (detail,) = request.details
    assert kpm.decode_event_trigger(detail.event_trigger) == kpm.EventTrigger(500)
    assert kpm.decode_action(detail.actions[0].definition).format.granularity_period_ms == 100


@pytest.mark.parametrize(
    "details",
    [
        node(b"", "1.2.3"),
        node(b"\xff\xff\xff"),
        node(kpm.encode_ran_function(only())),
        node(b"\x00"),
    ],
    ids=["no KPM", "garbage", "nothing offered", "cut off"],
)
def test_a_node_that_cannot_be_asked_is_an_error_of_the_platform(details: NodeDetails) -> None:
    with pytest.raises(PlatformError):
        asking().request("gnb", details, Reporting(1000, 1000))
