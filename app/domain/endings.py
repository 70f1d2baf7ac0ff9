"""What ends without a wish of its owner: holds, offers, entries; by the clock, `most` of them in one transaction."""

from app.domain.stock import LogLine, Stock
from app.domain.waiting_entries import by_type
from app.engines.database import Connection
from app.messages import OfferExpired, OfferShortened, OfferWithdrawn, TicketLapsed, WaitingListClosed


async def lapse_holds(connection: Connection, stock: Stock, most: int) -> int:
    rows = await connection.fetch(
        """UPDATE tickets SET status = 'lapsed'
           WHERE id IN (SELECT id FROM tickets WHERE event_id = $1 AND status = 'held' AND held_until <= $2
                        ORDER BY held_until LIMIT $3)
           RETURNING id, ticket_type_id, attendee_id""",
        stock.id,
        stock.now,
        most,
    )
    for row in rows:
        stock.hold(stock.types[row["ticket_type_id"]], -1)
        stock.tell(TicketLapsed, row)
    return len(rows)


async def expire_offers(connection: Connection, stock: Stock, most: int) -> int:
    """How many ended. None lasts longer than the sale of its type, which may end earlier than when it was made."""
    kinds = list(stock.types.values())
    shortened = await connection.fetch(
        """UPDATE waiting_list AS w SET offer_until = k.until
           FROM unnest($2::bigint[], $3::timestamptz[]) AS k (id, until)
           WHERE w.event_id = $1 AND w.status = 'offered' AND w.offered_type_id = k.id
             AND w.offer_until > k.until
           RETURNING w.id, w.attendee_id, w.offer_until""",
        stock.id,
        [kind.id for kind in kinds],
        [max(stock.sale_end(kind), stock.now) for kind in kinds],
    )
    for row in shortened:
        until = row["offer_until"]
        who = {"waitlist_id": row["id"], "attendee_id": row["attendee_id"]}
        stock.facts.append(OfferShortened(event_id=stock.id, until=until, **who))
        stock.lines.append(LogLine(row["id"], "shortened", {"until": until.isoformat()}))
    rows = await connection.fetch(
        """UPDATE waiting_list SET status = 'expired', ended_at = $2
           WHERE id IN (SELECT id FROM waiting_list WHERE event_id = $1 AND status = 'offered' AND offer_until <= $2
                        ORDER BY offer_until LIMIT $3)
           RETURNING id, attendee_id, quantity, offered_type_id""",
        stock.id,
        stock.now,
        most,
    )
    for row in rows:
        stock.hold(stock.types[row["offered_type_id"]], -row["quantity"])
        stock.facts.append(OfferExpired(event_id=stock.id, waitlist_id=row["id"], attendee_id=row["attendee_id"]))
        stock.lines.append(LogLine(row["id"], "expired", {}))
    return len(rows)


async def withdraw_offers(connection: Connection, stock: Stock, ticket_type_id: int) -> None:
    """Of a type that is sold no more; who was offered it waits again, in the same place."""
    rows = await connection.fetch(
        """UPDATE waiting_list AS w SET status = 'waiting', offered_type_id = NULL, offer_until = NULL
           FROM (SELECT id FROM waiting_list
                 WHERE event_id = $1 AND status = 'offered' AND offered_type_id = $2 ORDER BY id) AS old
           WHERE w.id = old.id RETURNING w.id, w.attendee_id, w.quantity""",
        stock.id,
        ticket_type_id,
    )
    for row in rows:
        stock.release({ticket_type_id: row["quantity"]})
        stock.facts.append(OfferWithdrawn(event_id=stock.id, waitlist_id=row["id"], attendee_id=row["attendee_id"]))
        stock.lines.append(LogLine(row["id"], "withdrawn", {}))


async def close_untakeable(connection: Connection, stock: Stock, with_one_more: tuple[int, int] | None = None) -> bool:
    """End offers that with what their owner has by now would be more than one person can have; whether there were any.

    Of all, or of one person, who is about to have one more of a type: `with_one_more`.
    """
    person, ticket_type_id = with_one_more or (None, None)
    rows = await connection.fetch(
        """UPDATE waiting_list AS w SET status = 'closed', ended_at = $2 FROM ticket_types k
           WHERE w.event_id = $1 AND w.status = 'offered' AND k.id = w.offered_type_id
             AND ($3::bigint IS NULL OR w.attendee_id = $3 AND k.id = $4)
             AND w.quantity + ($3 IS NOT NULL)::integer + (SELECT count(*) FROM tickets t
                               WHERE t.event_id = $1 AND t.attendee_id = w.attendee_id AND t.ticket_type_id = k.id
                                 AND t.status IN ('held', 'sold', 'used')) > k.per_attendee_limit
           RETURNING w.id, w.attendee_id, w.quantity, w.offered_type_id, k.per_attendee_limit""",
        stock.id,
        stock.now,
        person,
        ticket_type_id,
    )
    for row in rows:
        stock.hold(stock.types[row["offered_type_id"]], -row["quantity"])
        reason = "over-limit" if row["quantity"] > row["per_attendee_limit"] else "already-bought"
        tell_closed(stock, row["id"], row["attendee_id"], reason, quantity=row["quantity"])
    return bool(rows)


async def close_entries(connection: Connection, stock: Stock, most: int) -> int:
    """How many end because nothing they wait for will ever be sold again; offers end by their own deadlines."""
    ended = [kind.id for kind in stock.types.values() if kind.archived or stock.sale_end(kind) <= stock.now]
    if not ended and not stock.over:
        return 0
    rows = await connection.fetch(
        """UPDATE waiting_list AS w SET status = 'closed', ended_at = $2, kept = '{}'
           FROM (SELECT id, kept FROM waiting_list
                 WHERE event_id = $1 AND status = 'waiting'
                   AND ($3 OR cardinality(ticket_type_ids) > 0 AND ticket_type_ids <@ $4::bigint[])
                 ORDER BY id LIMIT $5) AS old
           WHERE w.id = old.id RETURNING w.id, w.attendee_id, w.ticket_type_ids, old.kept""",
        stock.id,
        stock.now,
        stock.over,
        ended,
        most,
    )
    for row in rows:
        stock.release(by_type(row["kept"]))
        wanted = [stock.types[one] for one in row["ticket_type_ids"]]
        withdrawn = bool(wanted) and all(kind.archived for kind in wanted)
        tell_closed(stock, row["id"], row["attendee_id"], "withdrawn" if withdrawn else "sale-closed")
    return len(rows)


def tell_closed(stock: Stock, waitlist_id: int, attendee_id: int, reason: str, **more: object) -> None:
    stock.facts.append(
        WaitingListClosed(event_id=stock.id, waitlist_id=waitlist_id, attendee_id=attendee_id, reason=reason)
    )
    stock.lines.append(LogLine(waitlist_id, "closed", {"reason": reason, **more}))
