"""Settings of one simulated E2 node."""

from __future__ import annotations

from dataclasses import dataclass

from oran.e2ap import ComponentConfig, ComponentId, GlobalGnbId, InterfaceType


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """Who the node is and where its RIC listens."""

    ric_url: str
    """E2 termination: ``sctp://host:36422`` or ``tcp://host:36422``."""
    plmn: bytes = b"\x00\xf1\x10"
    """PLMN identity, 3 octets; the default is 001/01."""
    gnb_id: int = 1
    gnb_id_bits: int = 22
    setup_timeout_s: float = 5.0
    """How long to wait for the answer to E2 Setup before the association is torn down and tried again."""
    reconnect_first_s: float = 0.2
    reconnect_limit_s: float = 5.0
    seed: int = 0
    """Seed of the back-off jitter."""

    @property
    def node_id(self) -> GlobalGnbId:
        return GlobalGnbId(self.plmn, self.gnb_id, self.gnb_id_bits)

    @property
    def components(self) -> tuple[ComponentConfig, ...]:
        """The NG interface towards a simulated AMF: the platform answers no set-up without a component.

        The parts would hold the NGSetup PDUs; the simulated node has no core network, so they are empty.
        """
        return (ComponentConfig(ComponentId(InterfaceType.NG, "e2sim-amf"), b"", b""),)
