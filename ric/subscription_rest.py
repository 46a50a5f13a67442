"""The subscription manager's REST interface (SubMgr 0.10)."""

from __future__ import annotations

import secrets
import string
import time
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from oran.platform.subscriptions import OUT_OF_RANGE, SubscriptionRequest
from ric.subscription_manager import NotConnected, SubscriptionBusy, SubscriptionManager, UnknownSubscription

_BAD_REQUEST: Final = OUT_OF_RANGE | {"json_invalid"}
_KSUID_EPOCH_S: Final = 1_400_000_000
_KSUID_LENGTH: Final = 27
_BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase


def ksuid() -> str:
    """A K-sortable unique id, 27 characters: 4 octets of time and 16 of chance, in base 62."""
    number = int.from_bytes(int(time.time() - _KSUID_EPOCH_S).to_bytes(4) + secrets.token_bytes(16))
    text = ""
    for _ in range(_KSUID_LENGTH):
        number, digit = divmod(number, 62)
        text = _BASE62[digit] + text
    return text


def rest_app(manager: SubscriptionManager) -> FastAPI:
    """POST, GET and DELETE of subscriptions, and health."""
    app = FastAPI(title="subscription manager", openapi_url=None)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        status = 400 if all(fault["type"] in _BAD_REQUEST for fault in error.errors()) else 422
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        return JSONResponse({"code": status, "message": faults}, status)

    @app.exception_handler(NotConnected)
    async def unavailable(request: Request, error: NotConnected) -> JSONResponse:
        return JSONResponse({"message": str(error)}, 503)

    @app.exception_handler(UnknownSubscription)
    async def unknown(request: Request, error: UnknownSubscription) -> JSONResponse:
        return JSONResponse({"message": f"no subscription {error}"}, 404)

    @app.exception_handler(SubscriptionBusy)
    async def busy(request: Request, error: SubscriptionBusy) -> JSONResponse:
        return JSONResponse({"message": f"{error} is being created"}, 400)

    @app.post("/ric/v1/subscriptions", status_code=201)
    async def subscribe(body: SubscriptionRequest) -> dict[str, Any]:
        return {"SubscriptionId": await manager.subscribe(body), "SubscriptionInstances": None}

    @app.delete("/ric/v1/subscriptions/{subscription_id}", status_code=204)
    async def unsubscribe(subscription_id: str) -> Response:
        await manager.unsubscribe(subscription_id)
        return Response(status_code=204)

    @app.get("/ric/v1/subscriptions")
    async def subscriptions() -> list[dict[str, Any]]:
        return [record.to_json() for record in manager.records()]

    @app.get("/ric/v1/health/alive")
    @app.get("/ric/v1/health/ready")
    async def health() -> None:
        return None

    return app
