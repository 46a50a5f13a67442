"""The RAN functions that a node offers, from its settings."""

from __future__ import annotations

from collections.abc import Callable

from e2sim.node.functions import RanFunctionService
from e2sim.node.identities import Identities
from e2sim.node.kpm_function import KpmFunction
from e2sim.node.rc_function import RcFunction
from e2sim.node.rrm_function import RrmFunction
from e2sim.node.settings import NodeSettings
from e2sim.scenario import Scenario
from oran.e2sm import kpm, rc, rrm
from oran.errors import ConfigError

MAX_FUNCTION_ID = 4095

_Build = Callable[[Identities, int], RanFunctionService]

KNOWN: dict[str, tuple[int, _Build]] = {
    "rrm": (
        rrm.RAN_FUNCTION_ID,
        lambda names, number: RrmFunction(names.scenario, number, names.settings.message_limit_bytes),
    ),
    "kpm": (
        kpm.RAN_FUNCTION_ID,
        lambda names, number: KpmFunction(
            names, names.settings.kpm_profile, number, names.settings.message_limit_bytes
        ),
    ),
    "rc": (rc.RAN_FUNCTION_ID, lambda names, number: RcFunction(names, number)),
}
"""Functions by name: the usual id and how they are made."""


def ran_functions(settings: NodeSettings, scenario: Scenario) -> list[RanFunctionService]:
    """The functions of ``settings.functions``, in that order.

    Raises:
        ConfigError: none, an unknown name, an id that is no RAN function id, or one id twice.
    """
    names = Identities(settings, scenario)
    chosen = [_chosen(text) for text in settings.functions]
    ids = [number for _, number in chosen]
    if not chosen or len(set(ids)) != len(ids):
        raise ConfigError("functions", ",".join(settings.functions), "needs one function or more, each with its own id")
    return [KNOWN[name][1](names, number) for name, number in chosen]


def _chosen(text: str) -> tuple[str, int]:
    name, given, number = text.partition("=")
    if name not in KNOWN:
        raise ConfigError("functions", text, f"known are {', '.join(KNOWN)}")
    if not given:
        return name, KNOWN[name][0]
    if not number.isdecimal() or int(number) > MAX_FUNCTION_ID:
        raise ConfigError("functions", text, f"an id is 0..{MAX_FUNCTION_ID}")
    return name, int(number)
