"""What every request gets, whatever answers it: an id, a log line, safe headers, and its refusal read to the end."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog
import uuid_utils
from litestar._parsers import parse_query_string

from app.language import accept_language
from app.tracing import set_traceparent

log = structlog.get_logger()

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
DRAIN_BYTES, DRAIN_SECONDS = 256 * 1024 * 1024, 30.0

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src {pictures}; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
NOSNIFF = {b"x-content-type-options": b"nosniff"}
OF_A_PAGE = {
    b"referrer-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=()",
    b"cross-origin-opener-policy": b"same-origin",
}
DATA = (b"application/json", b"application/problem+json")
"""No browser runs or frames these, so what protects a page is left out."""
FOR_BACK = b"private, no-cache"
"""Who goes back to a form that was refused sees it as it was; it could only be sent once more if it were not stored."""
LONG_BYTES = 500
HSTS = {b"strict-transport-security": b"max-age=31536000"}


class Edge:
    """`pictures_from` is the origin that pages load pictures from, where it is not ours."""

    def __init__(self, app: App, secure: bool, pictures_from: str | None = None) -> None:
        self.app = app
        policy = CSP.format(pictures=" ".join(filter(None, ("'self'", "data:", pictures_from))))
        self.with_data = NOSNIFF | (HSTS if secure else {})
        self.with_pages = self.with_data | OF_A_PAGE | {b"content-security-policy": policy.encode()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = Exchange(scope, receive, send, self)
        structlog.contextvars.bind_contextvars(request_id=exchange.request_id)
        try:
            await self.app(exchange.scope, exchange.receive, exchange.send)
        finally:
            exchange.write_line()
            if len(scope["query_string"]) > LONG_BYTES:
                parse_query_string.cache_clear()  # Litestar would remember a thousand of them


class Exchange:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, edge: Edge) -> None:
        self.head = scope["method"] == "HEAD"
        scope = without_odd_cookies(scope)
        self.scope = as_get(scope) if self.head else scope  # the server goes on seeing what was asked
        self.receive_next = receive
        self.send_next = send
        self.edge = edge
        self.began = time.perf_counter()
        self.status = 0
        self.body_read = False
        asked = dict(self.scope["headers"])
        self.request_id = given_id(asked) or uuid_utils.uuid7().hex
        accept_language.set(asked.get(b"accept-language", b"").decode("latin-1"))
        set_traceparent(asked.get(b"traceparent", b""))
        self.scope.setdefault("state", {})
        self.scope["state"]["request_id"] = self.request_id

    async def receive(self) -> Message:
        message = await self.receive_next()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self.body_read = True
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.scope["state"]["answering"] = True
            if self.status >= 400:
                await self.drain()
            message["headers"] = [*message.get("headers", []), *self.headers(message)]
        elif self.head:
            message = {**message, "body": b""}
        await self.send_next(message)

    def headers(self, message: Message) -> list[tuple[bytes, bytes]]:
        present = {name.lower(): value for name, value in message.get("headers", [])}
        data = present.get(b"content-type", b"").startswith(DATA)
        always = self.edge.with_data if data else self.edge.with_pages
        extra = [(name, value) for name, value in always.items() if name not in present]
        extra.append((b"x-request-id", self.request_id.encode()))
        extra += [
            (name.lower().encode(), value.encode())
            for name, value in self.scope["state"].get("rate_limit_headers", {}).items()
            if name.lower().encode() not in present
        ]
        if b"cache-control" not in present:
            refused_form = not data and self.status >= 400 and self.scope["method"] == "POST"
            extra.append((b"cache-control", FOR_BACK if refused_form else b"no-store"))
        return extra

    async def drain(self) -> None:
        """Read what is left of the body: a client that is still sending cannot read its refusal.

        A server that stops has no time for that: then the refusal goes out as it is.
        """
        if self.scope["state"].get("stopping"):
            return
        left = DRAIN_BYTES
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                while not self.body_read and left > 0:
                    message = await self.receive()
                    if message["type"] == "http.disconnect":
                        return
                    left -= len(message.get("body", b""))
        except TimeoutError:
            return
        except asyncio.CancelledError:
            self.scope["state"]["stopping"] = True

    def write_line(self) -> None:
        user = self.scope.get("user")
        log.info(
            "request",
            method="HEAD" if self.head else self.scope["method"],
            route=self.scope.get("path_template") or "(none)",
            status=self.status,
            ms=round((time.perf_counter() - self.began) * 1000, 1),
            user_id=user.user_id if user else None,
        )


def without_odd_cookies(scope: Scope) -> Scope:
    """Cookies with a backslash are none of ours, and Python takes time in the square of their number to read them."""
    for name, text in scope["headers"]:
        if name == b"cookie" and b"\\" in text:
            break
    else:
        return scope
    headers = [(name, plain_pairs(text) if name == b"cookie" else text) for name, text in scope["headers"]]
    return {**scope, "headers": headers}


def plain_pairs(cookies: bytes) -> bytes:
    return b";".join(pair for pair in cookies.split(b";") if b"\\" not in pair)


def as_get(scope: Scope) -> Scope:
    """What HEAD asks about; only GET has ranges."""
    return {**scope, "method": "GET", "headers": [one for one in scope["headers"] if one[0] != b"range"]}


def given_id(asked: dict[bytes, bytes]) -> str | None:
    given = asked.get(b"x-request-id", b"")
    return given.decode() if REQUEST_ID.fullmatch(given) else None
