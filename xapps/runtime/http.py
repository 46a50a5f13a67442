"""A small HTTP server: exact paths, one thread a request, so that a slow answer holds up no probe."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from oran.errors import ConfigError

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 1024 * 1024
SOCKET_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Response:
    """What a route answers."""

    status: int = HTTPStatus.OK
    body: bytes = b""
    content_type: str = "application/json"

    @classmethod
    def json(cls, document: Any, status: int = HTTPStatus.OK) -> Response:
        return cls(status, json.dumps(document).encode())


class BadRequest(Exception):
    """A route's word for a body that it cannot accept: answered with 400 and the reason."""


Route = Callable[[bytes], Response]
"""Takes the body of the request (empty for GET)."""


class HttpServer:
    """Serves ``routes`` from ``start`` to ``close``.

    Args:
        routes: (method, path) -> route.
        host, port: address to bind; port 0 takes a free one, see ``port`` after ``start``.

    """

    def __init__(self, routes: Mapping[tuple[str, str], Route], host: str, port: int) -> None:
        self._routes = dict(routes)
        self._address = (host, port)
        self._server: ThreadingHTTPServer | None = None

    @property
    def port(self) -> int:
        return self._server.server_address[1] if self._server else self._address[1]

    def start(self) -> None:
        """Serve from now on, on threads of its own.

        Raises:
            ConfigError: the port is taken, or the address is not ours.
        """
        try:
            self._server = _Server(self._address, self._routes)
        except OSError as error:
            raise ConfigError("http_port", self._address, error.strerror or "cannot be bound") from error
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="http", daemon=True
        ).start()

    def close(self) -> None:
        """Answer nobody any more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 32

    def __init__(self, address: tuple[str, int], routes: dict[tuple[str, str], Route]) -> None:
        self.routes = routes
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = SOCKET_TIMEOUT_S
    server: _Server

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body, refusal = self._body()
        response = refusal or self._dispatch(body)
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        if refusal is not None:
            self.send_header("Connection", "close")  # the rest of the body is still in the stream
            self.close_connection = True
        self.end_headers()
        self.wfile.write(response.body)

    def _body(self) -> tuple[bytes, Response | None]:
        if self.command == "GET":
            return b"", None
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            return b"", _refusal(HTTPStatus.LENGTH_REQUIRED, "Content-Length is missing or no number")
        if int(length) > MAX_BODY_BYTES:
            return b"", _refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {MAX_BODY_BYTES} bytes")
        return self.rfile.read(int(length)), None

    def _dispatch(self, body: bytes) -> Response:
        path = self.path.partition("?")[0]
        route = self.server.routes.get((self.command, path))
        if route is None:
            known = any(path == other for _, other in self.server.routes)
            return _refusal(HTTPStatus.METHOD_NOT_ALLOWED if known else HTTPStatus.NOT_FOUND, path)
        try:
            return route(body)
        except BadRequest as error:
            return _refusal(HTTPStatus.BAD_REQUEST, str(error))
        except Exception:  # one request must not take its connection down unanswered
            log.exception("%s %s failed", self.command, path)
            return _refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "see the log")

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)


def _refusal(status: HTTPStatus, detail: str) -> Response:
    return Response.json({"error": status.phrase, "detail": detail}, status)
