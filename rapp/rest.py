"""REST face of the rApp: what it is, has stored, trained and rolled out. Read-only."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from oran.errors import ConfigError, DigestMismatch, ModelError, ModelNotFound, ModelRejected, SuiteError
from rapp.origin import described
from rapp.rollout import RolloutState, list_rollouts, named
from rapp.runs import Run, list_runs
from rapp.store import ModelStore
from xapps.runtime.model_store import StoredVersion
from xapps.runtime.signatures import TrustedKeys

HTTP_STATUS: dict[type[SuiteError], int] = {
    ModelNotFound: 404,
    ModelRejected: 400,
    ConfigError: 400,
    DigestMismatch: 500,
    ModelError: 500,
    SuiteError: 500,
}
"""Our errors as HTTP statuses; the closest base class in the error tree counts."""


def create_app(
    store: ModelStore, runs_root: Path, registry: CollectorRegistry, rollouts_root: Path = Path("out/rollouts")
) -> FastAPI:
    """``/health``, ``/models[/{name}/{version}]``, ``/runs[/{id}]``, ``/rollouts[/{id}]`` and ``/metrics``."""
    app = FastAPI(title="rApp", docs_url=None, redoc_url=None)
    app.add_exception_handler(SuiteError, _answer_error)
    routes: dict[str, Callable[..., Any]] = {
        "/health": lambda: {"status": "ok"},
        "/models": lambda: [_model(stored, store.trusted) for stored in store.list()],
        "/runs": lambda: [run.summary() for run in list_runs(runs_root)],
        "/rollouts": lambda: [_rollout(*each) for each in list_rollouts(rollouts_root)],
        "/metrics": lambda: Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST),
    }

    def model(name: str, version: int) -> dict[str, Any]:
        return _model(store.read(name, version)[0], store.trusted)

    def run(run_id: str) -> dict[str, Any]:
        return Run.named(runs_root, run_id).summary(with_curves=True)

    def rollout(rollout_id: str) -> dict[str, Any]:
        return {"id": rollout_id} | named(rollouts_root, rollout_id).model_dump(mode="json")

    routes |= {"/models/{name}/{version}": model, "/runs/{run_id}": run, "/rollouts/{rollout_id}": rollout}
    for path, endpoint in routes.items():
        app.get(path, response_model=None)(endpoint)
    return app


def _rollout(rollout_id: str, state: RolloutState) -> dict[str, Any]:
    stages = [record.stage for record in state.records]
    return {"id": rollout_id, "stage": state.stage, "reason": state.reason, "stages": stages}


def _model(stored: StoredVersion, trusted: TrustedKeys | None) -> dict[str, Any]:
    return {
        "name": stored.name,
        "version": stored.version,
        "sha256": stored.sha256,
        "size_bytes": stored.size_bytes,
        "created_unix_s": stored.created_unix_s,
        "manifest": json.loads(stored.manifest_json),
        **described(stored, trusted),
    }


async def _answer_error(_request: Any, error: Exception) -> JSONResponse:
    status = next(HTTP_STATUS[kind] for kind in type(error).__mro__ if kind in HTTP_STATUS)
    return JSONResponse({"error": type(error).__name__, "detail": str(error)}, status_code=status)
