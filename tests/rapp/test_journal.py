"""What other processes did, as counters of the process that serves metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from oran.platform.a1 import ModelPolicy
from rapp.a1_publisher import Publication
from rapp.journal import FILE, Journal, families
from rapp.lineage import LineageCollector
from rapp.store import MemoryStore


def publication(**changes: str) -> Publication:
    policy = ModelPolicy.from_json({"allocator": "matching"} | changes)
    return Publication(20100, "model-matching", policy, "ENFORCED", "", 0.1)


def test_steps_of_other_processes_show_as_counters_and_a_histogram(tmp_path):
    for seconds, accepted in ((20.0, True), (100.0, False), (4000.0, True)):
        journal = Journal(tmp_path)  # each as if in a process of its own
        journal.trained(seconds)
        journal.judged(accepted)
    journal.published(publication())
    journal.published(publication(mode="shadow"))
    Journal(tmp_path / "rollouts").rolled_out("canary", done=False)
    registry = CollectorRegistry()
    registry.register(LineageCollector(MemoryStore(), tmp_path, tmp_path / "rollouts"))
    assert registry.get_sample_value("rapp_gate_verdicts_total", {"verdict": "accepted"}) == 2
    assert registry.get_sample_value("rapp_gate_verdicts_total", {"verdict": "refused"}) == 1
    for mode in ("serve", "shadow"):
        assert registry.get_sample_value("rapp_models_published_total", {"status": "ENFORCED", "mode": mode}) == 1
    ended = {"outcome": "taken_back", "stage": "canary"}
    assert registry.get_sample_value("rapp_rollouts_ended_total", ended) == 1
    assert registry.get_sample_value("rapp_training_seconds_count") == 3
    assert registry.get_sample_value("rapp_training_seconds_sum") == 4120.0
    found = {
        bound: registry.get_sample_value("rapp_training_seconds_bucket", {"le": bound})
        for bound in ("30.0", "120.0", "+Inf")
    }
    assert found == {"30.0": 1, "120.0": 2, "+Inf": 3}


def test_a_line_that_a_crash_cut_is_left_out(tmp_path):
    Journal(tmp_path).judged(True)
    with (tmp_path / FILE).open("a") as file:
        file.write('\n{"event": "jud')
    Journal(tmp_path).judged(False)
    assert [entry["verdict"] for entry in Journal(tmp_path).entries()] == ["accepted", "refused"]


def test_without_entries_the_families_are_declared_and_empty(tmp_path):
    assert list(Journal(tmp_path / "none").entries()) == []
    assert [(family.name, family.samples) for family in families()] == [
        ("rapp_gate_verdicts", []),
        ("rapp_models_published", []),
        ("rapp_rollouts_ended", []),
        ("rapp_training_seconds", []),
    ]


def test_a_line_from_before_modes_were_noted_counts_as_serving():
    [_, published, *_] = families([{"event": "published", "status": "ENFORCED"}])
    assert [sample.labels for sample in published.samples] == [{"status": "ENFORCED", "mode": "serve"}]
