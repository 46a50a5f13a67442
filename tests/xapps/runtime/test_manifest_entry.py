"""Entries of manifests: what was written is read back, and what is none is refused by name."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

import pytest

from oran.errors import ConfigError
from xapps.runtime.manifest_entry import ManifestEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape(ManifestEntry):
    entry: ClassVar[str] = "shape"
    width: int = 8

    def __post_init__(self) -> None:
        if self.width < 1:
            raise ConfigError("width", self.width, "at least 1")


def test_an_entry_comes_out_of_a_manifest_as_it_went_in() -> None:
    shape = Shape(width=3)
    assert Shape.from_dict(json.loads(json.dumps(shape.to_dict()))) == shape
    assert Shape.from_dict({}) == Shape()


@pytest.mark.parametrize(
    ("values", "field"), [({"depth": 3}, "shape"), ({"width": "wide"}, "shape"), ({"width": 0}, "width")]
)
def test_what_is_no_entry_is_a_config_error_that_names_it(values: dict[str, object], field: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Shape.from_dict(values)
    assert caught.value.field == field
