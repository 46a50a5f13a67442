"""Mutations: a valid input, damaged in ways that decoders fear. Seeded; the same seed gives the same inputs."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

MAX_INPUT_BYTES = 40_000

_Mutation = Callable[[random.Random, bytearray, int], None]


def _flip(rng: random.Random, data: bytearray, at: int) -> None:
    if data:
        data[at] ^= 1 << rng.randrange(8)


def _overwrite(rng: random.Random, data: bytearray, at: int) -> None:
    data[at : at + 1] = rng.choice((b"\x00", b"\x01", b"\x20", b"\x40", b"\x7f", b"\x80", b"\xff", rng.randbytes(1)))


def _delete(rng: random.Random, data: bytearray, at: int) -> None:
    del data[at : at + rng.randint(1, 8)]


def _insert(rng: random.Random, data: bytearray, at: int) -> None:
    data[at:at] = rng.randbytes(rng.randint(1, 8))


def _repeat(rng: random.Random, data: bytearray, at: int) -> None:
    piece = bytes(data[at : at + rng.randint(1, 32)])
    data[at:at] = piece * rng.choice((1, 1, 2, 16))


def _truncate(_: random.Random, data: bytearray, at: int) -> None:
    del data[at:]


_MUTATIONS: tuple[_Mutation, ...] = (_flip, _flip, _overwrite, _overwrite, _delete, _insert, _repeat, _truncate)


def mutate(rng: random.Random, seeds: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    """One damaged input: a seed after one to four mutations, now and then crossed with another seed."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data)) if data else 0
        which = rng.randrange(len(_MUTATIONS) + 3)
        if which < len(_MUTATIONS):
            _MUTATIONS[which](rng, data, at)
        elif which == len(_MUTATIONS):
            other = rng.choice(seeds)
            data[at:] = other[rng.randrange(len(other) or 1) :]
        else:
            token = rng.choice(tokens)
            data[at : at + rng.choice((0, len(token)))] = token
    return bytes(data[:MAX_INPUT_BYTES])
