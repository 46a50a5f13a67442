"""Transports for E2AP: whole messages over SCTP, TCP or memory, chosen by URL.

    sctp://host:port    kernel SCTP, payload protocol 70
    tcp://host:port     length-prefixed, where the kernel has no SCTP
    memory://name       inside one process

Everything runs in asyncio; foreign errors are mapped by one table (:mod:`oran.transport.faults`).
"""

from oran.transport.backoff import backoff_s
from oran.transport.channel import Channel, Listener, OnChannel
from oran.transport.facade import connect, listen

__all__ = ["Channel", "Listener", "OnChannel", "backoff_s", "connect", "listen"]
