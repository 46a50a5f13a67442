"""The monitor's settings, its descriptor and their schema."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from oran.e2sm.identifiers import Snssai
from oran.errors import ConfigError
from xapps.kpimon import settings
from xapps.kpimon.settings import Settings

FOLDER = Path(settings.__file__).parent / "xapp"
BASE = ["--config", str(FOLDER / "config-file.json")]


def test_the_descriptor_is_all_that_is_needed_on_the_platform() -> None:
    chosen = settings.load(BASE)
    assert (chosen.name, chosen.period_ms, chosen.max_queue) == ("kpimon", 1000, 2048)
    assert chosen.snssais == (Snssai(1, 1), Snssai(2, 2), Snssai(3, 3))
    assert chosen.http_name == "service-ricxapp-kpimon-http.ricxapp"
    assert chosen.stale_s == 4.0


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (["--granularity-ms", "300"], "granularity_ms"),
        (["--slices", "256"], "slices"),
        (["--slices", "1-12"], "slices"),
        (["--max-cells", "13"], "max_cells"),
        (["--max-series", "0"], "max_series"),
        (["--stale-periods", "1"], "stale_periods"),
    ],
)
def test_a_wrong_setting_names_its_field(options: list[str], field: str) -> None:
    with pytest.raises(ConfigError, match=field):
        settings.load([*BASE, *options])


def test_the_descriptor_keeps_to_its_schema_and_the_schema_to_the_settings() -> None:
    controls = json.loads((FOLDER / "config-file.json").read_text())["controls"]
    schema = json.loads((FOLDER / "schema.json").read_text())
    jsonschema.validate(controls, schema)
    assert set(schema["properties"]) <= set(Settings.model_fields)


@pytest.mark.parametrize("command", [["xapps.kpimon", *BASE], ["xapps", "kpimon"]])
def test_both_ways_to_start_it_read_the_same_options(command: list[str]) -> None:
    environment = os.environ | {"PYTHONPATH": os.getcwd()}
    argv = [sys.executable, "-m", *command, "--granularity-ms", "7"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False, env=environment)
    assert done.returncode == 2
    assert "granularity_ms" in done.stderr
