"""The onboarding descriptor, ``config-file.json``: what the platform and the xApp both read.

Only the parts that the xApp itself needs are typed; the onboarder validates the rest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from oran.errors import ConfigError


class Port(BaseModel):
    """One of ``messaging.ports``; the platform's chart knows the names http, rmrdata and rmrroute."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str
    port: int = Field(ge=1, le=65535)
    policies: tuple[int, ...] = ()
    """A1 policy type ids that RtMgr routes here."""


class Messaging(BaseModel):
    """Ports and the messages that go through them."""

    model_config = ConfigDict(extra="allow", frozen=True)

    ports: tuple[Port, ...]

    def port(self, name: str) -> Port | None:
        return next((port for port in self.ports if port.name == name), None)


class Descriptor(BaseModel):
    """An xApp as it is onboarded."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = Field(min_length=1)
    version: str
    messaging: Messaging
    controls: dict[str, Any] = Field(default_factory=dict)
    """Settings of the xApp itself, under the names of ``settings.Settings``."""


def load(path: Path) -> tuple[Descriptor, str]:
    """The descriptor of a file, and its text for the app manager.

    Raises:
        ConfigError: no such file, not JSON, or a field is missing or wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return Descriptor.model_validate(json.loads(text)), text
    except OSError as error:
        raise ConfigError("config", str(path), error.strerror or "cannot be read") from error
    except json.JSONDecodeError as error:
        raise ConfigError("config", str(path), f"is not JSON: {error}") from error
    except ValidationError as error:
        raise first_fault(error, f"{path.name}:") from error


def rewritten(text: str, *, name: str, ports: Mapping[str, int], policies: Sequence[int]) -> str:
    """A descriptor's JSON text with another name, other port numbers and other policy types on the RMR port."""
    document = json.loads(text)
    document["name"] = name
    for port in document["messaging"]["ports"]:
        port["port"] = ports.get(port["name"], port["port"])
        if "policies" in port:
            port["policies"] = list(policies)
    return json.dumps(document)


def first_fault(error: ValidationError, prefix: str = "") -> ConfigError:
    """The first complaint of pydantic as our own error, which names the field."""
    fault = error.errors()[0]
    field = ".".join(str(part) for part in fault["loc"])
    return ConfigError(f"{prefix}{field}", fault.get("input"), fault["msg"])
