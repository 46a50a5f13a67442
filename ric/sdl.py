"""The shared data layer: state in Redis under ``{namespace},key``, as ``ricsdl`` lays it out.

What this process writes it also holds in memory. While Redis is away reads and writes go on
against that copy; when Redis is back (perhaps empty) the copy is written to it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from oran.errors import ConnectFailed

_log = logging.getLogger(__name__)

_COMMAND_TIMEOUT_S: Final = 2.0
_Command = tuple[str | bytes, ...]


class Sdl:
    """One connection to the database, shared by the platform's components.

    Args:
        host, port: where Redis listens.
        probe_period_s: how often a lost or restarted Redis is looked for [s].

    Attributes:
        available: whether the database took the last command.
    """

    def __init__(self, host: str, port: int, *, probe_period_s: float = 0.5) -> None:
        self.available = False
        self._address = f"{host}:{port}"
        self._redis = Redis(
            host=host, port=port, socket_timeout=_COMMAND_TIMEOUT_S, socket_connect_timeout=_COMMAND_TIMEOUT_S
        )
        self._probe_period_s = probe_period_s
        self._values: dict[str, bytes] = {}
        self._groups: dict[str, set[bytes]] = {}
        self._removed: set[str] = set()
        self._run_id = ""
        self._writing = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect.

        Raises:
            ConnectFailed: Redis does not answer.
        """
        try:
            self._run_id = await self._read_run_id()
        except (RedisError, OSError) as error:
            await self._redis.close()
            raise ConnectFailed(f"no Redis at {self._address}: {error}") from error
        self.available = True
        self._watch = asyncio.create_task(self._keep_connected(), name="sdl")

    async def close(self) -> None:
        """Disconnect; what was written stays."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        await self._redis.close()

    async def ping(self) -> bool:
        """Whether the database answers now."""
        try:
            await self._redis.ping()
        except (RedisError, OSError) as error:
            self._lost(error)
            return False
        return self.available

    # --- values and groups -----------------------------------------------------------------

    async def load(self, namespace: str, prefix: str = "") -> dict[str, bytes]:
        """Every value of a namespace whose key begins with ``prefix``, by key.

        Raises:
            ConnectFailed: Redis went away.
        """
        start = _full(namespace, "")
        try:
            keys = [key.decode() for key in await self._redis.keys(_glob_quoted(start + prefix) + "*")]
            typed = [(key, await self._redis.type(key)) for key in keys]
            found = {key: await self._redis.get(key) for key, kind in typed if kind == b"string"}
        except (RedisError, OSError) as error:
            raise ConnectFailed(f"no Redis at {self._address}: {error}") from error
        values = {key: value for key, value in found.items() if value is not None}
        self._values.update(values)
        return {key[len(start) :]: value for key, value in values.items()}

    async def put(self, namespace: str, values: Mapping[str, bytes], *, publish: tuple[str, str] | None = None) -> None:
        """Write values; with ``publish`` (channel, event) also tell the subscribers, in one transaction."""
        full = {_full(namespace, key): value for key, value in values.items()}
        self._values.update(full)
        self._removed.difference_update(full)
        commands: list[_Command] = [("SET", key, value) for key, value in full.items()]
        await self._execute(commands + _publication(namespace, publish))

    async def remove(self, namespace: str, keys: Iterable[str]) -> None:
        """Delete values; keys that do not exist are no error."""
        full = [_full(namespace, key) for key in keys]
        for key in full:
            self._values.pop(key, None)
        self._removed.update(full)
        await self._execute([("DEL", *full)] if full else [])

    async def load_members(self, namespace: str, group: str) -> frozenset[bytes]:
        """The members of a group.

        Raises:
            ConnectFailed: Redis went away.
        """
        key = _full(namespace, group)
        try:
            self._groups[key] = set(await self._redis.smembers(key))
        except (RedisError, OSError) as error:
            raise ConnectFailed(f"no Redis at {self._address}: {error}") from error
        return frozenset(self._groups[key])

    async def replace_member(self, namespace: str, group: str, old: bytes | None, new: bytes) -> None:
        """Put ``new`` into a group in place of ``old``."""
        key = _full(namespace, group)
        members = self._groups.setdefault(key, set())
        commands: list[_Command] = []
        if old is not None and old != new:
            members.discard(old)
            commands.append(("SREM", key, old))
        members.add(new)
        await self._execute([*commands, ("SADD", key, new)])

    # --- Redis itself ----------------------------------------------------------------------

    async def _execute(self, commands: list[_Command]) -> None:
        """Run commands as one transaction, in the order of the calls; if Redis is away, later by :meth:`_restore`."""
        if not commands or not self.available:
            return
        async with self._writing:
            try:
                await self._transaction(commands)
            except (RedisError, OSError) as error:
                self._lost(error)

    async def _transaction(self, commands: list[_Command]) -> None:
        pipeline = self._redis.pipeline(transaction=True)
        for command in commands:
            pipeline.execute_command(*command)
        await pipeline.execute()

    def _lost(self, error: Exception) -> None:
        if self.available:
            _log.error("Redis at %s does not answer; state is kept in memory until it does: %s", self._address, error)
        self.available = False

    async def _read_run_id(self) -> str:
        return str((await self._redis.info("server"))["run_id"])

    async def _keep_connected(self) -> None:
        while True:
            await asyncio.sleep(self._probe_period_s)
            try:
                run_id = await self._read_run_id()
                if run_id != self._run_id or not self.available:
                    await self._restore(run_id)
            except (RedisError, OSError) as error:
                self._lost(error)

    async def _restore(self, run_id: str) -> None:
        """Write everything again: the database was away, or is a new one."""
        async with self._writing:
            commands: list[_Command] = [("DEL", key) for key in [*self._removed, *self._groups]]
            commands += [("SET", key, value) for key, value in self._values.items()]
            commands += [("SADD", key, *members) for key, members in self._groups.items() if members]
            if commands:
                await self._transaction(commands)
            self._removed.clear()
            self._run_id, self.available = run_id, True
        _log.warning("Redis at %s is back; wrote %d values again", self._address, len(self._values))


def _full(namespace: str, key: str) -> str:
    return f"{{{namespace}}},{key}"


def _glob_quoted(text: str) -> str:
    return "".join(f"\\{char}" if char in "*?[]\\" else char for char in text)


def _publication(namespace: str, publish: tuple[str, str] | None) -> list[_Command]:
    return [("PUBLISH", _full(namespace, publish[0]), publish[1])] if publish else []
