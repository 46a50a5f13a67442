"""Presets of trainings: frozen settings that a run may change field by field, looked up by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Self, TypeVar

from oran.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """What every allocator's preset can do."""

    readers: ClassVar[Mapping[str, Callable[[Any], Any]]] = {}
    """How fields are read that JSON has in another form."""

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """The preset with some fields replaced, as they are or as JSON has them.

        Raises:
            ConfigError: unknown field or bad value.
        """
        try:
            read = {name: self.readers.get(name, _as_it_is)(value) for name, value in changes.items()}
            return replace(self, **read)
        except TypeError as error:
            raise ConfigError("preset", dict(changes), str(error)) from error

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def _as_it_is(value: Any) -> Any:
    return value


PresetT = TypeVar("PresetT")


def named(presets: Mapping[str, PresetT], name: str) -> PresetT:
    """A preset by name.

    Raises:
        ConfigError: no such preset.
    """
    if name not in presets:
        raise ConfigError("preset", name, f"known are {', '.join(presets)}")
    return presets[name]
