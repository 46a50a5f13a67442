"""The A1 mediator's REST interface (A1-P v2)."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

from fastapi import FastAPI, HTTPException, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from oran.platform.a1 import PolicyType
from ric.a1_mediator import A1Mediator, PolicyRefused, PolicyUnknown

_ROOT: Final = "/A1-P/v2"
TypeId = Annotated[int, Path(ge=1, le=2_147_483_647)]


def rest_app(mediator: A1Mediator) -> FastAPI:
    """Health, policy types, instances and their status; 503 while the database is away."""
    app = FastAPI(title="A1 mediator", openapi_url=None)

    @app.middleware("http")
    async def needs_database(request: Request, call_next: Any) -> Response:
        if not await mediator.healthy():
            return JSONResponse({"message": "the database does not answer"}, 503)
        response: Response = await call_next(request)
        return response

    @app.exception_handler(RequestValidationError)
    @app.exception_handler(PolicyRefused)
    async def refused(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"message": str(error)}, 400)

    @app.exception_handler(PolicyUnknown)
    async def unknown(request: Request, error: PolicyUnknown) -> JSONResponse:
        return JSONResponse({"message": str(error)}, 404)

    @app.get(f"{_ROOT}/healthcheck")
    async def healthcheck() -> None:
        return None

    _add_types(app, mediator)
    _add_instances(app, mediator)
    return app


def _add_types(app: FastAPI, mediator: A1Mediator) -> None:
    @app.get(f"{_ROOT}/policytypes")
    async def type_ids() -> list[int]:
        return mediator.type_ids()

    @app.get(f"{_ROOT}/policytypes/{{type_id}}")
    async def policy_type(type_id: TypeId) -> dict[str, Any]:
        return mediator.policy_type(type_id).model_dump(mode="json")

    @app.put(f"{_ROOT}/policytypes/{{type_id}}", status_code=201)
    async def create_type(type_id: TypeId, body: PolicyType) -> None:
        await mediator.create_type(type_id, body)

    @app.delete(f"{_ROOT}/policytypes/{{type_id}}", status_code=204)
    async def delete_type(type_id: TypeId) -> Response:
        await mediator.delete_type(type_id)
        return Response(status_code=204)


def _add_instances(app: FastAPI, mediator: A1Mediator) -> None:
    policies = f"{_ROOT}/policytypes/{{type_id}}/policies"

    @app.get(policies)
    async def instance_ids(type_id: TypeId) -> list[str]:
        return mediator.instance_ids(type_id)

    @app.get(f"{policies}/{{instance_id}}")
    async def instance(type_id: TypeId, instance_id: str) -> dict[str, Any]:
        return mediator.instance(type_id, instance_id).policy

    @app.put(f"{policies}/{{instance_id}}", status_code=202)
    async def put_instance(
        type_id: TypeId, instance_id: str, request: Request, notificationDestination: str = ""
    ) -> None:
        try:
            policy = json.loads(await request.body())
        except (ValueError, RecursionError) as error:
            raise HTTPException(400, detail=f"not JSON: {error}") from error
        await mediator.put_instance(type_id, instance_id, policy, notificationDestination)

    @app.delete(f"{policies}/{{instance_id}}", status_code=202)
    async def delete_instance(type_id: TypeId, instance_id: str) -> None:
        await mediator.delete_instance(type_id, instance_id)

    @app.get(f"{policies}/{{instance_id}}/status")
    async def status(type_id: TypeId, instance_id: str) -> dict[str, str]:
        return mediator.instance(type_id, instance_id).status_json()
