"""Tickets: buy, and list your own."""

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import Body

from app.api.answers import PathId, Ready, event_in_path, idempotent_json, problems
from app.api.body import WholeBody, require_own_ids
from app.api.events import Cursor, Limit
from app.domain import tickets
from app.domain.accounts import Caller
from app.domain.events import Id
from app.domain.idempotency import replay_headers
from app.domain.issuing import Issued
from app.domain.lists import Page, from_cursor
from app.domain.money import currency_complaint
from app.domain.sale import Purchase
from app.domain.tickets import TicketView
from app.domain.waiting_list import Quantity
from app.errors import FieldError
from app.parts import Parts
from app.validation import Input, parse_json, read


class AsSeen(Input, frozen=True, kw_only=True):
    """`price` and `currency` of a ticket, as the buyer has seen them: where they have changed, nothing is bought."""

    user_id: Id | None = None
    price: Decimal | None = None
    currency: str | None = None

    @classmethod
    def check(cls, values: Mapping[str, Any]) -> Iterable[FieldError]:
        if "currency" in values and (complaint := currency_complaint(values["currency"])):
            yield FieldError("currency", complaint)


class BuyIn(AsSeen, frozen=True, kw_only=True):
    """Without `ticket_type_id` the first type on sale; all of `quantity` or none."""

    ticket_type_id: Id | None = None
    quantity: Quantity = 1


class TicketBought(msgspec.Struct, frozen=True, omit_defaults=True):
    """The first ticket, and all of them in `tickets`; `held_until` is there where a payment has to be confirmed."""

    success: str
    ticket_number: int
    code: str
    status: str
    tickets: list[Issued]
    held_until: dt.datetime | None = None


async def buy(request: Request[Any, Any, Any]) -> Ready[TicketBought]:
    """Everybody comes here at once, so the request is read by hand: Litestar takes as long for that as the sale."""
    parts, who = request.app.state.parts, request.user
    key = await idempotent_json(request)
    sent = parse_json(await request.body())
    wanted = read(BuyIn, sent)
    require_own_ids(who, sent)
    event_id = event_in_path(request)
    sold = await tickets.buy_ticket(
        parts.sale_desk, who, event_id, key, wanted.ticket_type_id, wanted.quantity, wanted.price, wanted.currency
    )
    return ticket_bought(sold)


@post(
    "/attendee/buy-ticket/{event_id:int}", dto=WholeBody, return_dto=None, opt={"limit": "buy"}, before_request=buy,
    summary="Buy a ticket", responses=problems(400, 404, 409, 413, 422),
)  # fmt: skip
async def buy_ticket(
    request: Request[Any, Any, Any], event_id: PathId, data: Annotated[BuyIn, Body()]
) -> Response[TicketBought]:
    """Stands here for the description of the API: `buy` has answered before."""
    return await buy(request)


def ticket_bought(bought: Purchase) -> Ready[TicketBought]:
    content = TicketBought(
        "Ticket purchased!", bought.ticket_number, bought.code, bought.status, bought.tickets, bought.held_until
    )
    return Ready(content, 201, replay_headers(bought.replayed))


@get("/tickets", summary="Your tickets, newest first", responses=problems(422))
async def list_tickets(
    parts: NamedDependency[Parts], who: NamedDependency[Caller], limit: Limit = 20, cursor: Cursor = None
) -> Page[TicketView]:
    return await tickets.tickets_of(parts.database, who, limit, from_cursor(cursor))


routes = [buy_ticket, list_tickets]
