"""The radio network information base: what is known of an E2 node, as protobuf in SDL and as REST JSON.

The protobuf classes are the platform's own (``ricxappframe``); they stop at field 13 of NodebInfo,
so fields 14 to 17 are a message of their own here. On the wire the two are one, since protobuf
messages merge by concatenation.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError as ProtobufError
from google.protobuf.message_factory import MessageFactory
from ricxappframe.entities.rnib.e2node_component_config_pb2 import E2nodeComponentConfig
from ricxappframe.entities.rnib.nb_identity_pb2 import NbIdentity
from ricxappframe.entities.rnib.nodeb_info_pb2 import Node, NodebInfo

from oran.e2ap import ComponentConfig, GlobalGnbId, RanFunction
from oran.errors import DecodeError

NAMESPACE: Final = "e2Manager"
STATUS_CHANNEL: Final = "RAN_CONNECTION_STATUS_CHANGE"
MANIPULATION_CHANNEL: Final = "RAN_MANIPULATION"
_GNB: Final = 1


class ConnectionStatus(IntEnum):
    """Of an E2 node; numbers of the inventory's protobuf."""

    UNKNOWN_CONNECTION_STATUS = 0
    CONNECTED = 1
    DISCONNECTED = 2
    CONNECTED_SETUP_FAILED = 3
    CONNECTING = 4
    SHUTTING_DOWN = 5
    SHUT_DOWN = 6
    UNDER_RESET = 7


def _tail_class() -> Any:
    """NodebInfo's fields 14 to 17."""
    file = FileDescriptorProto(name="nodeb_info_tail.proto", package="entities", syntax="proto3")
    message = file.message_type.add(name="NodebInfoTail")
    optional = FieldDescriptorProto.LABEL_OPTIONAL
    message.field.add(name="status_update_time_stamp", number=14, type=FieldDescriptorProto.TYPE_UINT64, label=optional)
    for number, name in ((15, "gnb_node_type"), (16, "cu_up_id"), (17, "du_id")):
        message.field.add(name=name, number=number, type=FieldDescriptorProto.TYPE_STRING, label=optional)
    pool = DescriptorPool()
    pool.Add(file)
    return MessageFactory(pool).GetPrototype(pool.FindMessageTypeByName("entities.NodebInfoTail"))


_Tail = _tail_class()


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """One E2 node."""

    ran_name: str
    node_id: GlobalGnbId
    status: ConnectionStatus
    functions: tuple[RanFunction, ...]
    components: tuple[ComponentConfig, ...]
    e2t_address: str
    """RMR endpoint of the E2 termination that holds its association; empty without one."""
    updated_ns: int
    """When the status last changed [ns since the epoch]."""

    @property
    def plmn_hex(self) -> str:
        """PLMN identity as the inventory prints it."""
        return self.node_id.plmn.hex().upper()

    @property
    def nb_id(self) -> str:
        """gNB identifier as the inventory prints it: its bits."""
        return f"{self.node_id.gnb_id:0{self.node_id.gnb_id_bits}b}"

    @property
    def secondary_key(self) -> str:
        """``GNB:<plmn>:<nbid>`` [+ ``:<cuup>`` or ``:<du>``]: the key by global identity."""
        parts = ["GNB", self.plmn_hex, self.nb_id]
        parts += [f"{part:x}" for part in (self.node_id.cu_up_id, self.node_id.du_id) if part is not None]
        return ":".join(parts)

    def identity(self) -> bytes:
        """NbIdentity, member of the set ``GNB``."""
        identity = NbIdentity(inventory_name=self.ran_name, connection_status=int(self.status))
        identity.global_nb_id.plmn_id, identity.global_nb_id.nb_id = self.plmn_hex, self.nb_id
        return bytes(identity.SerializeToString(deterministic=True))

    def to_protobuf(self) -> bytes:
        """NodebInfo, value of ``RAN:<name>``."""
        return bytes(self._info().SerializeToString() + self._tail().SerializeToString())

    def to_json(self) -> dict[str, Any]:
        """As ``/v1/nodeb/{ran}``: fields that are zero are left out."""
        return MessageToDict(self._info()) | self._status_json() | MessageToDict(self._tail())

    def state_json(self) -> dict[str, Any]:
        """As a line of ``/v1/nodeb/states``."""
        global_id = {"plmnId": self.plmn_hex, "nbId": self.nb_id}
        return {"inventoryName": self.ran_name, "globalNbId": global_id} | self._status_json()

    def _status_json(self) -> dict[str, str]:
        return {"connectionStatus": self.status.name} if self.status else {}

    def _info(self) -> NodebInfo:
        info = NodebInfo(
            ran_name=self.ran_name,
            connection_status=int(self.status),
            node_type=Node.GNB,
            associated_e2t_instance_address=self.e2t_address,
            setup_from_network=True,
        )
        info.global_nb_id.plmn_id, info.global_nb_id.nb_id = self.plmn_hex, self.nb_id
        info.gnb.gnb_type = _GNB
        for function in self.functions:
            info.gnb.ran_functions.add(
                ran_function_id=function.id,
                ran_function_definition=function.definition.hex(),
                ran_function_revision=function.revision,
                ran_function_oid=function.oid,
            )
        info.gnb.node_configs.extend(_component(config) for config in self.components)
        return info

    def _tail(self) -> Any:
        node = self.node_id
        part = {(True, False): "CU_UP", (False, True): "DU"}.get((node.cu_up_id is not None, node.du_id is not None))
        return _Tail(
            status_update_time_stamp=self.updated_ns,
            gnb_node_type=part or "GNB",
            cu_up_id="" if node.cu_up_id is None else f"{node.cu_up_id:x}",
            du_id="" if node.du_id is None else f"{node.du_id:x}",
        )


def _component(config: ComponentConfig) -> E2nodeComponentConfig:
    message = E2nodeComponentConfig(
        e2nodeComponentRequestPart=config.request_part, e2nodeComponentResponsePart=config.response_part
    )
    interface, value = config.component.interface.value, config.component.value
    message.e2nodeComponentInterfaceType = (
        E2nodeComponentConfig.DESCRIPTOR.fields_by_name["e2nodeComponentInterfaceType"]
        .enum_type.values_by_name[interface]
        .number
    )
    match interface:
        case "ng":
            message.e2nodeComponentInterfaceTypeNG.amf_name = str(value)
        case "s1":
            message.e2nodeComponentInterfaceTypeS1.mme_name = str(value)
        case "e1" if isinstance(value, int):
            message.e2nodeComponentInterfaceTypeE1.gNB_cu_cp_id = value
        case "f1" if isinstance(value, int):
            message.e2nodeComponentInterfaceTypeF1.gNB_du_id = value
        case "w1" if isinstance(value, int):
            message.e2nodeComponentInterfaceTypeW1.ngenb_du_id = value
    return message


def parse_record(data: bytes) -> NodeRecord:
    """A record as an earlier run stored it. The components' configurations are not read back: only a set-up uses them.

    Raises:
        DecodeError: the bytes are no NodebInfo of a gNB.
    """
    try:
        info, tail = NodebInfo.FromString(data), _Tail.FromString(data)
        return NodeRecord(
            info.ran_name,
            GlobalGnbId(
                bytes.fromhex(info.global_nb_id.plmn_id),
                int(info.global_nb_id.nb_id, 2),
                len(info.global_nb_id.nb_id),
                int(tail.cu_up_id, 16) if tail.cu_up_id else None,
                int(tail.du_id, 16) if tail.du_id else None,
            ),
            ConnectionStatus(info.connection_status),
            tuple(_function(function) for function in info.gnb.ran_functions),
            (),
            info.associated_e2t_instance_address,
            tail.status_update_time_stamp,
        )
    except (ProtobufError, ValueError) as error:
        raise DecodeError(f"stored node record: {error}") from error


def _function(function: Any) -> RanFunction:
    return RanFunction(
        function.ran_function_id,
        bytes.fromhex(function.ran_function_definition),
        function.ran_function_revision,
        function.ran_function_oid,
    )
