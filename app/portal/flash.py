"""What a form did, said once on the page that it leads to: a cookie, which that page takes away again."""

import base64
import binascii
from typing import Any, Literal

import msgspec
from litestar import Request
from litestar.datastructures import Cookie, MutableScopeHeaders
from litestar.middleware import ASGIMiddleware
from litestar.response import Redirect
from litestar.types import ASGIApp, Message, Receive, Scope, Send

Kind = Literal["good", "bad", "info"]
COOKIE, SECONDS = "flash", 60


class Flash(msgspec.Struct, frozen=True):
    kind: Kind
    text: str


def see_other(path: str, text: str, kind: Kind = "good", cookies: list[Cookie] | None = None) -> Redirect:
    """303 to `path`, which will say `text` at its top; as text, so nothing is gained by writing the cookie oneself."""
    content = base64.urlsafe_b64encode(msgspec.json.encode(Flash(kind, text))).decode()
    return Redirect(path, status_code=303, cookies=[flash_cookie(content, SECONDS), *(cookies or [])])


def flash_cookie(content: str, seconds: int) -> Cookie:
    return Cookie(COOKIE, value=content, max_age=seconds, path="/", httponly=True, samesite="lax")


class FlashMessages(ASGIMiddleware):
    """Puts the message into `scope["state"]`, where `layout.html` takes it, and then forgets it in the browser."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        request: Request[Any, Any, Any] = Request(scope)
        flash = read_flash(request.cookies.get(COOKIE, ""))
        if flash is None:
            await next_app(scope, receive, send)
            return
        state: dict[str, Any] = scope["state"]
        state["flash"] = flash

        async def send_and_forget(message: Message) -> None:
            if message["type"] == "http.response.start" and "flash" not in state:
                MutableScopeHeaders(message).add("set-cookie", flash_cookie("", 0).to_header(header=""))
            await send(message)

        await next_app(scope, receive, send_and_forget)


def read_flash(content: str) -> Flash | None:
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(content), type=Flash) if content else None
    except (ValueError, binascii.Error, msgspec.DecodeError, RecursionError):
        return None  # not written by us: nothing to say
