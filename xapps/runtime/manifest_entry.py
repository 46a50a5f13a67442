"""What goes into a model's manifest as a frozen dataclass, and comes out of it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

from oran.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestEntry:
    """Base of such dataclasses; their ``__post_init__`` checks values and raises ConfigError."""

    entry: ClassVar[str] = "architecture"
    """Its name in the manifest, for errors."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Reads a manifest's entry.

        Raises:
            ConfigError: unknown or ill-typed field, or bad value.
        """
        try:
            return cls(**values)
        except TypeError as error:
            raise ConfigError(cls.entry, dict(values), str(error)) from error

    def to_dict(self) -> dict[str, Any]:
        """The manifest's entry."""
        return asdict(self)
