"""INSERT indications that wait for the control that answers them (lock-step)."""

from __future__ import annotations

import asyncio


class Inserts:
    """One future a call process, from before the INSERT leaves until it is answered or given up."""

    def __init__(self) -> None:
        self._waiting: dict[bytes, asyncio.Future[bool]] = {}

    def __contains__(self, call_process_id: bytes) -> bool:
        return call_process_id in self._waiting

    def expect(self, call_process_id: bytes) -> None:
        self._waiting[call_process_id] = asyncio.get_running_loop().create_future()

    def answer(self, call_process_id: bytes | None, *, applied: bool) -> None:
        future = self._waiting.get(call_process_id or b"")
        if future is not None and not future.done():
            future.set_result(applied)

    def release(self) -> None:
        """Gives all up: the association or the subscription has gone."""
        for future in self._waiting.values():
            if not future.done():
                future.set_result(False)
        self._waiting.clear()

    async def wait(self, call_process_id: bytes, wait_s: float) -> bool:
        """True if the control came in time and was applied; False at once for one that was released."""
        future = self._waiting.get(call_process_id)
        if future is None:
            return False
        try:
            async with asyncio.timeout(wait_s):  # not wait_for: before 3.12 it can swallow a cancellation
                return await future
        except TimeoutError:
            return False
        finally:
            self._waiting.pop(call_process_id, None)
