"""What pipelines did, as counters of the process that serves metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from rapp.journal import FILE, Journal, families
from rapp.lineage import LineageCollector
from rapp.store import MemoryStore


def test_steps_of_other_processes_show_as_counters_and_a_histogram(tmp_path):
    for seconds, accepted in ((20.0, True), (100.0, False), (4000.0, True)):
        journal = Journal(tmp_path)  # each as if in a process of its own
        journal.trained(seconds)
        journal.judged(accepted)
    journal.published("ENFORCED")
    registry = CollectorRegistry()
    registry.register(LineageCollector(MemoryStore(), tmp_path))
    assert registry.get_sample_value("rapp_gate_verdicts_total", {"verdict": "accepted"}) == 2
    assert registry.get_sample_value("rapp_gate_verdicts_total", {"verdict": "refused"}) == 1
    assert registry.get_sample_value("rapp_models_published_total", {"status": "ENFORCED"}) == 1
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
        ("rapp_training_seconds", []),
    ]
