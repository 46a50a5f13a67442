"""Settings of one simulated E2 node."""

from __future__ import annotations

from dataclasses import dataclass

from oran.e2ap import ComponentConfig, ComponentId, GlobalGnbId, InterfaceType
from oran.e2sm import kpm
from oran.errors import ConfigError

MAX_PDU_BYTES_OF_OSC = 8192
"""SCTP receive buffer of O-RAN-SC's E2 termination before April 2026."""

MAX_OCTET_STRING_BYTES = 16_383
"""Peers' asn1c codecs cannot read a fragmented octet string."""

ENVELOPE_BYTES = 192
"""Room for E2AP and the indication header round an indication message."""


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
    functions: tuple[str, ...] = ("rrm",)
    """RAN functions to offer, each ``name`` or ``name=id``: rrm, kpm, rc. Some peers die of unknown functions."""
    profile: str = kpm.OSC.name
    """What the peers of KPM expect: osc, srsran or strict-v3."""
    max_message_bytes: int = 0
    """Largest indication message; 0 is what the peers of the profile can read."""
    own_scheduler: bool | None = None
    """The node schedules until an xApp decides; None: only where it offers no E2SM-RRM, by which one could."""

    def __post_init__(self) -> None:
        if self.profile not in kpm.PROFILES:
            raise ConfigError("profile", self.profile, f"known are {', '.join(kpm.PROFILES)}")
        if self.max_message_bytes and not 256 <= self.max_message_bytes <= MAX_OCTET_STRING_BYTES:
            raise ConfigError("max_message_bytes", self.max_message_bytes, f"is not in 256..{MAX_OCTET_STRING_BYTES}")

    @property
    def kpm_profile(self) -> kpm.Profile:
        return kpm.PROFILES[self.profile]

    @property
    def message_limit_bytes(self) -> int:
        """Largest indication message that may be sent."""
        if self.max_message_bytes:
            return self.max_message_bytes
        return MAX_PDU_BYTES_OF_OSC - ENVELOPE_BYTES if self.kpm_profile is kpm.OSC else MAX_OCTET_STRING_BYTES

    @property
    def schedules(self) -> bool:
        """Whether the node's own scheduler works at the start."""
        if self.own_scheduler is not None:
            return self.own_scheduler
        return all(each.partition("=")[0] != "rrm" for each in self.functions)

    @property
    def node_id(self) -> GlobalGnbId:
        return GlobalGnbId(self.plmn, self.gnb_id, self.gnb_id_bits)

    @property
    def components(self) -> tuple[ComponentConfig, ...]:
        """The NG interface towards a simulated AMF: the platform answers no set-up without a component.

        The parts would hold the NGSetup PDUs; the simulated node has no core network, so they are empty.
        """
        return (ComponentConfig(ComponentId(InterfaceType.NG, "e2sim-amf"), b"", b""),)
