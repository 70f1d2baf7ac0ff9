"""Errors as RFC 9457 problems under `/api`, as pages elsewhere."""

import errno
import math
import re
from typing import Any
from urllib.parse import quote

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.response import Redirect, Template
from litestar.status_codes import HTTP_303_SEE_OTHER

from app.domain.lists import from_cursor
from app.engines.database import is_away
from app.errors import (
    AppError,
    FieldError,
    Invalid,
    Malformed,
    NotFound,
    NotSignedIn,
    TooLarge,
    Unavailable,
    first_line,
)
from app.form_request import MOST_PARTS
from app.kept_form import KeptForm
from app.phrases import Phrase
from app.same_origin import SAFE_METHODS, local_path, page_in, split
from app.validation import plain

log = structlog.get_logger()

TITLES = {
    404: Phrase("There is no such page"),
    405: Phrase("This address does not take that method"),
    400: Malformed.title,
}

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}
"""What the disk says when it takes no more files."""


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 9457. `errors` names every bad field."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[FieldError] = []
    submission_id: str | None = None


LOOK = "x-look"
"""Sent by what asks without being pressed, with why (`templates/live.html`): its page stays while it is refused."""


def handle_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Every exception of every handler ends here."""
    refusal = as_app_error(request, error)
    if refusal.status == 500:
        log.error("unhandled error", exc_info=error)
    elif refusal.status == 503 and refusal.__cause__:
        log.warning("unavailable", detail=refusal.detail, error=first_line(refusal.__cause__))
    headers = dict(refusal.headers)
    if refusal.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(refusal.retry_after)))
    if request.scope["path"].startswith("/api/"):
        return problem(request, refusal, headers)
    return page(request, refusal, headers)


def problem(request: Request[Any, Any, Any], refusal: AppError, headers: dict[str, str]) -> Response[Any]:
    content = Problem(
        type=f"urn:eventstream:problem:{refusal.type}",
        title=refusal.title,
        status=refusal.status,
        detail=refusal.detail,
        request_id=request.scope["state"].get("request_id", ""),
        errors=list(refusal.fields),
        submission_id=str(refusal.extra["submission_id"]) if "submission_id" in refusal.extra else None,
    )
    return Response(content, status_code=refusal.status, headers=headers, media_type="application/problem+json")


def page_above(path: str) -> str:
    """The page that has the form of this address; sessions and keys of an account have none of their own."""
    above = path.rpartition("/")[0]
    return re.sub(r"^(/account/[^/]+)/\d+$", r"\1", above) or "/"


def page(request: Request[Any, Any, Any], refusal: AppError, headers: dict[str, str]) -> Response[Any]:
    by_htmx = bool(request.headers.get("hx-request"))
    if refusal.status == 405 and request.method == "GET":  # where a form goes to, opened again: by a reload perhaps
        return Redirect(page_above(request.scope["path"]), status_code=HTTP_303_SEE_OTHER)
    if isinstance(refusal, NotSignedIn) and "kept" not in refusal.extra:
        target = way_to_sign_in(request, refusal)
        if by_htmx:
            return Response("", status_code=200, headers={"HX-Redirect": target}, media_type="text/html")
        return Redirect(target, status_code=HTTP_303_SEE_OTHER)
    look = request.headers.get(LOOK) if by_htmx and not isinstance(refusal, NotSignedIn) else None
    if look:
        headers |= {"HX-Reswap": "none", "HX-Push-Url": "false"}
        context = {"problem": refusal, "look": look}
        return Template("refused.hx.html", context=context, status_code=refusal.status, headers=headers)
    if by_htmx:
        headers |= {"HX-Retarget": "#main", "HX-Reswap": "outerHTML", "HX-Reselect": "#main"}
    if isinstance(refusal, NotSignedIn):
        return sign_in_again(request, refusal, headers)
    return Template(
        "problem.html",
        context={
            "problem": refusal,
            "visitor": request.scope.get("user"),
            "back": way_back(request),
            "kept": refusal.extra.get("kept") or refusal.extra.get("choice"),
        },
        status_code=refusal.status,
        headers=headers,
    )


def sign_in_again(request: Request[Any, Any, Any], refusal: NotSignedIn, headers: dict[str, str]) -> Response[Any]:
    """The sign-in form, with what was typed into another form when the session was over."""
    kept: Any = refusal.extra["kept"]
    context = {"values": {"kept": kept.text}, "errors": {}, "refusal": None, "next": came_from(request)}
    return Template("accounts/sign_in.html", context=context, status_code=refusal.status, headers=headers)


def way_to_sign_in(request: Request[Any, Any, Any], refusal: NotSignedIn) -> str:
    """To an account, and back to the same page; what was chosen there goes along."""
    back, chosen = came_from(request), refusal.extra.get("choice")
    strangers_may = request.scope["route_handler"].opt.get("keep_choice")
    looks = request.method in SAFE_METHODS
    from_inside = not strangers_may and (not looks or request.headers.get("hx-request"))  # the cookie may be gone too
    had_session = from_inside or request.app.state.parts.sessions.cookie in request.cookies
    ended = f"&ended={'look' if looks else 'true'}" if had_session else ""
    if not isinstance(chosen, KeptForm):
        return f"/sign-in?next={quote(back)}{ended}"
    page = "/sign-up" if ("account", "new") in chosen.fields else "/sign-in"
    return f"{page}?next={quote(back.partition('?')[0] + '?' + chosen.choice)}{ended}"


def came_from(request: Request[Any, Any, Any]) -> str:
    """The page to go back to after signing in: for a form or a part of a page, the page it stands on."""
    path = str(request.scope["path"])
    if request.method != "GET":
        return form_page(request) or (path.rpartition("/")[0] if path.startswith("/events/") else "/")
    page = form_page(request) if request.headers.get("hx-request") else ""
    if page and page.partition("?")[0] != path:
        return page
    query = request.scope["query_string"].decode("ascii", "replace")
    return f"{path}?{query}" if query else path


def way_back(request: Request[Any, Any, Any]) -> str:
    """Nowhere, where that would be the page that is refused."""
    back = local_path(form_page(request), "")
    return "" if request.method in SAFE_METHODS and back.partition("?")[0] == request.scope["path"] else back


def form_page(request: Request[Any, Any, Any]) -> str:
    """Our own page that sent the request, if the browser says which."""
    sender = split(request.headers.get("referer", ""))
    ours = split(request.app.state.parts.settings.public_url)
    if sender[:2] != ours[:2] and sender.netloc != request.headers.get("host"):
        return ""
    return page_in(sender)


def as_app_error(request: Request[Any, Any, Any], error: Exception) -> AppError:
    if isinstance(error, AppError):
        return error
    if isinstance(error, ValidationException):
        return from_parameters(error, request.query_params.get("cursor"))
    if isinstance(error, RequestEntityTooLarge):
        most: Any = request.route_handler.resolve_request_max_body_size()
        return TooLarge(Phrase("This address takes at most %(most)s MB at a time.", most=most // 1_000_000))
    if isinstance(error, HTTPException):
        return from_http(error)
    if is_away(error):
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            away = Unavailable("The server cannot keep files at the moment.", retry_after=5)
        else:
            away = Unavailable("The database does not answer.", retry_after=2)
        away.__cause__ = error
        return away
    return AppError("It is our fault, and it is in our log under this request id.")


def from_parameters(error: ValidationException, cursor: str | None) -> AppError:
    """Bad parameters: a path that cannot be an id is a thing that is not there.

    A cursor is any text to Litestar; one that is none of ours is named beside the others.
    """
    complaints = error.extra if isinstance(error.extra, list) else []
    if any(str(complaint.get("source")) in {"path", "ParamType.PATH"} for complaint in complaints):
        return NotFound("There is no such thing here.")
    fields = [FieldError(str(one.get("key", "")), plain(str(one.get("message", "is not valid")))) for one in complaints]
    if not fields:
        return Malformed(error.detail)
    try:
        from_cursor(cursor)
    except Invalid as refusal:
        fields += refusal.fields
    return Invalid(fields)


def from_http(error: HTTPException) -> AppError:
    if error.detail == "Request Entity Too Large":  # a 400 by that name
        return TooLarge(Phrase("A form may have at most %(most)s parts.", most=MOST_PARTS))
    if error.detail == "client disconnected prematurely":  # Litestar calls it a fault of its own
        return Malformed("The request ended before it was whole.")
    if error.status_code >= 500:
        return AppError("It is our fault, and it is in our log under this request id.")
    refusal = NotFound("There is nothing at this address.") if error.status_code == 404 else Malformed(error.detail)
    other = AppError(refusal.detail, type=refusal.type, headers=dict(error.headers or {}))
    other.status = error.status_code  # type: ignore[misc]
    other.title = TITLES.get(error.status_code, Malformed.title)  # type: ignore[misc]
    if error.status_code == 405:
        other.type, other.detail = "method-not-allowed", Phrase("This address does not take that method.")
    return other
