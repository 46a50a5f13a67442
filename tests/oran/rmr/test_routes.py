"""Route tables: lookup, records, and the text that carries one process's table to another."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oran.errors import ConfigError
from oran.rmr.route_records import RouteTableReader, TableOutcome
from oran.rmr.routes import MAX_ENDPOINTS_PER_GROUP, MAX_GROUPS, RouteTable, parse_groups, render_groups

OK = TableOutcome(True, "")


def table(*records: str) -> RouteTable:
    return RouteTable.parse("\n".join(["newrt|start", *records, "newrt|end"]))


def read(*lines: str, reader: RouteTableReader | None = None) -> tuple[RouteTableReader, list[TableOutcome]]:
    reader = reader or RouteTableReader()
    return reader, reader.feed("\n".join(lines))


@pytest.mark.parametrize(
    ("sub_id", "groups"),
    [(7, [["seven:1"]]), (-1, [["any:1"]]), (8, [["any:1"]]), (0, [["zero:1"]])],
)
def test_the_exact_subscription_comes_before_any_subscription(sub_id: int, groups: list[list[str]]):
    routes = table("mse|12050|7|seven:1", "mse|12050|-1|any:1", "mse|12050|0|zero:1")
    assert routes.lookup(12050, sub_id) == groups


def test_a_message_without_subscription_matches_no_subscription_entry():
    assert table("mse|12050|7|seven:1").lookup(12050, -1) == []


def test_groups_each_get_a_copy():
    assert table("mse|1|-1|a:1,b:1;c:1").lookup(1) == [["a:1", "b:1"], ["c:1"]]


def test_members_of_each_group_take_turns():
    view = table("mse|1|-1|a:1,b:1;c:1,d:1,e:1").seen_by(())
    turns = [view.targets(1) for _ in range(6)]
    assert [turn[0] for turn in turns] == ["a:1", "b:1"] * 3
    assert [turn[1] for turn in turns] == ["c:1", "d:1", "e:1"] * 2


@pytest.mark.parametrize("record", ["mse|1,me:1|-1|x:1", "mse|1,other:9,me:1|-1|x:1", "rte|1,me:1|x:1|-1"])
def test_a_qualified_record_is_used_by_its_senders_only(record: str):
    routes = table(record)
    assert routes.lookup(1, own_names=["me:1", "10.0.0.1:1"]) == [["x:1"]]
    assert routes.lookup(1, own_names=["someone:1"]) == []
    assert routes.lookup(1) == []


def test_the_last_record_for_a_key_wins_qualified_or_not():
    assert table("mse|1|-1|old:1", "mse|1,me:1|-1|new:1").lookup(1, own_names=["me:1"]) == [["new:1"]]
    assert table("mse|1,me:1|-1|old:1", "mse|1|-1|new:1").lookup(1, own_names=["me:1"]) == [["new:1"]]
    assert table("mse|1|-1|a:1", "mse|1,me:1|-1|b:1", "mse|1|-1|a:1").lookup(1, own_names=["me:1"]) == [["a:1"]]


def test_the_own_endpoint_and_groups_it_leaves_empty_are_taken_out():
    routes = table("mse|1|-1|me:1,a:1;10.0.0.1:1;b:1")
    assert routes.lookup(1, own_names=["me:1", "10.0.0.1:1"]) == [["a:1"], ["b:1"]]


def test_a_meid_route_leads_to_the_owner_or_nowhere():
    routes = table("mse|12040|-1|%meid", "mme_ar|e2t:38000|gnb_1 gnb_2")
    assert routes.lookup(12040, 5, "gnb_2") == [["e2t:38000"]]
    assert routes.lookup(12040, 5, "gnb_3") == []
    assert routes.seen_by(()).targets(12040, -1, "gnb_1") == ["e2t:38000"]


@pytest.mark.parametrize(
    "text",
    [
        "newrt|start\nrte|1|a:1\nnewrt|end\n",
        "  newrt | start \r\n\r\n# comment\n rte | 1 | a:1 | -1 # why\nnewrt|end|1 # done\0",
        "newrt|start|id\nmse|1|-1|a:1\nnewrt|end|1",
    ],
)
def test_old_records_blanks_and_comments_are_understood(text: str):
    assert RouteTable.parse(text).lookup(1) == [["a:1"]]


def test_the_old_record_carries_its_subscription_last():
    assert table("rte|12050|a:1|7").lookup(12050, 7) == [["a:1"]]
    assert table("rte|12050|a:1|7").lookup(12050) == []


@pytest.mark.parametrize("text", ["", "newrt|start\nmse|1|-1|a:1\n", "mse|1|-1|a:1", "newrt|start\nnewrt|end|1"])
def test_a_seed_without_a_complete_table_is_refused(text: str):
    with pytest.raises(ConfigError):
        RouteTable.parse(text)


def test_sections_end_with_an_outcome_that_names_the_table():
    _, outcomes = read("newrt|start|abc", "mse|1|-1|a:1", "newrt|end|1", "meid_map|start|xyz", "meid_map|end|0")
    assert outcomes == [TableOutcome(True, "abc"), TableOutcome(True, "xyz")]


def test_a_wrong_count_refuses_the_whole_table():
    reader, _ = read("newrt|start", "mse|1|-1|a:1", "newrt|end|1")
    _, outcomes = read("newrt|start|b", "mse|2|-1|a:1", "newrt|end|3", reader=reader)
    assert outcomes == [TableOutcome(False, "b", "missing table records: expected 3 got 1")]
    assert (reader.table.lookup(1), reader.table.lookup(2)) == ([["a:1"]], [])


def test_a_table_may_come_in_pieces_and_changes_nothing_until_its_end():
    reader, outcomes = read("newrt|start|a", "mse|1|-1|a:1")
    assert (outcomes, reader.table.lookup(1)) == ([], [])
    _, outcomes = read("mse|2|-1|b:1", "newrt|end|2", reader=reader)
    assert outcomes == [TableOutcome(True, "a")]
    assert (reader.table.lookup(1), reader.table.lookup(2)) == ([["a:1"]], [["b:1"]])


def test_a_new_start_refuses_the_table_that_never_ended():
    _, outcomes = read("newrt|start|a", "mse|1|-1|a:1", "newrt|start|b", "newrt|end|0")
    assert outcomes == [TableOutcome(False, "a", "table not complete"), TableOutcome(True, "b")]


def test_a_new_table_forgets_routes_and_keeps_managed_entities():
    reader, _ = read("newrt|start", "mse|1|-1|a:1", "newrt|end", "meid_map|start", "mme_ar|e:1|gnb", "meid_map|end|1")
    read("newrt|start", "mse|2|-1|%meid", "newrt|end", reader=reader)
    assert (reader.table.lookup(1), reader.table.lookup(2, meid="gnb")) == ([], [["e:1"]])


def test_a_managed_entity_moves_and_is_deleted():
    reader, _ = read("meid_map|start", "mme_ar|e:1|a b c", "meid_map|end|1")
    read("meid_map|start", "mme_ar|f:1|b", "mme_del|c", "meid_map|end|2", reader=reader)
    assert dict(reader.table.meid_owners) == {"a": "e:1", "b": "f:1"}


def test_an_update_adds_replaces_and_deletes():
    reader, _ = read("newrt|start", "mse|1|-1|a:1", "mse|2|-1|a:1", "mse|3|-1|a:1", "newrt|end")
    update = ["updatert|start", "mse|1|-1|b:1", "del|2|-1", "mse|4|9|c:1", "updatert|end|3"]
    assert read(*update, reader=reader)[1] == [OK]
    found = [reader.table.lookup(mtype, 9) for mtype in (1, 2, 3, 4)]
    assert found == [[["b:1"]], [], [["a:1"]], [["c:1"]]]


def test_an_update_is_ignored_until_a_full_table_came_and_a_seed_does_not_count():
    reader = RouteTableReader(table("mse|1|-1|a:1"))
    assert read("updatert|start", "mse|2|-1|b:1", "updatert|end|1", reader=reader)[1] == []
    assert reader.table.lookup(2) == []
    read("newrt|start", "newrt|end|0", reader=reader)
    assert read("updatert|start", "mse|2|-1|b:1", "updatert|end|1", reader=reader)[1] == [OK]


def test_deleting_without_sender_leaves_no_older_record_in_force():
    routes = table("mse|1,me:1|-1|a:1", "mse|1|-1|b:1")
    reader = RouteTableReader(routes)
    read("newrt|start", "mse|1,me:1|-1|a:1", "mse|1|-1|b:1", "newrt|end", reader=reader)
    read("updatert|start", "del|1|-1", "updatert|end|1", reader=reader)
    assert reader.table.lookup(1, own_names=["me:1"]) == []


@pytest.mark.parametrize("record", ["mse|1|-1", "mse|x|-1|a:1", "rte|1", "mme_ar|e:1", "del|1", "mse|1|z|a:1"])
def test_a_malformed_record_is_left_out_logged_and_not_counted(record: str, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        _, outcomes = read("newrt|start", record, "mse|9|-1|a:1", "newrt|end|1")
    assert outcomes == [OK]
    assert record in caplog.text


def test_records_outside_a_section_and_unknown_ones_change_nothing():
    reader, outcomes = read("mse|1|-1|a:1", "mme_ar|e:1|gnb", "newrt|end|5", "hello|world", "|||")
    assert outcomes == []
    assert reader.table == RouteTable()


def test_groups_beyond_the_limits_of_rmr_are_left_out():
    many = parse_groups(";".join([",".join(f"h{n}:1" for n in range(40))] * 70))
    assert (len(many), len(many[0])) == (MAX_GROUPS, MAX_ENDPOINTS_PER_GROUP)


@pytest.mark.parametrize("groups", [";".join(["a:1"] * 65), ",".join(["a:1"] * 33), (("a:1",) * 33,)])
def test_a_table_of_our_own_beyond_the_limits_is_refused(groups):
    with pytest.raises(ConfigError, match="64 groups of 32"):
        RouteTable().with_route(1, groups)


@given(st.text(alphabet="newrtupdasm_delf|,;%#0123456789:- \n\0\rarx", max_size=400))
def test_no_text_upsets_the_reader(text: str):
    reader = RouteTableReader()
    for outcome in reader.feed(text):
        assert isinstance(outcome.accepted, bool)
    RouteTableReader().feed(reader.table.render())


names = st.sampled_from(["a:1", "b:2", "service-x.ns:4560", "10.0.0.1:38000"])
groups = st.one_of(
    st.just((("%meid",),)),
    st.lists(st.lists(names, min_size=1, max_size=6).map(tuple), min_size=1, max_size=6).map(tuple),
)
entries = st.tuples(st.integers(0, 9), groups, st.integers(-1, 3), st.sampled_from(["", "a:1", "me:1"]))
meids = st.dictionaries(st.sampled_from(["gnb_1", "gnb_2", "gnb_3"]), names)


def build(rows: list[tuple], owners: dict[str, str]) -> RouteTable:
    routes = RouteTable()
    for mtype, group, sub_id, sender in rows:
        routes = routes.with_route(mtype, group, sub_id=sub_id, sender=sender)
    for meid, owner in owners.items():
        routes = routes.with_meids(owner, [meid])
    return routes


def everything_seen(routes: RouteTable, own: str) -> list[list[list[str]]]:
    view = routes.seen_by([own])
    return [view.lookup(m, s, e) for m in range(10) for s in range(-1, 4) for e in ("gnb_1", "gnb_2", "gnb_3")]


@given(st.lists(entries), meids)
def test_a_table_survives_its_own_text(rows: list[tuple], owners: dict[str, str]):
    routes = build(rows, owners)
    reader = RouteTableReader()
    assert [outcome.accepted for outcome in reader.feed(routes.render("id"))] == [True, True]
    assert reader.table == routes
    assert list(reader.table.entries) == list(routes.entries)


@given(st.lists(entries), st.lists(entries), meids, meids, st.sampled_from(["me:1", "b:2"]))
def test_an_update_shows_every_process_what_the_new_table_shows_it(old_rows, new_rows, old_owners, new_owners, own):
    old, new = build(old_rows, old_owners), build(old_rows[::2] + new_rows, new_owners)
    reader = RouteTableReader()
    reader.feed(old.render())
    outcomes = reader.feed(new.render_update(old, "u") + new.render_meid_map("m", old))
    assert all(outcome.accepted for outcome in outcomes)
    assert everything_seen(reader.table, own) == everything_seen(new, own)
    assert reader.table.meid_owners == new.meid_owners


@given(groups)
def test_groups_survive_their_text(group):
    assert parse_groups(render_groups(group)) == group


def test_a_receiver_is_sent_only_what_it_may_use():
    routes = build([(1, (("x:1",),), -1, "me:1"), (2, (("x:1",),), -1, "you:1"), (3, (("x:1",),), -1, "")], {})
    mine = RouteTable.parse(routes.render(receiver="me:1"))
    assert [key.mtype for key in mine.entries] == [1, 3]


def test_builders_leave_the_table_they_start_from_alone():
    first = RouteTable().with_route(1, "a:1").with_meids("e:1", ["gnb"])
    second = first.without_route(1).without_meids(["gnb"]).without_route(99)
    assert (first.lookup(1), dict(first.meid_owners)) == ([["a:1"]], {"gnb": "e:1"})
    assert second == RouteTable()


def test_an_update_says_again_whose_record_came_last():
    old = RouteTable().with_route(1, "a:1").with_route(1, "b:1", sender="me:1")
    new = old.with_route(1, "a:1")  # the same record, now in force
    reader = RouteTableReader()
    reader.feed(old.render() + new.render_update(old))
    assert reader.table.lookup(1, own_names=["me:1"]) == new.lookup(1, own_names=["me:1"]) == [["a:1"]]
