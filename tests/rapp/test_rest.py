"""The REST face: what is stored and trained, as JSON and as metrics."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from prometheus_client import CollectorRegistry

from rapp.metrics import StoreMetrics
from rapp.rest import create_app
from rapp.runs import Run, RunConfig


@pytest.fixture
def client(store, tmp_path):
    registry = CollectorRegistry()
    StoreMetrics(registry).calls.labels("put", "OK").inc()
    return TestClient(create_app(store, tmp_path, registry), raise_server_exceptions=False)


def test_health_answers(client):
    assert client.get("/health").json() == {"status": "ok"}


def test_models_are_listed_and_shown_with_their_manifest(client, store, make_model):
    stored = store.put(make_model())
    listed = client.get("/models").json()
    assert [(each["name"], each["version"], each["sha256"]) for each in listed] == [("ssvae", 1, stored.sha256)]
    assert client.get("/models/ssvae/1").json()["manifest"]["allocator"] == "ssvae"


@pytest.mark.parametrize(("path", "status"), [("/models/none/1", 404), ("/models/NO/1", 400), ("/runs/none", 404)])
def test_our_errors_become_http_statuses(client, path, status):
    answer = client.get(path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "detail"}


def test_runs_are_listed_with_their_state(client, tmp_path):
    run = Run.create(tmp_path, RunConfig(dataset="nowhere"))
    assert [(each["id"], each["state"]) for each in client.get("/runs").json()] == [(run.folder.name, "created")]
    assert client.get(f"/runs/{run.folder.name}").json()["curves"] == []


def test_metrics_are_in_the_exposition_format(client):
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'rapp_model_store_calls_total{method="put",status="OK"} 1.0' in answer.text
