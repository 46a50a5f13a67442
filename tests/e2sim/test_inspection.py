import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from e2sim import drawing, inspection, scenario
from e2sim.__main__ import app
from e2sim.decisions import best_channel, best_moment
from e2sim.physics.pathloss import uma_simplified_db
from e2sim.simulator import Simulator

RUNNER = CliRunner()


@pytest.mark.parametrize("name", ["cell", "interfering"])
def test_show_writes_a_picture(name, tmp_path):
    out = tmp_path / "pictures" / "one.png"
    result = RUNNER.invoke(app, ["show", name, "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert out.read_bytes().startswith(b"\x89PNG") and out.stat().st_size > 20_000


def test_run_writes_a_trace_that_repeats_under_its_seed(tmp_path):
    traces = []
    for name in ("a", "b"):
        out = tmp_path / f"{name}.npz"
        assert RUNNER.invoke(app, ["run", "bursty", "--out", str(out), "--slots", "20"]).exit_code == 0
        traces.append(np.load(out))
    assert traces[0]["rate_bps_hz"].shape == (20, 24)
    for key in traces[0]:
        np.testing.assert_array_equal(traces[0][key], traces[1][key])
    assert str(traces[0]["scenario_digest"]) == scenario.load("bursty").digest


def test_the_trace_is_what_the_simulator_delivers():
    kept = inspection.trace(scenario.load("tiny"), np.random.default_rng(2), 3)
    sim = Simulator(scenario.load("tiny"), np.random.default_rng(2))
    for slot in range(3):
        kpi = sim.step(best_channel(sim.observe()))
        np.testing.assert_array_equal(kept["rate_bps_hz"][slot], kpi.rate_bps_hz)


def test_the_sinr_map_is_the_link_budget():
    cell = scenario.load("cell")
    found = drawing.sinr_map_db(cell, np.array([100.0]), np.array([0.0]))[0, 0]
    assert found == pytest.approx(40 - 10 * np.log10(25) - uma_simplified_db(100.0, 2.0) + 121.447, abs=0.01)


def test_a_wrong_name_is_a_usage_error():
    result = RUNNER.invoke(app, ["show", "nowhere"])
    assert result.exit_code == 2


@pytest.mark.parametrize("batch_shape", [(), (3,)])
def test_the_best_moment_shares_prbs_among_near_and_far_users_and_the_best_channel_does_not(batch_shape):
    report = Simulator(scenario.load("cell"), np.random.default_rng(4), (*batch_shape, 50)).observe()
    users = np.arange(report.ue_ids.shape[-1])

    def served(rule):
        return (rule(report).prb_owner.reshape(*batch_shape, 50, -1, 1) == users).any(axis=-2).sum(axis=-1).mean()

    assert served(best_channel) < 4
    assert served(best_moment) > 12


def test_starting_a_node_does_not_import_the_drawing_library():
    code = "import sys, e2sim.__main__; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
