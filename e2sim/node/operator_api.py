"""REST face of a node for its operator: state, trace, seeded episodes, users that leave, metrics."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field

from e2sim.node.e2_node import E2Node
from oran.e2sm.rrm import RadioReport
from oran.errors import ConfigError


class EpisodeRequest(BaseModel):
    """A seeded run in lock-step."""

    seed: int = Field(ge=0)
    slots: int = Field(gt=0, le=100_000)


def operator_api(node: E2Node) -> FastAPI:
    """The application; every answer is JSON but ``/metrics``."""
    app = FastAPI(title="simulated E2 node", openapi_url=None)
    world = node.world

    @app.get("/v1/state")
    async def state() -> dict[str, Any]:
        return {
            "scenario": world.scenario.name,
            "connected": node.connected,
            "ran_functions": sorted(node.accepted),
            "subscriptions": [_subscription(s) for s in node.subscriptions.values()],
            "slot": world.simulator.slot,
            "records": world.recorded,
            "indications": node.indications_sent,
            "controls": {"applied": world.applied, "refused": world.refused, "late": world.late},
            "slice_quotas": [asdict(quota) for quota in world.quotas],
            "users": _users(world.observe()) | {"cell": world.cells.tolist()},
        }

    @app.get("/v1/trace")
    async def trace(since: Annotated[int, Query(ge=0)] = 0) -> dict[str, Any]:
        return {"next": world.recorded, "records": [asdict(record) for record in world.trace(since)]}

    @app.get("/v1/latencies")
    async def latencies(since: Annotated[int, Query(ge=0)] = 0) -> dict[str, Any]:
        return {"next": len(node.latencies_ms), "latencies_ms": node.latencies_ms[since:]}

    @app.post("/v1/episode", status_code=201)
    async def start_episode(request: EpisodeRequest) -> dict[str, Any]:
        world.start_episode(request.seed, request.slots)
        node.changed.set()
        return await episode()

    @app.get("/v1/episode")
    async def episode() -> dict[str, Any]:
        current = world.episode
        if current is None:
            raise HTTPException(404, "no episode")
        records = world.trace(current.first_record)[: current.done]
        return {
            "seed": current.seed,
            "slots": current.slots,
            "done": current.done,
            "finished": current.finished,
            "records": [asdict(record) for record in records],
            "rates_bps_hz": [rates.tolist() for rates in current.rates_bps_hz],
        }

    @app.delete("/v1/episode", status_code=204)
    async def end_episode() -> Response:
        world.end_episode()
        node.changed.set()
        return Response(status_code=204)

    @app.delete("/v1/ues/{ue_id}", status_code=204)
    async def remove_ue(ue_id: int) -> Response:
        try:
            world.remove_ue(ue_id)
        except ConfigError as error:
            raise HTTPException(404, str(error)) from error
        return Response(status_code=204)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(node.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return app


def _users(report: RadioReport) -> dict[str, list[Any]]:
    return {
        "ue_id": report.ue_ids.tolist(),
        "slice": [report.slice_names[index] for index in report.slice_ids],
        "min_rate_bps_hz": report.min_rate_bps_hz.tolist(),
    }


def _subscription(subscription: Any) -> dict[str, Any]:
    return {
        "requestor": subscription.request_id.requestor,
        "instance": subscription.request_id.instance,
        "ran_function": subscription.request.ran_function_id,
        "period_slots": subscription.period_slots,
        "lock_step": subscription.lock_step,
    }
