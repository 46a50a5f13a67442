"""Registration with the app manager, confirmed.

The framework's own registration is not used: it takes a connection error for success and gives up for good when a
variable of the chart is missing. What is sent is the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from oran.errors import PlatformError
from oran.platform.app_manager import AppManagerClient, Registration
from xapps.runtime.metrics import PlatformMetrics

log = logging.getLogger(__name__)


class Registrar:
    """Keeps one xApp registered.

    Args:
        on_registered: called after every registration; routes to us exist a moment later.
    """

    def __init__(
        self,
        client: AppManagerClient,
        registration: Registration,
        metrics: PlatformMetrics,
        on_registered: Callable[[], None] = lambda: None,
    ) -> None:
        self.registered = False
        self._client = client
        self._registration = registration
        self._metrics = metrics
        self._on_registered = on_registered
        self._was_registered = False

    def ensure(self) -> None:
        """Register unless the app manager lists what this process registered.

        Raises:
            PlatformError: no answer, refused, or not listed afterwards.
        """
        listed = self._listed()
        if listed and self._was_registered:
            return
        if listed:  # by an earlier life; registering over it would strike the record out
            self._deregister()
        self._client.register(self._registration)
        if not self._listed():
            raise PlatformError(f"{self._registration.instance_name} was registered but is not listed")
        self._was_registered = True
        log.info("registered as %s", self._registration.instance_name)
        self._on_registered()

    def end(self) -> None:
        """Deregister.

        Raises:
            PlatformError: no answer.
        """
        if self._was_registered:
            self._deregister()
        self._note(False)
        self._was_registered = False

    def _listed(self) -> bool:
        try:
            listed = self._client.is_registered(self._registration.instance_name)
        except PlatformError:
            self._note(False)
            raise
        self._note(listed)
        return listed

    def _deregister(self) -> None:
        try:
            self._client.deregister(self._registration.app_name, self._registration.instance_name)
        except PlatformError as error:
            if error.status != 400:  # not registered: what we wanted
                raise

    def _note(self, registered: bool) -> None:
        self.registered = registered
        self._metrics.registered.set(registered)
