"""What every platform REST client shares: one HTTP client, and foreign errors turned into ours."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import httpx

from oran.errors import PlatformError


class RestClient:
    """A client of one platform service; safe to share between threads.

    Proxies named in the environment are not used: platform services are neighbours.

    Args:
        base_url: ``http://host:port``, without a path.
        timeout_s: for connecting, and for each wait for data [s].
        transport: replaces the network, e.g. in tests.
    """

    def __init__(self, base_url: str, *, timeout_s: float = 5.0, transport: httpx.BaseTransport | None = None) -> None:
        try:
            self._http = httpx.Client(base_url=base_url, timeout=timeout_s, transport=transport, trust_env=False)
        except httpx.InvalidURL as error:
            raise PlatformError(f"{base_url!r} is no service address: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the pooled connections."""
        self._http.close()

    def call(self, method: str, path: str, *, expected: tuple[int, ...] = (200,), **request: Any) -> httpx.Response:
        """One request; ``request`` goes to httpx (``json``, ``params``).

        Raises:
            PlatformError: no answer (``status`` None), or a status that was not ``expected``.
        """
        try:
            response = self._http.request(method, path, **request)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PlatformError(f"{method} {path}: {error or type(error).__name__}") from error
        if response.status_code not in expected:
            raise PlatformError(f"{method} {path}: {response.status_code} {response.text[:300]}", response.status_code)
        return response

    def call_json(self, method: str, path: str, *, expected: tuple[int, ...] = (200,), **request: Any) -> Any:
        """As :meth:`call`; the parsed JSON body.

        Raises:
            PlatformError: as :meth:`call`, or the body is no JSON.
        """
        response = self.call(method, path, expected=expected, **request)
        try:
            return response.json()
        except ValueError as error:
            raise PlatformError(f"{method} {path}: body is not JSON: {error}", response.status_code) from error

    def succeeds(self, path: str) -> bool:
        """Whether GET ``path`` answers 200 now."""
        try:
            self.call("GET", path)
        except PlatformError:
            return False
        return True
