"""The rules of one event's sale with nothing but lists and sums: what the database must agree with."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Answer = tuple[str, list[int]]
"""What became of it, and the numbers that were given out."""

LIVE = {"held", "sold", "used"}
MAX_PASSES = 3


@dataclass
class Kind:
    id: int
    price: int
    places: int | None
    limit: int
    sale: str = "open"  # or "not-yet", "closed"
    archived: bool = False
    overdue: bool = False  # the clock has opened or closed its sale, and nobody has looked since


@dataclass
class Ticket:
    number: int
    person: int
    kind: Kind
    price: int
    status: str
    overdue: bool = False


@dataclass
class Entry:
    number: int
    person: int
    quantity: int
    wanted: tuple[int, ...]
    status: str = "waiting"
    passed: int = 0
    kept: list[Kind] = field(default_factory=list)
    kind: Kind | None = None
    overdue: bool = False

    @property
    def held(self) -> list[Kind]:
        """A type for each place."""
        return [self.kind] * self.quantity if self.status == "offered" and self.kind else self.kept


@dataclass
class Sale:
    """New numbers are not invented here: each operation that gives some out is told the ones that really were."""

    capacity: int
    payment: str
    returnable: bool
    kinds: dict[int, Kind]
    status: str = "published"
    tickets: dict[int, Ticket] = field(default_factory=dict)
    entries: dict[int, Entry] = field(default_factory=dict)
    keys: dict[tuple[int, str], tuple[object, Answer]] = field(default_factory=dict)
    facts: Counter[tuple[str, int]] = field(default_factory=Counter)
    public: dict[int, int] = field(default_factory=dict)
    """Of which types how much was left for everybody before what is done just now."""
    given_back: list[Kind] = field(default_factory=list)
    """Kept until just now, and not free yet."""
    owed: int = 0

    def answer(self, what: str, key: tuple[int, str] | None, *args: Any) -> Answer:
        """To one request: the clock has its say first, and a key gives the answer that it gave before."""
        self.public = self.everything_left()
        if self.due:
            self.settle()
        body = (what, args[:-1])
        if key in self.keys:
            first, answer = self.keys[key]
            return answer if first == body else ("idempotency-key-reused", [])
        given = getattr(self, what)(*args)
        answer = (given, []) if isinstance(given, str) else given
        if key and answer[0] != "not-found":
            self.keys[key] = (body, answer)
        return answer

    # What there is

    def sold(self, kind: Kind | None = None) -> int:
        return sum(one.status in {"sold", "used"} and kind in (None, one.kind) for one in self.tickets.values())

    def held(self, kind: Kind | None = None) -> int:
        tickets = sum(one.status == "held" and kind in (None, one.kind) for one in self.tickets.values())
        places = [place for entry in self.entries.values() for place in entry.held] + self.given_back
        return tickets + sum(kind in (None, place) for place in places)

    @property
    def free(self) -> int:
        return self.capacity - self.sold() - self.held()

    def left(self, kind: Kind) -> int:
        return self.free if kind.places is None else min(self.free, kind.places - self.sold(kind) - self.held(kind))

    def owned(self, person: int, kind: Kind) -> int:
        return sum((one.person, one.kind) == (person, kind) and one.status in LIVE for one in self.tickets.values())

    def offered(self, person: int, kind: Kind) -> int:
        offers = self.with_status("offered")
        return sum(one.quantity for one in offers if (one.person, one.kind) == (person, kind))

    def with_status(self, *statuses: str) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.status in statuses]

    @property
    def selling(self) -> list[Kind]:
        return [kind for kind in self.kinds.values() if not kind.archived]

    def acceptable(self, entry: Entry) -> list[Kind]:
        """In the order of the wish."""
        kinds = [self.kinds[one] for one in entry.wanted] if entry.wanted else self.selling
        return [kind for kind in kinds if not kind.archived and kind.sale != "closed"]

    def on_sale(self, kind: Kind) -> bool:
        return self.status == "published" and kind.sale == "open" and not kind.archived

    @property
    def over(self) -> bool:
        return self.status == "cancelled" or all(kind.sale == "closed" for kind in self.selling)

    def tell(self, fact: str, subject: int) -> None:
        self.facts[fact, subject] += 1

    # What attendees do

    def buy(self, person: int, wanted: int | None, quantity: int, numbers: Sequence[int]) -> Answer:
        kind = self.kinds.get(wanted) if wanted else self.first()
        if kind is None or kind.archived:
            return "not-found", []
        owned, left = self.owned(person, kind), self.left(kind)
        if wanted is None and kind.sale == "not-yet" and self.status == "published":
            on_sale = [one for one in self.selling if self.on_sale(one)]
            if on_sale and all(self.owned(person, one) >= one.limit for one in on_sale):
                return "already-bought", []
            return "sale-not-open" if left > 0 else "sold-out", []
        refusals = {
            "event-cancelled": self.status == "cancelled",
            "sale-closed": kind.sale == "closed",
            "sale-not-open": kind.sale == "not-yet",
            "already-bought": owned >= kind.limit,
            "over-limit": owned + quantity > kind.limit,
            "offer-open": owned + self.offered(person, kind) + quantity > kind.limit,
            "sold-out": left <= 0,
            "not-enough-left": left < quantity,
        }
        refused = next((refusal for refusal, applies in refusals.items() if applies), None)
        return (refused, []) if refused else self.issue(person, kind, quantity, numbers)

    def first(self) -> Kind:
        on_sale = [kind for kind in self.selling if self.on_sale(kind)]
        to_come = [kind for kind in self.selling if kind.sale == "not-yet"]
        with_places = (kind for kind in [*on_sale, *to_come] if self.left(kind) > 0)
        return next(with_places, (on_sale or to_come or self.selling)[0])

    def issue(self, person: int, kind: Kind, quantity: int, numbers: Sequence[int]) -> Answer:
        status = "held" if self.payment == "organizer_confirms" and kind.price else "sold"
        for number in numbers[:quantity]:
            self.tickets[number] = Ticket(number, person, kind, kind.price, status)
            self.tell("TicketHeld" if status == "held" else "TicketSold", number)
        return status, list(numbers) if len(numbers) == quantity else [-quantity]

    def join(self, person: int, quantity: int, wanted: tuple[int, ...], numbers: Sequence[int]) -> Answer:
        if self.status == "cancelled":
            return "event-cancelled", []
        known = next((one for one in self.with_status("waiting", "offered") if one.person == person), None)
        if known is None:
            if any(one not in self.kinds or self.kinds[one].archived for one in wanted):
                return "not-found", []
            if refused := self.no_sense(person, quantity, wanted):
                return refused, []
            known = Entry(numbers[0] if numbers else -1, person, quantity, wanted)
            self.entries[known.number] = known
            self.tell("WaitingListJoined", known.number)
        position = sum(one.number <= known.number for one in self.with_status("waiting"))
        return "joined", [known.number, max(position, 1)]

    def no_sense(self, person: int, quantity: int, wanted: tuple[int, ...]) -> str | None:
        kinds = [kind for kind in self.selling if (not wanted or kind.id in wanted) and kind.sale != "closed"]
        if self.over or not kinds:
            return "event-cancelled" if self.status == "cancelled" else "sale-closed"
        possible = [
            kind
            for kind in kinds
            if self.owned(person, kind) + quantity <= min(kind.limit, self.capacity, kind.places or self.capacity)
        ]
        if not possible:
            return "already-bought" if all(self.owned(person, k) >= k.limit for k in kinds) else "over-limit"
        return "places-left" if any(self.on_sale(k) and self.left(k) >= quantity for k in possible) else None

    def leave(self, number: int) -> str:
        entry = self.entries[number]
        if entry.status in {"waiting", "offered"}:
            self.end(entry, "left", "WaitingListLeft")
        return "left" if entry.status == "left" else "not-waiting"

    def decline(self, number: int) -> str:
        entry = self.entries[number]
        if entry.status == "offered":
            self.end(entry, "declined", "OfferDeclined")
        return entry.status if entry.status == "declined" else self.without_offer(entry)

    def accept(self, number: int, numbers: Sequence[int]) -> Answer:
        entry = self.entries[number]
        if self.status == "cancelled":
            return "event-cancelled", []
        if entry.status != "offered" or entry.kind is None:
            return self.without_offer(entry), []
        owned = self.owned(entry.person, entry.kind)
        if entry.kind.sale == "closed":
            return "sale-closed", []
        if owned + entry.quantity > entry.kind.limit:
            return "already-bought" if owned >= entry.kind.limit else "over-limit", []
        entry.status = "served"
        self.tell("OfferAccepted", entry.number)
        answer = self.issue(entry.person, entry.kind, entry.quantity, numbers)
        self.settle()
        return answer

    @staticmethod
    def without_offer(entry: Entry) -> str:
        return {"expired": "offer-expired", "waiting": "no-offer", "served": "offer-taken"}.get(
            entry.status, "not-waiting"
        )

    def end(self, entry: Entry, status: str, fact: str) -> None:
        entry.status, entry.kept = status, []
        self.tell(fact, entry.number)
        self.settle()

    def cancel(self, number: int, by_organizer: bool) -> str:
        ticket = self.tickets[number]
        if self.status == "cancelled" and ticket.status != "lapsed" and not by_organizer:
            return "cancelled"
        if ticket.status in {"lapsed", "used"}:
            return "not-live" if ticket.status == "lapsed" else "already-used"
        if ticket.status == "sold" and not by_organizer and not self.returnable:
            return "not-returnable"
        if ticket.status != "cancelled":
            self.give_back(ticket)
            self.settle()
        return "cancelled"

    def give_back(self, ticket: Ticket) -> None:
        if self.status == "cancelled" and ticket.status in {"sold", "used"}:
            self.owed += ticket.price
        ticket.status = "cancelled"
        self.tell("TicketCancelled", ticket.number)

    # What the organizer does

    def confirm(self, number: int) -> str:
        ticket = self.tickets[number]
        if self.status == "cancelled":
            return "event-cancelled"
        if ticket.status not in {"held", "lapsed"}:
            return "not-held"
        owned, offered = self.owned(ticket.person, ticket.kind), self.offered(ticket.person, ticket.kind)
        if ticket.status == "lapsed" and owned >= ticket.kind.limit:
            return "already-bought"
        own_offer = offered if owned + 1 + offered > ticket.kind.limit else 0
        if ticket.status == "lapsed" and self.left(ticket.kind) + own_offer < 1:
            return "no-places-left"
        late, ticket.status = ticket.status == "lapsed", "sold"
        self.tell("TicketConfirmed", ticket.number)
        if late:
            self.close_untakeable()
        self.settle()
        return "sold"

    def release(self, number: int) -> str:
        ticket = self.tickets[number]
        if ticket.status != "held":
            return "not-held"
        self.give_back(ticket)
        self.settle()
        return "cancelled"

    def use(self, number: int) -> str:
        ticket = self.tickets[number]
        refused = {"held": "not-paid", "lapsed": "not-live", "cancelled": "not-live", "used": "already-used"}
        if self.status == "cancelled" and ticket.status != "used":
            return "not-live"
        if ticket.status == "sold":
            ticket.status = "used"
            self.tell("TicketUsed", ticket.number)
            return "used"
        return refused[ticket.status]

    def undo(self, number: int) -> str:
        ticket = self.tickets[number]
        refused = {"held": "not-paid", "lapsed": "not-live", "cancelled": "not-live", "sold": "not-used"}
        if self.status == "cancelled":
            return "not-live"
        if ticket.status == "used":
            ticket.status = "sold"
            self.tell("TicketUseUndone", ticket.number)
            return "sold"
        return refused[ticket.status]

    def change_event(self, event_id: int, capacity: int, payment: str) -> str:
        if self.status == "cancelled":
            return "event-cancelled"
        if capacity < self.sold() + self.held():
            return "capacity-taken"
        self.capacity, self.payment = capacity, payment
        self.tell("EventChanged", event_id)
        self.settle()
        return "changed"

    def create_kind(self, price: int, places: int | None, limit: int, sale: str, numbers: Sequence[int]) -> Answer:
        if self.status == "cancelled":
            return "event-cancelled", []
        number = numbers[0] if numbers else -1
        self.kinds[number] = Kind(number, price, places, limit, sale)
        self.tell("TicketTypeChanged", number)
        self.settle()
        return "changed", [number]

    def change_kind(self, number: int, price: int, places: int | None, limit: int, sale: str) -> str:
        kind = self.kinds[number]
        if kind.archived:
            return "not-found"
        if self.status == "cancelled":
            return "event-cancelled"
        if places is not None and places < self.sold(kind) + self.held(kind):
            return "places-taken"
        kind.price, kind.places, kind.limit, kind.sale = price, places, limit, sale
        self.tell("TicketTypeChanged", kind.id)
        self.close_untakeable()
        self.settle()
        return "changed"

    def archive_kind(self, number: int) -> str:
        kind = self.kinds[number]
        if self.selling == [kind]:
            return "last-ticket-type"
        if not kind.archived:
            kind.archived = True
            self.tell("TicketTypeChanged", kind.id)
            for entry in self.with_status("offered"):
                if entry.kind is kind:
                    entry.status, entry.kind = "waiting", None
                    self.tell("OfferWithdrawn", entry.number)
            self.settle()
        return "archived"

    def cancel_event(self, event_id: int) -> str:
        if self.status != "cancelled":
            self.status = "cancelled"
            self.tell("EventCancelled", event_id)
        return "cancelled"

    def cancel_some(self, step: int) -> str:
        if self.status != "cancelled":
            return "done"
        live = [one for one in self.tickets.values() if one.status in LIVE][:step]
        for ticket in live:
            self.give_back(ticket)
        closing = self.with_status("waiting", "offered")[:step] if len(live) < step else []
        for entry in closing:
            self.close(entry)
        return "more" if step in (len(live), len(closing)) else "done"

    # What follows by itself

    @property
    def due(self) -> bool:
        return any(one.overdue for one in [*self.tickets.values(), *self.entries.values(), *self.kinds.values()])

    def settle(self) -> None:
        self.expire()
        if self.status != "cancelled":
            for entry in self.with_status("waiting"):
                if self.over or (entry.wanted and not self.acceptable(entry)):
                    self.close(entry)
        if self.status != "cancelled" and not self.over:
            for entry in self.with_status("waiting"):
                entry.kept = [kind for kind in entry.kept if self.on_sale(kind) and kind in self.possible(entry)]
            self.offer_along_the_list()
        for kind in self.kinds.values():
            kind.overdue = False
        self.public = self.everything_left()

    def everything_left(self) -> dict[int, int]:
        """For everybody; a sale that has just opened is for those who wait."""
        public = (kind for kind in self.kinds.values() if self.on_sale(kind) and not kind.overdue)
        return {kind.id: self.left(kind) for kind in public}

    def expire(self) -> None:
        tickets = [one for one in self.tickets.values() if one.overdue]
        for ticket in tickets:
            ticket.status, ticket.overdue = "lapsed", False
            self.tell("TicketLapsed", ticket.number)
        offered = self.with_status("offered")
        entries = [one for one in offered if one.overdue or (one.kind and one.kind.sale == "closed")]
        for entry in entries:
            if not entry.overdue:
                self.tell("OfferShortened", entry.number)
            entry.status, entry.overdue = "expired", False
            self.tell("OfferExpired", entry.number)

    def close_untakeable(self) -> None:
        for entry in self.with_status("offered"):
            if entry.kind and self.owned(entry.person, entry.kind) + entry.quantity > entry.kind.limit:
                self.close(entry)

    def close(self, entry: Entry) -> None:
        entry.status, entry.kept = "closed", []
        self.tell("WaitingListClosed", entry.number)

    def possible(self, entry: Entry) -> list[Kind]:
        """Types that are large enough for it, and that its person may have that many of."""
        kinds = [k for k in self.acceptable(entry) if entry.quantity <= min(self.capacity, k.places or self.capacity)]
        return [kind for kind in kinds if self.owned(entry.person, kind) + entry.quantity <= kind.limit]

    def left_with_kept(self, kind: Kind, *entries: Entry) -> int:
        """What there would be if nothing were kept for these."""
        kept = [entry.kept for entry in entries]
        for entry in entries:
            entry.kept = []
        left = self.left(kind)
        for entry, its in zip(entries, kept, strict=True):
            entry.kept = its
        return left

    def complete_groups(self) -> bool:
        """Whether the first in line has got what was kept for later ones, where that was enough."""
        line, offered = [entry for entry in self.with_status("waiting") if entry.passed >= MAX_PASSES], False
        for place, entry in enumerate(line):
            later = [other for other in line[place + 1 :] if other.kept]
            kinds = [kind for kind in self.possible(entry) if self.on_sale(kind)]
            enough = (kind for kind in kinds if self.left_with_kept(kind, entry, *later) >= entry.quantity)
            if later and (kind := next(enough, None)):
                of_type = (kind.places or self.capacity) - self.sold(kind) - self.held(kind) + entry.kept.count(kind)
                for other in reversed(later):
                    while kind in other.kept and of_type < entry.quantity:
                        other.kept.remove(kind)
                        of_type += 1
                for other in reversed(later):
                    while other.kept and self.free + len(entry.kept) < entry.quantity:
                        other.kept.remove(min(other.kept, key=lambda one: one.id))
                entry.status, entry.kept, entry.kind, offered = "offered", [], kind, True
                self.tell("WaitingListOffered", entry.number)
        return offered

    def offer_along_the_list(self) -> None:
        behind: set[int] = set()
        counted: set[int] = set()
        while True:
            if self.walk(behind):
                continue
            for entry in self.with_status("waiting"):
                kinds = [kind for kind in self.possible(entry) if self.on_sale(kind)]
                more = any(self.left(kind) > self.public.get(kind.id, 0) for kind in kinds)
                if entry.passed < MAX_PASSES and entry.number not in counted and (entry.number in behind or more):
                    entry.passed += 1
                    counted.add(entry.number)
            if not self.complete_groups():
                break
        for number in counted:  # who comes to it in the end was not passed
            self.entries[number].passed -= self.entries[number].status == "offered"

    def walk(self, behind: set[int]) -> bool:
        """Offer along the list, until kept places of another type come free; `behind` gets who saw places go by."""
        unfit: list[tuple[Entry, list[Kind]]] = []
        for entry in self.with_status("waiting"):
            kinds = list(filter(self.on_sale, self.possible(entry)))
            before = {kind.id: self.left(kind) for kind in self.kinds.values()}
            given_back: list[Kind] = []
            fitting = next((kind for kind in kinds if self.left_with_kept(kind, entry) >= entry.quantity), None)
            if fitting:
                given_back = [kind for kind in entry.kept if kind is not fitting]
                entry.status, entry.kept, entry.kind = "offered", [], fitting
                self.tell("WaitingListOffered", entry.number)
            elif not self.possible(entry):
                if any(self.on_sale(kind) and self.left(kind) > 0 for kind in self.acceptable(entry)):
                    self.close(entry)
            elif kinds and entry.passed >= MAX_PASSES:
                for kind in kinds:
                    entry.kept += [kind] * min(self.left(kind), entry.quantity - entry.kept.count(kind))
            elif any(self.left(kind) > 0 for kind in kinds):
                unfit.append((entry, kinds))
            self.given_back = given_back  # not free yet, for who is behind
            behind |= {
                one.number for one, its in unfit if any(before[kind.id] > max(0, self.left(kind)) for kind in its)
            }
            self.given_back = []
            if given_back:
                return True
        return False
