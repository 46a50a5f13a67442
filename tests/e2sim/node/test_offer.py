"""Functions, ids, profile and message limit as configuration of the node."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from e2sim.__main__ import app
from e2sim.node.identities import Identities
from e2sim.node.offer import ran_functions
from e2sim.node.settings import NodeSettings
from oran.e2sm.identifiers import GnbCuUpUeId, GnbDuUeId, GnbUeId, Guami, NrCgi, Snssai
from oran.errors import ConfigError
from tests.e2sim.node.witness import steady_scenario

SCENARIO = steady_scenario(4, rus=3)


def offered(functions: str, **options) -> list[tuple[str, int]]:
    settings = NodeSettings(ric_url="memory://x", functions=tuple(functions.split(",")), **options)
    return [(function.name, function.item.id) for function in ran_functions(settings, SCENARIO)]


def test_functions_come_in_the_order_and_under_the_ids_that_are_asked_for() -> None:
    assert offered("kpm,rc,rrm") == [("kpm", 2), ("rc", 3), ("rrm", 200)]
    assert offered("rrm=4095,kpm=147") == [("rrm", 4095), ("kpm", 147)]


@pytest.mark.parametrize("functions", ["", "ccc", "kpm=", "kpm=-1", "kpm=4096", "kpm,kpm", "kpm=3,rc", "kpm=x"])
def test_functions_that_cannot_be_offered_are_named(functions: str) -> None:
    with pytest.raises(ConfigError, match="functions"):
        offered(functions)


def test_a_message_is_as_large_as_the_peers_of_the_profile_can_read() -> None:
    def limit(**options) -> int:
        return NodeSettings(ric_url="memory://x", **options).message_limit_bytes

    assert limit() == limit(profile="osc") == 8000
    assert limit(profile="srsran") == limit(profile="strict-v3") == 16_383
    assert limit(max_message_bytes=512) == 512


@pytest.mark.parametrize(
    ("field", "value"), [("profile", "v1"), ("max_message_bytes", 255), ("max_message_bytes", 16_384)]
)
def test_a_wrong_profile_or_limit_is_named(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=field):
        NodeSettings(ric_url="memory://x", **{field: value})


def test_the_node_schedules_by_itself_where_no_xapp_could() -> None:
    assert NodeSettings(ric_url="memory://x", functions=("kpm", "rc")).schedules
    assert not NodeSettings(ric_url="memory://x", functions=("rrm=7", "kpm")).schedules
    assert NodeSettings(ric_url="memory://x", own_scheduler=True).schedules
    assert not NodeSettings(ric_url="memory://x", functions=("kpm",), own_scheduler=False).schedules


def test_cells_and_slices_have_names_of_their_own_and_are_found_by_them() -> None:
    names = Identities(NodeSettings(ric_url="memory://x", gnb_id=5), SCENARIO)
    cells = [names.cell(index) for index in range(3)]
    assert [cell.nci >> 14 for cell in cells] == [5, 5, 5]
    assert [names.cell_index(cell) for cell in cells] == [0, 1, 2]
    assert names.cell_index(NrCgi(b"\x13\x00\x14", cells[0].nci)) is None
    assert [names.slice(index) for index in range(2)] == [Snssai(1, 1), Snssai(2, 2)]
    assert names.slice_indices(Snssai(1)) == (0,)
    assert names.slice_indices(Snssai(1, 2)) == ()


def test_a_ue_is_found_under_every_form_of_its_name() -> None:
    guami = Guami(b"\x00\xf1\x10", 1, 1, 1)
    forms = [GnbDuUeId(7), GnbCuUpUeId(7), GnbUeId(99, guami, (7,)), GnbUeId(7, guami)]
    assert [Identities.ue_number(form) for form in forms] == [7] * 4


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (["--functions", "kpm,ccc"], "functions"),
        (["--profile", "v1"], "profile"),
        (["--max-message-bytes", "9"], "max_m"),
    ],
)
def test_the_command_line_names_what_it_cannot_offer(options: list[str], field: str) -> None:
    done = CliRunner().invoke(app, ["node", "--ric", "tcp://127.0.0.1:1", "--scenario", "tiny", *options])
    assert done.exit_code == 2
    assert field in done.output
