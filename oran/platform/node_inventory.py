"""The node inventory's REST interface (E2Mgr 6.0): which E2 nodes there are and what they offer.

Its JSON leaves out fields whose value is zero, so every field here has the zero as default.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from oran.errors import PlatformError
from oran.platform.rest import RestClient

CONNECTED: Final = "CONNECTED"

_T = TypeVar("_T", bound=BaseModel)


class _Payload(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True, alias_generator=to_camel)


class GlobalNodeId(_Payload):
    """PLMN and node identifier as E2Mgr prints them."""

    plmn_id: str = ""
    """Hexadecimal octets, e.g. ``00F110`` for 001/01."""
    nb_id: str = ""
    """Bits as text."""


class NodeState(_Payload):
    """One line of ``/v1/nodeb/states``."""

    inventory_name: str = ""
    """RAN name: the RMR meid and the subscription's Meid."""
    global_nb_id: GlobalNodeId = GlobalNodeId()
    connection_status: str = "UNKNOWN_CONNECTION_STATUS"

    @property
    def connected(self) -> bool:
        """Whether subscriptions to it are accepted."""
        return self.connection_status == CONNECTED


class OfferedFunction(_Payload):
    """One RAN function of a node."""

    id: int = Field(default=0, validation_alias="ranFunctionId", serialization_alias="ranFunctionId")
    definition_hex: str = Field(
        "", validation_alias="ranFunctionDefinition", serialization_alias="ranFunctionDefinition"
    )
    revision: int = Field(default=0, validation_alias="ranFunctionRevision", serialization_alias="ranFunctionRevision")
    oid: str = Field(default="", validation_alias="ranFunctionOid", serialization_alias="ranFunctionOid")

    @property
    def definition(self) -> bytes:
        """The encoded RAN function definition.

        Raises:
            PlatformError: the inventory's text is not hexadecimal.
        """
        try:
            return bytes.fromhex(self.definition_hex)
        except ValueError as error:
            raise PlatformError(f"RAN function {self.id}: definition is not hexadecimal") from error


class GnbDetails(_Payload):
    """The gNB part of a node."""

    ran_functions: tuple[OfferedFunction, ...] = ()


class NodeDetails(_Payload):
    """``/v1/nodeb/{ran}``."""

    ran_name: str = ""
    connection_status: str = "UNKNOWN_CONNECTION_STATUS"
    global_nb_id: GlobalNodeId = GlobalNodeId()
    node_type: str = "UNKNOWN"
    gnb: GnbDetails = GnbDetails()
    associated_e2t_instance_address: str = Field(
        "", validation_alias="associatedE2tInstanceAddress", serialization_alias="associatedE2tInstanceAddress"
    )
    setup_from_network: bool = False
    status_update_time_stamp: str = ""
    """Nanoseconds since the epoch, as text."""

    @property
    def connected(self) -> bool:
        """Whether subscriptions to it are accepted."""
        return self.connection_status == CONNECTED

    def function(self, oid: str) -> OfferedFunction | None:
        """The RAN function of that object identifier, if the node offers it."""
        return next((offered for offered in self.gnb.ran_functions if offered.oid == oid), None)


class NodeInventoryClient(RestClient):
    """Reads the inventory; poll it, for events alone can be missed."""

    def states(self) -> list[NodeState]:
        """Every node that was ever set up.

        Raises:
            PlatformError: no list came.
        """
        return [_parse(NodeState, item) for item in self.call_json("GET", "/v1/nodeb/states") or []]

    def node(self, ran_name: str) -> NodeDetails:
        """One node.

        Raises:
            PlatformError: 404 if it is unknown.
        """
        return _parse(NodeDetails, self.call_json("GET", f"/v1/nodeb/{quote(ran_name, safe='')}"))

    def healthy(self) -> bool:
        """Whether the node manager answers."""
        return self.succeeds("/v1/health")


def _parse(kind: type[_T], body: Any) -> _T:
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        raise PlatformError(f"unexpected inventory body: {error}", 200) from error
