import numpy as np
import pytest
from typer.testing import CliRunner

from e2sim import inspection, scenario
from e2sim.physics.pathloss import uma_simplified_db
from e2sim.simulator import Simulator

RUNNER = CliRunner()


@pytest.mark.parametrize("name", ["cell", "interfering"])
def test_show_writes_a_picture(name, tmp_path):
    out = tmp_path / "pictures" / "one.png"
    result = RUNNER.invoke(inspection.app, ["show", name, "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert out.read_bytes().startswith(b"\x89PNG") and out.stat().st_size > 20_000


def test_run_writes_a_trace_that_repeats_under_its_seed(tmp_path):
    traces = []
    for name in ("a", "b"):
        out = tmp_path / f"{name}.npz"
        assert RUNNER.invoke(inspection.app, ["run", "bursty", "--out", str(out), "--slots", "20"]).exit_code == 0
        traces.append(np.load(out))
    assert traces[0]["rate_bps_hz"].shape == (20, 24)
    for key in traces[0]:
        np.testing.assert_array_equal(traces[0][key], traces[1][key])
    assert str(traces[0]["scenario_digest"]) == scenario.load("bursty").digest


def test_the_trace_is_what_the_simulator_delivers():
    kept = inspection.trace(scenario.load("tiny"), np.random.default_rng(2), 3)
    sim = Simulator(scenario.load("tiny"), np.random.default_rng(2))
    for slot in range(3):
        kpi = sim.step(inspection.best_channel(sim.observe()))
        np.testing.assert_array_equal(kept["rate_bps_hz"][slot], kpi.rate_bps_hz)


def test_the_sinr_map_is_the_link_budget():
    cell = scenario.load("cell")
    found = inspection.sinr_map_db(cell, np.array([100.0]), np.array([0.0]))[0, 0]
    assert found == pytest.approx(40 - 10 * np.log10(25) - uma_simplified_db(100.0, 2.0) + 121.447, abs=0.01)


def test_a_wrong_name_is_a_usage_error():
    result = RUNNER.invoke(inspection.app, ["show", "nowhere"])
    assert result.exit_code == 2
