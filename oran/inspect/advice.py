"""What helps when an E2 set-up fails: by cause, and by what is known of the peers in the field."""

from __future__ import annotations

import errno
from typing import Final

from oran.e2ap import (
    Cause,
    CauseE2Node,
    CauseMisc,
    CauseProtocol,
    CauseRicRequest,
    CauseRicService,
    CauseTransport,
    E2SetupFailure,
)
from oran.transport.address import Address

_BY_CAUSE: Final[dict[Cause, str]] = {
    CauseRicRequest.SYSTEM_NOT_READY: "the RIC is still starting: try again later",
    CauseRicService.RAN_FUNCTION_NOT_SUPPORTED: "offer only functions whose service model the RIC has loaded",
    CauseRicService.EXCESSIVE_FUNCTIONS: "offer fewer RAN functions",
    CauseRicService.RIC_RESOURCE_LIMIT: "the RIC has no room for another node",
    CauseE2Node.E2NODE_COMPONENT_UNKNOWN: "the RIC wants other E2 node components (interfaces ng, xn, e1, f1, ...)",
    CauseTransport.TRANSPORT_RESOURCE_UNAVAILABLE: "the RIC has no transport resource: too many associations?",
    CauseProtocol.TRANSFER_SYNTAX_ERROR: "the RIC could not decode the request: does it speak E2AP v1?",
    CauseProtocol.ABSTRACT_SYNTAX_ERROR_REJECT: "the RIC misses an IE, or does not know one: another version of E2AP?",
    CauseProtocol.ABSTRACT_SYNTAX_ERROR_FALSELY_CONSTRUCTED_MESSAGE: (
        "the RIC found the IEs out of order or repeated: another version of E2AP?"
    ),
    CauseProtocol.MESSAGE_NOT_COMPATIBLE_WITH_RECEIVER_STATE: (
        "the RIC thinks this node is set up already: end the older association, or use another gNB identifier"
    ),
    CauseProtocol.SEMANTIC_ERROR: "the RIC understood the request and did not like it: its log says why",
    CauseMisc.CONTROL_PROCESSING_OVERLOAD: "the RIC is overloaded: try again later",
    CauseMisc.OM_INTERVENTION: "an operator has shut the RIC for new nodes",
}
_SOON: Final = (
    "O-RAN-SC's E2 manager answers so when a node comes back within 10 s of its disconnection or is being shut down"
)


def for_failure(failure: E2SetupFailure) -> list[str]:
    """What may help against a refusal."""
    advice = [_BY_CAUSE.get(failure.cause, "the cause says nothing more: look into the RIC's log")]
    if failure.time_to_wait is not None:
        advice.append(f"wait {failure.time_to_wait.seconds:g} s before the next attempt; {_SOON}")
    if failure.diagnostics is not None and failure.diagnostics.ies:
        faulty = ", ".join(
            f"{ie.ie_id} {'missing' if ie.missing else 'not understood'}" for ie in failure.diagnostics.ies
        )
        advice.append(f"information elements at fault: {faulty}")
    return advice


def for_no_connection(address: Address, error: str) -> list[str]:
    """What may help when nobody is reached."""
    advice = []
    if "no SCTP" in error:
        advice.append("`modprobe sctp` needs a kernel with the module; tcp:// reaches only this suite's own RIC")
    elif address.scheme == "sctp":
        advice.append("O-RAN-SC listens on 36422 (NodePort 32222; 36421 under docker compose), FlexRIC on 36421")
        advice.append("firewalls and Kubernetes Services pass SCTP only where they are told to")
    else:
        advice.append("tcp:// is this suite's own framing: other RICs listen on SCTP only, use sctp://")
    if "refused" in error.lower() or f"[Errno {errno.ECONNREFUSED}]" in error:
        advice.append("the host is there, the port is not open: is the E2 termination running?")
    return advice


SILENCE: Final = (
    "O-RAN-SC's E2 manager answers nothing while the RIC is disabled, when it does not know the E2 termination, or "
    "when the request has no E2 node component (this one has)",
    "an E2 termination that could not decode the request stays silent: does it speak E2AP v1?",
    "look for the node in the log of the E2 termination, then of the E2 manager",
)
"""When a set-up request stays without answer."""

HANG_UP: Final = (
    "FlexRIC's RIC aborts on a RAN function whose model it has not loaded: offer only 2 (KPM) and 3 (RC)",
    "port 36422 of FlexRIC is for xApps and speaks another protocol (E42): nodes use 36421",
    "an E2 termination restarts when it meets a message it cannot bear: look into its log",
)
"""When the peer closes instead of answering."""

FOREIGN: Final = ("what answers is not E2AP in this transport's framing: is this the right port, tcp:// or sctp://?",)
"""When the answer is none of E2AP."""
