"""Train, evaluate, put, publish: in this order, and no further than the gate allows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from oran.errors import ConnectFailed
from oran.platform.a1 import ModelPolicy
from rapp import pipeline
from rapp.a1_publisher import Publication
from rapp.evaluation import GateRules, Trial, Verdict, judge
from xapps.runtime.model_store import StoredVersion


@dataclass
class Publisher:
    status: str = "ENFORCED"
    published: list[StoredVersion] = field(default_factory=list)

    def publish(self, stored: StoredVersion, allocator: str) -> Publication:
        self.published.append(stored)
        return Publication(20100, "model-x-1", ModelPolicy(allocator=allocator), self.status, "", 0.1)


def verdict(gain: float) -> Verdict:
    n = 10

    def trial(name: str, score: float) -> Trial:
        return Trial(name, np.full(n, score), np.full(n, score), np.ones(n), np.zeros(n), np.ones(n))

    return judge(
        {"candidate": trial("candidate", 1.0 + gain), "incumbent": trial("incumbent", 1.0)}, GateRules(), "x", 0
    )


def test_an_accepted_model_is_stored_with_its_metrics_and_published(store, make_model):
    publisher = Publisher()
    outcome = pipeline.run(make_model, lambda model: verdict(+1), store, publisher)
    assert outcome.serving
    assert publisher.published == [outcome.stored]
    manifest = store.get("ssvae").manifest
    assert manifest.metrics["gain"] == 1.0
    assert manifest.training["gate"] == {"scenario": "x", "seed": 0, "drops": 10}


def test_a_refused_model_is_neither_stored_nor_published(store, make_model):
    publisher = Publisher()
    outcome = pipeline.run(make_model, lambda model: verdict(-1), store, publisher)
    assert not outcome.serving
    assert outcome.verdict.reasons
    assert store.list() == []
    assert publisher.published == []


def test_a_model_that_the_xapp_refuses_is_stored_but_does_not_serve(store, make_model):
    outcome = pipeline.run(make_model, lambda model: verdict(+1), store, Publisher("NOT_ENFORCED"))
    assert outcome.stored is not None
    assert not outcome.serving


def test_a_step_that_fails_ends_the_pipeline_with_its_own_error(store, make_model):
    class Unreachable:
        def put(self, model):
            raise ConnectFailed("store down")

    publisher = Publisher()
    with pytest.raises(ConnectFailed):
        pipeline.run(make_model, lambda model: verdict(+1), Unreachable(), publisher)
    assert publisher.published == []


def test_the_gate_sees_the_very_model_that_is_stored(store, make_model):
    seen = []
    model = make_model(weights=b"these")
    pipeline.run(lambda: model, lambda each: seen.append(each) or replace(verdict(+1)), store, Publisher())
    assert seen == [model]
    assert store.get("ssvae").weights == b"these"
