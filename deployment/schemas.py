"""``values.schema.json`` of a chart, inferred from its values: types from the defaults, texts from the comments, bounds
from the one table below. Helm refuses bad values with a sentence that names the key."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import Any

import yaml

from deployment.values_files import entries
from e2sim import scenario
from xapps.allocators import ALLOCATORS

Schema = dict[str, Any]

DRAFT = "http://json-schema.org/draft-07/schema#"
PORT = {"minimum": 1, "maximum": 65535}
ADDRESS = {"pattern": "^([^:/ ]+:[0-9]+)?$"}
URL = {"pattern": "^(https?://[^ ]+)?$"}
LEVELS = {"enum": ["DEBUG", "INFO", "WARNING", "ERROR"]}
CLASSIC = "|".join(ALLOCATORS)

BOUNDS: dict[str, Schema] = {
    "namespace": {"pattern": "^[a-z0-9-]*$"},
    "*.namespace": {"pattern": "^[a-z0-9-]*$"},
    "image.registry": {"pattern": "^[^/ ]+$"},
    "image.repository": {"pattern": "^[a-z0-9][a-z0-9._/-]*$"},
    "image.digest": {"pattern": "^(sha256:[0-9a-f]{64})?$"},
    "image.pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "*.port": PORT,
    "*Url": URL,
    "platform.a1Rmr": ADDRESS,
    "modelStore": ADDRESS,
    "redis.address": ADDRESS,
    "redis.image": {"minLength": 1},
    "platform.routeManager": {"pattern": "^(-?[0-9]+|[^:/ ]+:[0-9]+)$"},
    "ric.transport": {"enum": ["sctp", "tcp"]},
    "ric.host": {"pattern": "^[^:/ ]+$"},
    "e2.transport": {"enum": ["sctp", "tcp"]},
    "e2.nodePort": {"minimum": 0, "maximum": 65535},
    "scenario": {"enum": scenario.names()},
    "training.allocator": {"enum": ["ssvae", "dqn", "diffusion-ql"]},
    "experience.maxBytes": {"minimum": 1},
    "signing.trustedKeys": {"items": {"type": "string", "pattern": "^ed25519:[A-Za-z0-9+/]{43}=$"}},
    "training.scenario": {"enum": scenario.names()},
    "training.against": {"pattern": f"^({CLASSIC}|[a-z0-9][a-z0-9_-]*(:[1-9][0-9]*)?)$"},
    "training.preset": {"minLength": 1},
    "training.drops": {"minimum": 2},
    "training.gateDrops": {"minimum": 2},
    "training.policyType": {"minimum": 1, "maximum": 2**31 - 1},
    "training.deadlineSeconds": {"minimum": 60},
    "seed": {"minimum": 0},
    "*.seed": {"minimum": 0},
    "gnbId": {"minimum": 0, "maximum": 2**22 - 1},
    "logLevel": LEVELS,
    "reconnectWaitSeconds": {"enum": [0, 1, 2, 5, 10, 20, 60]},
    "*.accessMode": {"enum": ["ReadWriteOnce", "ReadWriteMany"]},
    "*.size": {"pattern": "^[1-9][0-9]*(Mi|Gi|Ti)$"},
    "monitoring.serviceMonitor.interval": {"pattern": "^[1-9][0-9]*(ms|s|m)$"},
    "monitoring.serviceMonitor.scrapeTimeout": {"pattern": "^[1-9][0-9]*(ms|s|m)$"},
    "probes.*": {"minimum": 1},
    "terminationGracePeriodSeconds": {"minimum": 5},
    "podDisruptionBudget.maxUnavailable": {"minimum": 0},
    "tests.*Seconds": {"minimum": 1},
    "tests.e2Nodes": {"minimum": 0},
}
"""Bounds by path; a pattern of a path counts for all that match."""

FREE = ("resources", "*.resources", "podAnnotations", "nodeSelector", "*.labels")
"""Objects that Kubernetes itself defines or that users fill."""

FROM_HELM: Schema = {"global": {"type": "object"}, "library": {"type": "object"}, "enabled": {"type": "boolean"}}
"""Keys that Helm adds to what the user says: globals, the library's (empty) values, an umbrella's switch."""


def of_values(text: str, controls: Schema | None = None) -> Schema:
    """The schema of a chart whose ``values.yaml`` is ``text``; ``controls`` is the descriptor's own schema."""
    values = yaml.safe_load(text)
    texts = {".".join(entry.path): entry.text for entry in entries(text)}
    schema = _of(values, "", texts)
    if controls is not None:
        ours = {key: value for key, value in controls.items() if key not in ("$schema", "$id", "required")}
        schema["properties"]["controls"] = ours
    schema["properties"] |= FROM_HELM
    return {"$schema": DRAFT} | schema


def of_suite(names: list[str]) -> Schema:
    """The umbrella's schema: it knows which charts there are, and each chart's own schema does the rest."""
    parts = {name: {"type": "object"} for name in names}
    switch = {"createNamespaces": {"type": "boolean"}, "monitoring": {"type": "object"}} | FROM_HELM
    return {"$schema": DRAFT, "type": "object", "additionalProperties": False, "properties": parts | switch}


def _of(value: Any, path: str, texts: dict[str, str]) -> Schema:
    schema = _type_of(value, path, texts)
    if path in texts:
        schema["description"] = texts[path]
    for pattern, bounds in BOUNDS.items():
        if fnmatch(path, pattern):
            schema |= bounds
    return schema


def _type_of(value: Any, path: str, texts: dict[str, str]) -> Schema:
    if isinstance(value, dict):
        if any(fnmatch(path, pattern) for pattern in FREE):
            return {"type": "object"}
        inner = {key: _of(each, f"{path}.{key}".lstrip("."), texts) for key, each in value.items()}
        return {"type": "object", "additionalProperties": False, "properties": inner}
    if isinstance(value, list):
        return {"type": "array", "items": {"type": "string"}} if value else {"type": "array"}
    if isinstance(value, bool):
        return {"type": "boolean"}
    return {"type": "integer" if isinstance(value, int) else "string"}
