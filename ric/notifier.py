"""Posts to xApps and A1 clients: JSON to a URL, again and again until it is taken."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx

_log = logging.getLogger(__name__)


class Notifier:
    """Posts with the patience of the platform's subscription manager.

    Args:
        tries: how often one body is posted.
        retry_s: between two tries [s].
    """

    def __init__(
        self, *, tries: int = 10, retry_s: float = 5.0, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._tries = tries
        self._retry_s = retry_s
        self._http = httpx.AsyncClient(timeout=5.0, trust_env=False, transport=transport)

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._http.aclose()

    async def post(self, url: str, body: dict[str, Any]) -> bool:
        """Whether the receiver answered 200 in the end."""
        for attempt in range(self._tries):
            if attempt:
                await asyncio.sleep(self._retry_s)
            if await self._try(url, body):
                return True
        _log.error("notification to %s given up after %d tries", url, self._tries)
        return False

    async def _try(self, url: str, body: dict[str, Any]) -> bool:
        try:
            response = await self._http.post(url, json=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            _log.warning("notification to %s: %s", url, error or type(error).__name__)
            return False
        if response.status_code != 200:
            _log.warning("notification to %s: status %d", url, response.status_code)
        return response.status_code == 200
