"""URLs, foreign errors and waiting times."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import socket

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oran.errors import ConfigError, ConnectFailed, PeerClosed, TransportError
from oran.transport import backoff_s, connect, listen
from oran.transport.address import Address
from oran.transport.faults import FAULTS, mapped
from oran.transport.sctp import kernel_has_sctp


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("tcp://127.0.0.1:36422", Address("tcp", "127.0.0.1", 36422)),
        ("sctp://ric.example:36422", Address("sctp", "ric.example", 36422)),
        ("tcp://[::1]:5", Address("tcp", "::1", 5)),
        ("memory://ric", Address("memory", "ric")),
    ],
)
def test_urls_name_transport_host_and_port(url: str, address: Address):
    assert Address.parse(url) == address
    assert str(address) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "tcp://",
        "tcp://host",
        "tcp://:5",
        "udp://h:1",
        "tcp://h:99999",
        "tcp://h:x",
        "tcp://h:1/p",
        "tcp://u@h:1",
        "h:1",
    ],
)
def test_what_is_no_url_of_ours_is_a_config_error(url: str):
    with pytest.raises(ConfigError):
        Address.parse(url)


@given(st.text(max_size=30))
def test_no_text_raises_anything_but_a_config_error(url: str):
    with contextlib.suppress(ConfigError):
        assert str(Address.parse(url)).partition(":")[0] in ("tcp", "sctp", "memory")


def every_subclass(kind: type[BaseException]) -> list[type[BaseException]]:
    """The standard ones; what other test modules have imported besides must not matter here."""
    deeper = [found for child in kind.__subclasses__() for found in every_subclass(child)]
    return [found for found in [kind, *deeper] if found.__module__ in ("builtins", "socket", "ssl", "asyncio")]


@pytest.mark.parametrize("foreign", [*every_subclass(OSError), asyncio.IncompleteReadError, TimeoutError, UnicodeError])
@pytest.mark.parametrize("doing", FAULTS)
def test_no_foreign_error_passes_the_wall(foreign: type[BaseException], doing: str):
    with pytest.raises(TransportError) as caught, mapped(doing, "sctp://ric:36422"):
        raise foreign.__new__(foreign)
    assert type(caught.value) is FAULTS[doing]
    assert isinstance(caught.value.__cause__, foreign)


def test_our_own_errors_pass_the_wall_unchanged():
    with pytest.raises(PeerClosed, match="as it was"), mapped("connect", "tcp://ric:1"):
        raise PeerClosed("as it was")


@pytest.mark.parametrize(
    "url", ["tcp://127.0.0.1:1", "tcp://no-such-host.invalid:1", "tcp://a..b:1", "memory://nobody"]
)
def test_nobody_there_is_connect_failed(url: str):
    with pytest.raises(ConnectFailed):
        asyncio.run(connect(url, timeout_s=5.0))


def test_a_peer_that_never_answers_is_connect_failed_in_time():
    async def scenario() -> None:
        with socket.socket() as silent:  # a full backlog drops every further SYN
            silent.bind(("127.0.0.1", 0))
            silent.listen(0)
            where = silent.getsockname()
            with socket.create_connection(where), socket.socket() as second:
                second.setblocking(False)
                second.connect_ex(where)
                url = f"tcp://127.0.0.1:{where[1]}"
                attempts = [connect(url, timeout_s=0.2) for _ in range(5)]
                outcomes = await asyncio.gather(*attempts, return_exceptions=True)
                assert isinstance(outcomes[-1], ConnectFailed)

    asyncio.run(scenario())


async def ignore(_: object) -> None:
    """A handler that closes at once."""


@pytest.mark.skipif(kernel_has_sctp(), reason="this kernel has SCTP")
def test_a_kernel_without_sctp_says_so_and_names_the_way_out():
    with pytest.raises(ConnectFailed, match=r"no SCTP.*tcp://"):
        asyncio.run(connect("sctp://127.0.0.1:36422"))
    with pytest.raises(ConnectFailed, match=r"no SCTP.*tcp://"):
        asyncio.run(listen("sctp://127.0.0.1:0", ignore))


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 5), st.floats(1, 10), st.floats(0.01, 60))
def test_waits_grow_to_the_limit_and_stay_within_their_upper_half(
    seed: int, first_s: float, factor: float, limit_s: float
):
    waits = backoff_s(np.random.default_rng(seed), first_s=first_s, factor=factor, limit_s=limit_s)
    for turn, wait_s in enumerate(itertools.islice(waits, 400)):
        longest_s = math.exp(min(math.log(limit_s), math.log(first_s) + turn * math.log(factor)))
        assert longest_s / 2 * (1 - 1e-9) <= wait_s <= longest_s * (1 + 1e-9)


def test_the_same_seed_waits_the_same_and_another_seed_does_not():
    def first_waits(seed: int) -> list[float]:
        return list(itertools.islice(backoff_s(np.random.default_rng(seed)), 5))

    assert first_waits(1) == first_waits(1)
    assert first_waits(1) != first_waits(2)


@pytest.mark.parametrize("wrong", [{"first_s": 0.0}, {"limit_s": -1.0}, {"factor": 0.5}])
def test_waits_that_cannot_be_are_refused(wrong: dict[str, float]):
    with pytest.raises(ConfigError):
        backoff_s(np.random.default_rng(0), **wrong)
