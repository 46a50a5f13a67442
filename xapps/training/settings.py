"""Presets of trainings: frozen settings that a run may change field by field, looked up by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Self, TypeVar

from oran.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """What every allocator's preset can do."""

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """The preset with some fields replaced.

        Raises:
            ConfigError: unknown field or bad value.
        """
        try:
            return replace(self, **changes)
        except TypeError as error:
            raise ConfigError("preset", dict(changes), str(error)) from error

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


PresetT = TypeVar("PresetT")


def named(presets: Mapping[str, PresetT], name: str) -> PresetT:
    """A preset by name.

    Raises:
        ConfigError: no such preset.
    """
    if name not in presets:
        raise ConfigError("preset", name, f"known are {', '.join(presets)}")
    return presets[name]
