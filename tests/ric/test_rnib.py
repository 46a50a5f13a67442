from __future__ import annotations

import pytest
from ricxappframe.entities.rnib.nb_identity_pb2 import NbIdentity
from ricxappframe.entities.rnib.nodeb_info_pb2 import NodebInfo

from oran.e2ap import ComponentConfig, ComponentId, GlobalGnbId, InterfaceType, RanFunction
from oran.errors import DecodeError
from ric.rnib import ConnectionStatus, NodeRecord, parse_record


def record(status: ConnectionStatus = ConnectionStatus.CONNECTED) -> NodeRecord:
    return NodeRecord(
        "gnbd_001_001_00019b_7",
        GlobalGnbId(b"\x00\xf1\x10", 0x19B, 22, du_id=7),
        status,
        (RanFunction(0, b"\x01\xff", 3, "1.2.3"),),
        (ComponentConfig(ComponentId(InterfaceType.F1, 7), b"req", b"resp"),),
        "127.0.0.1:38000",
        1_700_000_000_000_000_000,
    )


def test_the_frameworks_own_classes_read_what_is_stored():
    info = NodebInfo.FromString(record().to_protobuf())
    assert (info.ran_name, info.connection_status) == ("gnbd_001_001_00019b_7", 1)
    assert info.gnb.ran_functions[0].ran_function_definition == "01ff"
    assert info.gnb.node_configs[0].e2nodeComponentInterfaceTypeF1.gNB_du_id == 7
    identity = NbIdentity.FromString(record().identity())
    assert identity.global_nb_id.plmn_id == "00F110"
    assert int(identity.global_nb_id.nb_id, 2) == 0x19B and len(identity.global_nb_id.nb_id) == 22


def test_the_json_leaves_zeros_out_and_writes_times_as_text():
    body = record().to_json()
    assert body["gnb"]["ranFunctions"] == [
        {"ranFunctionDefinition": "01ff", "ranFunctionRevision": 3, "ranFunctionOid": "1.2.3"}
    ]
    assert body["statusUpdateTimeStamp"] == "1700000000000000000"
    assert (body["gnbNodeType"], body["duId"], body["setupFromNetwork"]) == ("DU", "7", True)
    assert "cuUpId" not in body


def test_a_status_that_the_old_protobuf_does_not_know_is_still_written_by_name():
    assert record(ConnectionStatus.UNDER_RESET).to_json()["connectionStatus"] == "UNDER_RESET"


@pytest.mark.parametrize(
    "node",
    [
        GlobalGnbId(b"\x00\xf1\x10", 1, 22),
        GlobalGnbId(b"\x13\x00\x14", 2**32 - 1, 32, du_id=0),
        GlobalGnbId(b"\x13\x00\x14", 5, 28, cu_up_id=9),
    ],
)
def test_a_stored_record_is_read_back_with_its_identity_and_functions(node: GlobalGnbId):
    stored = NodeRecord("gnb", node, ConnectionStatus.CONNECTED, record().functions, (), "", 5)
    assert parse_record(stored.to_protobuf()) == stored


@pytest.mark.parametrize("data", [b"\xff\xff", b"", b"\x0a\x03gnb"])
def test_what_is_no_record_is_refused(data: bytes):
    with pytest.raises(DecodeError):
        parse_record(data)
