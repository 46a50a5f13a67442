import numpy as np
import pytest

from e2sim import scenario
from oran.errors import ConfigError


@pytest.mark.parametrize("name", scenario.names())
def test_every_scenario_of_the_suite_loads_under_its_own_name(name):
    assert scenario.load(name).name == name


def test_cell_is_the_base_scenario_of_paper_1():
    cell = scenario.load("cell")
    assert (cell.num_rus, cell.num_prbs, cell.num_ues) == (1, 25, 20)
    assert 10 * np.log10(cell.noise_w * 1e3) == pytest.approx(-121.447, abs=1e-3)
    assert cell.ru_power_budget_w.tolist() == [10.0]
    assert cell.prb_power_cap_w == 1.0


def test_the_digest_is_that_of_the_content_and_not_of_the_file(tmp_path):
    cell = scenario.load("cell")
    other_layout = tmp_path / "same.yaml"
    other_layout.write_text(cell.model_dump_json(indent=3))  # JSON is YAML
    assert scenario.load(other_layout).digest == cell.digest
    changed = cell.model_copy(update={"slot_s": 0.01})
    assert changed.digest != cell.digest


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"slot_s": -1}, "slot_s"),
        ({"radio": {"num_prbs": 0}}, "radio.num_prbs"),
        ({"radio": {"num_prbs": 25, "colour": "blue"}}, "radio.colour"),
        ({"layout": {"min_distance_m": 600, "max_distance_m": 500}}, "layout"),
        ({"layout": {"num_rus": 2, "positions_m": [[0, 0]]}}, "layout"),
        ({"radio": {"ru_power_budget_dbm": [40, 40]}}, "scenario"),
        ({"slices": []}, "slices"),
        ({"slices": [{"name": "a", "num_ues": 1}, {"name": "a", "num_ues": 1}]}, "slices"),
        ({"slices": [{"name": "a", "num_ues": 1, "weight": float("nan")}]}, "slices.0.weight"),
    ],
)
def test_a_wrong_field_is_named(change, field):
    content = scenario.load("cell").model_dump() | change
    with pytest.raises(ConfigError) as caught:
        scenario.parse(content)
    assert caught.value.field == field


@pytest.mark.parametrize("name", ["no-such-scenario", "../cell", "missing.yaml"])
def test_a_scenario_that_is_not_there_is_a_config_error(name):
    with pytest.raises(ConfigError):
        scenario.load(name)


@pytest.mark.parametrize("text", ["a: [", "just a sentence", "[1, 2]", "", b"\xff\xfe\x00"])
def test_files_that_are_no_scenario_are_config_errors(tmp_path, text):
    path = tmp_path / "bad.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError):
        scenario.load(path)


def test_delay_bounds_raise_the_minimum_rates_that_are_reported():
    from e2sim.population import ServiceLevels

    content = scenario.load("cell").model_dump()
    content["slices"][1]["max_delay_s"] = 0.5e-3
    levels = ServiceLevels.of(scenario.parse(content))
    assert levels.min_rate_bps_hz.tolist() == pytest.approx([6.0, 256 / 0.45e-3 / 180e3])


def test_a_sweep_varies_single_fields_and_leaves_the_base_alone():
    base = scenario.load("cell")
    point = scenario.varied(base, radio__ru_power_budget_dbm=34.0, slices__0__num_ues=15)
    assert point.ru_power_budget_w[0] == pytest.approx(2.512, abs=1e-3)
    assert (point.num_ues, base.num_ues) == (25, 20)
    assert scenario.varied(base).digest == base.digest


@pytest.mark.parametrize(
    "change",
    [
        {"radio__colour": 1},
        {"nothing__at_all": 1},
        {"slices__9__num_ues": 1},
        {"slices__x__num_ues": 1},
        {"name__x": 1},
    ],
)
def test_a_sweep_over_a_field_that_is_not_there_is_a_config_error(change):
    with pytest.raises(ConfigError):
        scenario.varied(scenario.load("cell"), **change)
