import pytest
import yaml

from e2sim import scenario
from e2sim.experiment import experiment_names, load_experiment
from oran.errors import ConfigError

FIGURES = {
    1: {"Fig. 6c", "Fig. 6d", "Fig. 6e", "Fig. 6f"},
    2: {"Fig. 3b", "Fig. 3c", "Fig. 3d", "Fig. 3e", "Fig. 3f"},
    5: {"Fig. 1", "Fig. 2", "Fig. 3", "Fig. 4", "Table I", "Table II", "Table III", "Table IV", "section IV-B"},
}
"""Everything in the papers that varies the radio or what is asked of it; the rest shows training or errors."""


@pytest.mark.parametrize("name", experiment_names())
def test_every_point_of_every_experiment_is_a_scenario(name):
    experiment = load_experiment(name)
    assert experiment.name == name
    points = list(experiment.points())
    curves = 1 if experiment.curves is None else len(experiment.curves.steps)
    assert len(points) == curves * len(experiment.axis.steps)
    varies = bool(experiment.axis.fields) or len({str(step.set) for step in experiment.axis.steps}) > 1
    assert len({point.scenario.digest for point in points}) == (len(points) if varies else curves)


@pytest.mark.parametrize("paper", FIGURES)
def test_every_figure_and_table_of_a_paper_has_its_experiment(paper):
    found = [load_experiment(name) for name in experiment_names()]
    covered = [figure for each in found if each.paper == paper for figure in each.figures]
    assert sorted(covered) == sorted(FIGURES[paper])


def test_a_step_sets_its_fields_and_leaves_the_rest():
    points = list(load_experiment("paper1-ru-power-and-ues").points())
    base, last = scenario.load("cell"), points[-1]
    assert (last.value, last.curve) == (43, 13)
    assert [each.num_ues for each in last.scenario.slices] == [13, 13]
    assert last.scenario.radio.ru_power_budget_dbm == 43
    assert last.scenario.channel == base.channel and last.scenario.layout == base.layout


def test_links_of_other_numbers_of_users_stand_in_one_place_too():
    for point in load_experiment("paper5-users").points():
        radio = point.scenario
        assert radio.num_rus == radio.num_ues == point.value
        assert abs(radio.ru_positions_m).max() < 1e-3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"paper": 7}, "paper"),
        ({"base": None}, "base"),
        ({"axis": {"label": "x", "steps": []}}, r"axis\.steps"),
        ({"axis": {"label": "x", "steps": ["many"]}}, r"axis\.steps"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_files_are_refused_with_the_field(tmp_path, change, field):
    content = load_experiment("paper1-ues").model_dump(mode="json") | change
    path = tmp_path / "wrong.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=field):
        load_experiment(path)


def test_an_axis_along_no_field_of_a_scenario_is_told(tmp_path):
    text = (
        "{name: wrong, paper: 1, figures: [none], description: d, held: h, base: cell, "
        "axis: {label: x, fields: [radio.colour], steps: [1]}}"
    )
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="radio"):
        list(load_experiment(path).points())


@pytest.mark.parametrize("name", ["no-such", "../scenarios/cell", "missing.yaml"])
def test_unknown_experiments_are_told(name):
    with pytest.raises(ConfigError, match="experiment"):
        load_experiment(name)
