"""Subscription ids in SDL, so that the next life of a killed xApp can end what this one began."""

from __future__ import annotations

from typing import Any, Protocol

from ricsdl.exceptions import SdlException

from oran.errors import PlatformError

KEY = "subscriptions"


class Sdl(Protocol):
    """The part of the framework's SDL wrapper that xApps use."""

    def set(self, ns: str, key: str, value: Any) -> None: ...

    def get(self, ns: str, key: str) -> Any: ...

    def delete(self, ns: str, key: str) -> None: ...


class SubscriptionLedger:
    """SubscriptionId -> RAN name, under the xApp's own namespace.

    Every method raises PlatformError where the database cannot be reached.
    """

    def __init__(self, sdl: Sdl, instance: str) -> None:
        self._sdl = sdl
        self._namespace = f"xapp-{instance}"

    def load(self) -> dict[str, str]:
        """What was saved last; empty if nothing was."""
        try:
            saved = self._sdl.get(self._namespace, KEY)
        except (SdlException, IndexError) as error:  # IndexError: SDL's answer to an environment without a database
            raise PlatformError(f"SDL: {error!r}") from error
        return {str(subscription_id): str(meid) for subscription_id, meid in (saved or {}).items()}

    def save(self, subscriptions: dict[str, str]) -> None:
        """Replace what was saved."""
        try:
            self._sdl.set(self._namespace, KEY, subscriptions)
        except (SdlException, IndexError) as error:
            raise PlatformError(f"SDL: {error!r}") from error
