"""Settings of the KPI monitor."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from oran.e2sm.identifiers import Snssai
from oran.errors import ConfigError
from xapps.runtime.platform_settings import PlatformSettings, load_as

KPM_OIDS = tuple(f"1.3.6.1.4.1.53148.1.{version}.2.2" for version in (2, 3, 4))
"""Object identifiers of E2SM-KPM v2 to v4."""

_SLICE = re.compile(r"(\d{1,3})(?:-([0-9a-fA-F]{6}))?")


@dataclass(frozen=True, slots=True)
class Reporting:
    """How often nodes report, and over which time they average."""

    period_ms: int
    granularity_ms: int


class Settings(PlatformSettings):
    """Settings of one KPI monitor."""

    ran_function_oids: tuple[str, ...] = KPM_OIDS
    """Service models to look for in the nodes, the first one found counts."""
    period_ms: int = Field(default=1000, ge=1)
    """Reporting period."""
    granularity_ms: int = Field(default=1000, ge=1)
    """Time over which a value is averaged; divides the reporting period."""
    measurements: tuple[str, ...] = ()
    """Names to ask for; empty: whatever a node offers."""
    slices: tuple[str, ...] = ("1-000001", "2-000002", "3-000003")
    """S-NSSAIs to ask for, SST or SST-SD: KPM cannot tell which a node has, and a node refuses those it has not."""
    max_cells: int = Field(default=4, ge=0, le=12)
    """Cells to ask for by their number in the gNB, from 1; a node refuses those it has not."""
    max_series: int = Field(default=20_000, ge=1)
    """Series shown at most; what comes beyond is dropped and counted."""
    stale_periods: float = Field(default=3.0, ge=1.5)
    """A series without a new value for so many reporting periods (and a second) is removed."""
    sdl_namespace: str = "kpimon"
    """Namespace in SDL: one key a node."""

    @field_validator("slices")
    @classmethod
    def _readable(cls, slices: tuple[str, ...]) -> tuple[str, ...]:
        for text in slices:
            snssai(text)
        return slices

    @model_validator(mode="after")
    def _whole_periods(self) -> Self:
        if self.period_ms % self.granularity_ms:
            raise ConfigError("granularity_ms", self.granularity_ms, f"does not divide period_ms {self.period_ms}")
        return self

    @property
    def reporting(self) -> Reporting:
        return Reporting(self.period_ms, self.granularity_ms)

    @property
    def stale_s(self) -> float:
        """Age at which a series is removed [s]."""
        return self.stale_periods * self.period_ms * 1e-3 + 1.0

    @property
    def snssais(self) -> tuple[Snssai, ...]:
        return tuple(snssai(text) for text in self.slices)


def snssai(text: str) -> Snssai:
    """An S-NSSAI as people write it: ``1`` or ``1-00abcd``.

    Raises:
        ConfigError: it is not one.
    """
    match = _SLICE.fullmatch(text)
    if match is None or int(match[1]) > 255:
        raise ConfigError("slices", text, "is not SST (0..255) or SST-SD (six hexadecimal digits)")
    return Snssai(int(match[1]), None if match[2] is None else int(match[2], 16))


def load(arguments: Sequence[str] = (), **overrides: Any) -> Settings:
    """Settings from the command line, the environment and the descriptor.

    Raises:
        ConfigError: a value is missing or wrong; names the field.
    """
    return load_as(Settings, arguments, **overrides)
