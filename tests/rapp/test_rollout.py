"""Roll-outs against a mediator made of a dictionary and an xApp made of a script."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from oran.errors import ConfigError, ModelNotFound, PlatformError
from oran.platform.a1 import Canary, GuardRules, ModelPolicy, PolicyStatus, PolicyType
from rapp.a1_publisher import A1Publisher
from rapp.evidence import Evidence, Loss, parsed
from rapp.journal import Journal
from rapp.lineage import LineageCollector
from rapp.rest import create_app
from rapp.rollout import Rollout, RolloutPlan, RolloutState, Stage, list_rollouts, named, opened
from rapp.store import MemoryStore
from xapps.runtime.arms import Arm, Outcome
from xapps.runtime.guard import Guard
from xapps.runtime.metrics import Metrics
from xapps.runtime.model_slot import Serving
from xapps.runtime.trial_books import TrialBooks

ENFORCED = PolicyStatus(enforce_status="ENFORCED", enforce_reason="")
TAKEN_BACK = PolicyStatus(enforce_status="NOT_ENFORCED", enforce_reason="STATEMENT_NOT_APPLICABLE")
NEW = ModelPolicy(allocator="matching")
PLAN = RolloutPlan(policy=NEW, policy_type_id=20100, canary=Canary(share=0.1), stage_timeout_s=60)
HARMLESS = Loss(0.0, -0.01, 0.01)
HARMFUL = Loss(0.2, 0.15, 0.25)
UNCERTAIN = Loss(0.0, -math.inf, math.inf)


@dataclass
class World:
    """Mediator, xApp and clock in one: what each mode's evidence shows, look after look; the last look for ever."""

    evidence: dict[str, list[Evidence | None]]
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    put: list[str] = field(default_factory=list)
    not_enforced: set[str] = field(default_factory=set)
    time_s: float = 0.0

    def ensure_policy_type(self, policy_type: PolicyType) -> None: ...

    def policy_ids(self, policy_type_id: int) -> list[str]:
        return list(self.policies)

    def policy(self, policy_type_id: int, policy_id: str) -> dict[str, Any]:
        return self.policies[policy_id]

    def put_policy(self, policy_type_id: int, policy_id: str, policy: dict[str, Any]) -> None:
        self.policies[policy_id] = policy
        self.put.append(policy_id)

    def delete_policy(self, policy_type_id: int, policy_id: str) -> None:
        del self.policies[policy_id]

    def policy_status(self, policy_type_id: int, policy_id: str) -> PolicyStatus:
        return TAKEN_BACK if policy_id in self.not_enforced else ENFORCED

    def read(self, mode: str) -> Evidence:
        looks = self.evidence[mode]
        look = looks.pop(0) if len(looks) > 1 else looks[0]
        if look is None:
            raise PlatformError("the xApp does not answer")
        return look

    def pause(self, seconds: float) -> None:
        self.time_s += seconds


def shown(mode: str, throughput: Loss = HARMLESS, satisfied: Loss = HARMLESS, **changes: Any) -> Evidence:
    values = {"on_trial": True, "intervals": 500, "throughput_loss": throughput, "satisfied_loss": satisfied} | changes
    return Evidence(mode, **values)


def good() -> dict[str, list[Evidence | None]]:
    return {mode: [shown(mode, UNCERTAIN), shown(mode)] for mode in ("shadow", "canary", "watch")}


def walk(world: World, tmp_path, plan: RolloutPlan = PLAN, *, again: bool = False) -> RolloutState:
    folder, state = opened(tmp_path, plan, again=again)
    note = Journal(tmp_path).published
    publisher = A1Publisher(world, "store:1", on_answer=note, now_s=lambda: world.time_s, pause=world.pause)
    return Rollout(folder, state, publisher, world, now_s=lambda: world.time_s, pause=world.pause).run()


def test_a_harmless_model_walks_from_the_shadow_to_everywhere(tmp_path) -> None:
    world = World(good(), policies={"model-old-1": {"allocator": "equal"}, "by-hand": {"allocator": "greedy"}})
    state = walk(world, tmp_path)
    assert state.stage is Stage.DONE
    assert world.put == ["model-matching-shadow", "model-matching-canary", "model-matching"]
    assert set(world.policies) == {"model-matching", "by-hand"}
    assert world.policies["model-matching"]["guard"] == GuardRules().to_json()
    assert [record.evidence["intervals"] for record in state.records] == [500, 500, 500]


def test_what_serves_stays_in_force_until_the_model_goes_everywhere(tmp_path) -> None:
    world = World(good() | {"canary": [shown("canary", UNCERTAIN)]}, policies={"model-old-1": {"allocator": "equal"}})
    state = walk(world, tmp_path)
    assert state.stage is Stage.STOPPED
    assert "no verdict within 60 s" in state.reason
    assert set(world.policies) == {"model-old-1"}


@pytest.mark.parametrize("losses", [{"throughput": HARMFUL}, {"satisfied": HARMFUL}])
def test_a_model_that_would_cost_too_much_never_leaves_the_shadow(tmp_path, losses) -> None:
    world = World(good() | {"shadow": [shown("shadow", **losses)]})
    state = walk(world, tmp_path)
    assert state.stage is Stage.STOPPED
    assert next(iter(losses)) in state.reason
    assert world.put == ["model-matching-shadow"]
    assert world.policies == {}


def test_a_stage_that_the_xapp_ends_by_itself_stops_the_rollout(tmp_path) -> None:
    world = World(good() | {"canary": [shown("canary", UNCERTAIN)]})
    world.not_enforced.add("model-matching-canary")
    state = walk(world, tmp_path)
    assert state.stage is Stage.STOPPED
    assert "STATEMENT_NOT_APPLICABLE" in state.reason
    assert world.policies == {}


def test_after_a_rollback_from_everywhere_the_policy_that_served_is_put_back(tmp_path) -> None:
    world = World(good(), policies={"model-old-1": {"allocator": "equal", "guard": {}}})

    def taken_back(seconds: float) -> None:
        world.time_s += seconds
        if "model-matching" in world.put:
            world.not_enforced.add("model-matching")

    world.pause = taken_back  # type: ignore[method-assign]
    world.evidence["watch"] = [shown("watch", UNCERTAIN)]
    state = walk(world, tmp_path)
    assert (state.stage, state.records[-1].stage) == (Stage.STOPPED, Stage.FULL)
    assert world.policies == {"model-old-1": {"allocator": "equal"}}


def test_a_watch_that_ended_in_a_rollback_is_not_taken_for_one_that_ended_well(tmp_path) -> None:
    world = World(good())
    gone = shown("watch", UNCERTAIN, on_trial=False, rollbacks=1)
    world.evidence["watch"] = [shown("watch", UNCERTAIN), gone]
    assert walk(world, tmp_path).stage is Stage.STOPPED  # the status never came: not for sure, hence not done


def test_a_watch_that_is_over_ends_the_rollout_well(tmp_path) -> None:
    world = World(good())
    world.evidence["watch"] = [shown("watch", UNCERTAIN), shown("watch", UNCERTAIN, on_trial=False)]
    state = walk(world, tmp_path)
    assert (state.stage, state.records[-1].finding) == (Stage.DONE, "the watch is over")


def test_too_few_intervals_are_no_verdict(tmp_path) -> None:
    world = World(good() | {"shadow": [shown("shadow", intervals=199)]})
    assert "no verdict" in walk(world, tmp_path).reason


def test_an_xapp_that_does_not_answer_for_a_while_is_waited_for(tmp_path) -> None:
    world = World(good() | {"shadow": [None, None, shown("shadow")]})
    assert walk(world, tmp_path).stage is Stage.DONE


def test_a_rollout_that_was_cut_goes_on_where_it_stood(tmp_path) -> None:
    world = World(good())

    def cut(seconds: float) -> None:
        if "model-matching-canary" in world.put:
            raise KeyboardInterrupt
        world.time_s += seconds

    world.pause = cut  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        walk(world, tmp_path)
    [(rollout_id, state)] = list_rollouts(tmp_path)
    assert state.stage is Stage.CANARY
    later = World(good(), policies=world.policies)
    assert walk(later, tmp_path).stage is Stage.DONE
    assert later.put == ["model-matching-canary", "model-matching"]
    assert named(tmp_path, rollout_id).stage is Stage.DONE


def test_a_rollout_that_has_ended_is_told_and_not_walked_again_unless_asked(tmp_path) -> None:
    assert walk(World(good()), tmp_path).stage is Stage.DONE
    idle = World({})
    assert walk(idle, tmp_path).stage is Stage.DONE
    assert idle.put == []
    assert walk(World(good() | {"shadow": [shown("shadow", HARMFUL)]}), tmp_path, again=True).stage is Stage.STOPPED


def test_other_rules_are_another_rollout(tmp_path) -> None:
    careful = PLAN.model_copy(update={"guard": GuardRules(max_throughput_loss=0.01)})
    assert opened(tmp_path, PLAN)[0] != opened(tmp_path, careful)[0]


def test_rollouts_that_are_not_there_or_damaged_are_said_to_be(tmp_path) -> None:
    with pytest.raises(ModelNotFound):
        named(tmp_path, "none")
    folder, _ = opened(tmp_path, PLAN)
    (folder / "rollout.json").write_text("{}")
    with pytest.raises(ConfigError):
        named(tmp_path, folder.name)


def test_the_stages_show_as_metrics(tmp_path) -> None:
    walk(World(good() | {"canary": [shown("canary", UNCERTAIN)]}), tmp_path / "rollouts")
    registry = CollectorRegistry()
    registry.register(LineageCollector(MemoryStore(), tmp_path / "runs", tmp_path / "rollouts"))
    [(name, _)] = list_rollouts(tmp_path / "rollouts")
    assert registry.get_sample_value("rapp_rollouts", {"stage": "stopped"}) == 1
    assert registry.get_sample_value("rapp_rollout_stage", {"rollout": name, "stage": "stopped"}) == 1
    assert registry.get_sample_value("rapp_rollout_stage_seconds", {"rollout": name, "stage": "canary"}) >= 60
    labels = {"rollout": name, "stage": "shadow", "kpi": "throughput", "bound": "high"}
    assert registry.get_sample_value("rapp_rollout_loss_ratio", labels) == 0.01
    ended = {"outcome": "taken_back", "stage": "canary"}
    assert registry.get_sample_value("rapp_rollouts_ended_total", ended) == 1
    for mode, count in (("shadow", 1), ("canary", 1), ("serve", None)):
        labels = {"status": "ENFORCED", "mode": mode}
        assert registry.get_sample_value("rapp_models_published_total", labels) == count


def test_a_rollout_that_has_ended_is_counted_once(tmp_path) -> None:
    for _ in range(2):
        walk(World(good()), tmp_path)
    ends = [entry for entry in Journal(tmp_path).entries() if entry["event"] == "rolled_out"]
    assert [(entry["outcome"], entry["stage"]) for entry in ends] == [("done", "full")]


def test_rollouts_are_shown_over_rest_with_the_evidence_of_each_stage(tmp_path) -> None:
    walk(World(good() | {"canary": [shown("canary", UNCERTAIN)]}), tmp_path)
    [(name, _)] = list_rollouts(tmp_path)
    client = TestClient(create_app(MemoryStore(), tmp_path / "runs", CollectorRegistry(), tmp_path))
    [listed] = client.get("/rollouts").json()
    assert (listed["id"], listed["stage"], listed["stages"]) == (name, "stopped", ["shadow", "canary"])
    records = client.get(f"/rollouts/{name}").json()["records"]
    assert [record["evidence"]["intervals"] for record in records] == [500, 500]
    assert client.get("/rollouts/none").status_code == 404


def test_evidence_is_what_the_xapps_own_metrics_say() -> None:
    metrics = Metrics()
    books, guard = (
        TrialBooks(metrics, "canary", Serving(allocator=type("New", (), {"name": "new"})())),
        Guard(GuardRules()),
    )
    books.open()
    for block in range(12):
        books.add(Arm.CANDIDATE, Outcome(90.0, 0.8))
        books.add(Arm.INCUMBENT, Outcome(100.0, 1.0))
        guard.add(0.1 + 0.01 * (block % 2), 0.2, 20)
    books.show(guard)
    metrics.rollbacks.labels("throughput").inc()
    found = parsed(metrics.exposition().decode(), "canary")
    assert (found.on_trial, found.intervals, found.rollbacks) == (True, 12, 1)
    assert found.throughput == {"candidate": 90.0, "incumbent": 100.0}
    assert found.throughput_loss == Loss(guard.throughput.mean, guard.throughput.low, guard.throughput.high)
    assert found.harm(GuardRules(min_intervals=10, max_satisfied_loss=0.5)) == "throughput"
    other = parsed(metrics.exposition().decode(), "shadow")
    assert (other.on_trial, other.intervals, other.throughput_loss.high) == (False, 0, math.inf)


def test_what_is_no_exposition_is_no_evidence() -> None:
    with pytest.raises(ValueError):
        parsed("ricxapp_trial_info{mode=", "shadow")
