"""Whatever people do to a sale, alone or at the same moment, it keeps its rules: random histories against a model."""

import asyncio
import copy
import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from app.domain import offers
from app.domain.reconcile import drifts, strays
from app.engines.database import Database
from tests.box_office import EVENT
from tests.domain.sale_booth import STEP, Booth, Call, ledger, sale_in
from tests.domain.sale_model import LIVE, MAX_PASSES, Answer, Entry, Kind, Sale

T = TypeVar("T")

CONNECTIONS = 9  # six of them for the sale
SETTINGS = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
MOST_KINDS = 3
KEEPING_TERMS = {"buy", "join", "leave", "decline", "cancel", "confirm", "release"}
GIVING_NUMBERS = {"buy", "join", "accept", "create_kind"}

Wish = tuple[Any, ...]
"""What is asked for, and of whom or what, by where it stands."""

people, picks, quantities = st.integers(0, 7), st.integers(0, 11), st.integers(1, 3)
keys = st.sampled_from([None, None, None, None, None, "a", "b"])
payments = st.sampled_from(["instant", "organizer_confirms"])
some_places = st.one_of(st.none(), st.integers(1, 4))
windows = st.sampled_from([*["open"] * 9, "not-yet", "not-yet", "not-yet", "closed"])
terms = st.tuples(st.sampled_from([0, 20, 35]), some_places, st.sampled_from([1, 2, 3, 3]), windows)

buying = st.tuples(st.just("buy"), people, keys, st.sampled_from([None, None, 0, 1]), quantities)
joining = st.tuples(st.just("join"), people, keys, quantities, st.sampled_from([(), (), (), (0,), (1,), (0, 1)]))
answering = st.tuples(st.sampled_from(["accept", "accept", "decline", "leave"]), picks, keys)
deciding = st.tuples(st.sampled_from(["confirm", "release", "use", "undo"]), picks)
cancelling = st.tuples(st.just("cancel"), picks, st.booleans())
changing = st.one_of(
    st.tuples(st.just("change_event"), st.just(EVENT), st.integers(1, 6), payments),
    st.tuples(st.just("change_event"), st.just(EVENT), st.integers(1, 6), payments),
    st.tuples(st.just("create_kind"), terms),
    st.tuples(st.just("change_kind"), picks, terms),
    st.tuples(st.just("archive_kind"), picks),
)
stopping = st.sampled_from([("cancel_event", EVENT), ("cancel_some", STEP)])
anything = st.one_of(buying, buying, joining, answering, answering, deciding, cancelling, cancelling, changing)


class SaleRules(RuleBasedStateMachine):
    booth: Booth
    runner: asyncio.Runner

    @initialize(
        capacity=st.integers(1, 4),
        payment=payments,
        returnable=st.booleans(),
        limit=st.sampled_from([1, 3, 3]),
        places=st.sampled_from([None, None, 2]),
    )
    def open(self, capacity: int, payment: str, returnable: bool, limit: int, places: int | None) -> None:
        """With few places, so that there is soon something to wait for."""
        day, free = self.runner.run(self.booth.open(capacity, payment, returnable, limit, places))
        kinds = {day: Kind(day, 20, places, limit), free: Kind(free, 0, None, 1)}
        self.sale = Sale(capacity, payment, returnable, kinds)
        self.limits = {day: limit, free: 1}

    @rule(wish=buying)
    def somebody_buys(self, wish: Wish) -> None:
        self.play(wish)

    @rule(crowd=st.lists(st.tuples(people, quantities), min_size=2, max_size=6))
    def a_crowd_buys_or_joins(self, crowd: list[tuple[int, int]]) -> None:
        for person, quantity in crowd:
            self.play(("buy", person, None, None, quantity))
            self.play(("join", person, None, quantity, ()))

    @rule(wish=joining)
    def somebody_joins(self, wish: Wish) -> None:
        self.play(wish)

    @rule(wish=answering)
    def somebody_answers_an_offer(self, wish: Wish) -> None:
        self.play(wish)

    @rule(wish=deciding)
    def the_organizer_decides(self, wish: Wish) -> None:
        self.play(wish)

    @rule(wishes=st.lists(cancelling, min_size=1, max_size=3))
    def tickets_are_cancelled_one_by_one(self, wishes: list[Wish]) -> None:
        for wish in wishes:
            self.play(wish)

    @rule(wish=changing)
    def the_organizer_changes_something(self, wish: Wish) -> None:
        self.play(wish)

    @precondition(lambda self: self.sale.status == "cancelled" or self.sale.facts.total() > 40)
    @rule(wish=stopping)
    def the_event_is_cancelled(self, wish: Wish) -> None:
        self.play(wish)

    @rule(wishes=st.lists(anything, min_size=2, max_size=3))
    def things_happen_at_the_same_moment(self, wishes: list[Wish]) -> None:
        self.play(*wishes)

    @precondition(lambda self: self.sale.status != "cancelled")
    @rule(chosen=st.sets(picks, min_size=1, max_size=3))
    def deadlines_pass(self, chosen: set[int]) -> None:
        held = [ticket for ticket in self.sale.tickets.values() if ticket.status == "held"]
        passing = [one for place, one in enumerate([*held, *self.sale.with_status("offered")]) if place in chosen]
        for one in passing:
            one.overdue = True
        tickets = [one.number for one in passing if not isinstance(one, Entry)]
        entries = [one.number for one in passing if isinstance(one, Entry)]
        if passing:
            self.runner.run(self.booth.expire(tickets, entries))

    @precondition(lambda self: self.sale.status != "cancelled")
    @rule(pick=picks)
    def a_sale_opens_or_closes(self, pick: int) -> None:
        if coming := [one for one in self.sale.selling if one.sale == "not-yet"]:
            chosen, becomes = chosen_of(coming, pick), "open"
        elif pick == 0:
            chosen, becomes = self.sale.selling[-1], "closed"
        else:
            return
        chosen.sale, chosen.overdue = becomes, True
        self.runner.run(self.booth.clock_passes(chosen.id, becomes))

    @rule(chosen=st.sets(picks, min_size=1, max_size=3))
    def some_have_been_passed_often_enough(self, chosen: set[int]) -> None:
        for entry in (one for place, one in enumerate(self.sale.with_status("waiting")) if place in chosen):
            entry.passed = MAX_PASSES
            self.runner.run(self.booth.pass_often(entry.number))

    @rule()
    def two_relays_number_facts(self) -> None:
        async def both() -> None:
            await asyncio.gather(self.booth.relay(), self.booth.relay())

        self.runner.run(both())

    def play(self, *wishes: Wish) -> None:
        """Do it all at once, for real; then the model must know an order in which it comes out the same."""
        calls = [call for wish in wishes if (call := self.addressed(*wish))]
        if not calls:
            return
        answers, real = self.runner.run(self.happen(calls))
        happened = list(zip(calls, answers, strict=True))
        before, tried = self.sale, [after(self.sale, order) for order in itertools.permutations(happened)]
        agreeing = (sale for sale, said in tried if said == [] and ledger(sale) == real)
        self.sale = next(agreeing, tried[0][0])
        assert tried[0][1] == [] or len(calls) > 1, f"{happened}: the model says {tried[0][1]}"
        assert ledger(self.sale) == real, f"{happened}: no order explains it"
        self.check_change(before, happened)

    def check_change(self, before: Sale, happened: Sequence[tuple[Call, Answer]]) -> None:
        for one in self.sale.kinds.values():
            self.limits[one.id] = max(one.limit, self.limits.get(one.id, 0))
        if len(happened) == 1:
            check_order_of_offers(before, self.sale)
        if all(what in KEEPING_TERMS for (what, *_), _ in happened):
            for (what, *_), (_, numbers) in happened:
                if what == "buy" and numbers and numbers[0] not in before.tickets:
                    check_nobody_waits_for(before, self.sale, numbers)

    async def happen(self, calls: Sequence[Call]) -> tuple[list[Answer], dict[str, Any]]:
        async with asyncio.TaskGroup() as group:  # when one fails, none runs on into the next history
            asking = [group.create_task(self.booth.answer(call)) for call in calls]
        await self.booth.settle_due()
        return [one.result() for one in asking], await self.booth.ledger()

    def addressed(self, what: str, *wish: Any) -> Call | None:
        """To tickets, entries and types that there are; None while there is none."""
        tickets, entries, kinds = list(self.sale.tickets), list(self.sale.entries), list(self.sale.kinds)
        match what, wish:
            case "buy", (person, key, pick, quantity):
                wanted = None if pick is None else chosen_of(kinds, pick)
                return what, keyed(person, key), (person, wanted, quantity)
            case "join", (person, key, quantity, choices):
                wanted = tuple(dict.fromkeys(chosen_of(kinds, pick) for pick in choices))
                return what, keyed(person, key), (person, quantity, wanted)
            case "accept" | "decline" | "leave", (pick, key):
                if not entries:
                    return None
                number = chosen_of(self.with_offers_first(), pick)
                owner = self.sale.entries[number].person
                return what, keyed(owner, key) if what == "accept" else None, (number,)
            case "confirm" | "release" | "use" | "undo" | "cancel", (pick, *rest):
                return (what, None, (chosen_of(tickets, pick), *rest)) if tickets else None
            case "change_kind" | "archive_kind", (pick, *rest):
                return what, None, (chosen_of(kinds, pick), *(rest[0] if rest else ()))
            case "create_kind", (given,):
                return (what, None, given) if len(kinds) < MOST_KINDS else None
        return what, None, wish

    def with_offers_first(self) -> list[int]:
        entries = sorted(self.sale.entries.values(), key=lambda entry: entry.status != "offered")
        return [entry.number for entry in entries]

    @invariant()
    def counters_are_what_tickets_and_entries_say(self) -> None:
        assert self.runner.run(drifts(self.booth.database)) == []
        assert self.runner.run(strays(self.booth.database)) == []

    @invariant()
    def nothing_is_sold_twice(self) -> None:
        assert self.sale.free >= 0
        assert all(self.sale.left(one) >= 0 for one in self.sale.kinds.values())

    @invariant()
    def nobody_has_more_than_the_limit(self) -> None:
        live = Counter((one.person, one.kind.id) for one in self.sale.tickets.values() if one.status in LIVE)
        assert all(many <= self.limits[number] for (_, number), many in live.items())

    @invariant()
    def no_place_is_public_that_somebody_waits_for(self) -> None:
        if self.sale.due:
            return
        for entry in self.sale.with_status("waiting"):
            for one in filter(self.sale.on_sale, self.sale.possible(entry)):
                assert self.sale.left_with_kept(one, entry) < entry.quantity, entry

    @invariant()
    def facts_are_numbered_without_gaps_in_their_order(self) -> None:
        rows = self.runner.run(self.booth.office.rows("SELECT seq FROM facts ORDER BY id"))
        numbered = [row["seq"] for row in rows if row["seq"] is not None]
        assert numbered == list(range(1, len(numbered) + 1))
        assert [row["seq"] for row in rows[: len(numbered)]] == numbered

    def teardown(self) -> None:
        if hasattr(self, "sale"):
            self.runner.run(self.booth.close())


class SaleRulesInParts(SaleRules):
    """Each thing that ends or is offered takes a transaction of its own, and in between others have their say.

    The model has no such moments, so that it only says what there is, and whether that keeps the rules.
    """

    def play(self, *wishes: Wish) -> None:
        if calls := [call for wish in wishes if (call := self.addressed(*wish))]:
            answers, real = self.runner.run(self.happen(calls))
            before, self.sale = self.sale, sale_in(real, self.sale.returnable)
            self.check_change(before, list(zip(calls, answers, strict=True)))


def keyed(person: int, key: str | None) -> tuple[int, str] | None:
    return (person, key) if key else None


def chosen_of(those: Sequence[T], pick: int) -> T:
    """Small picks mean the newest, so that something can still happen to it."""
    return those[-1 - pick % len(those)]


def after(before: Sale, order: Iterable[tuple[Call, Answer]]) -> tuple[Sale, list[Answer]]:
    """The model after these, one by one; and what it says where it does not agree."""
    sale, otherwise = copy.deepcopy(before), []
    for (what, key, args), answer in order:
        numbers = (answer[1],) if what in GIVING_NUMBERS else ()
        if (said := sale.answer(what, key, *args, *numbers)) != answer:
            otherwise.append(said)
    return sale, otherwise


def check_order_of_offers(before: Sale, sale: Sale) -> None:
    """Nobody is offered what an earlier one could have had, nor what is kept for one passed over often enough."""
    waited = {entry.number: entry for entry in before.with_status("waiting")}
    offered = [entry for entry in sale.with_status("offered") if entry.number in waited]
    for entry in sale.with_status("waiting"):
        assert entry.passed <= MAX_PASSES
        for later in (one for one in offered if one.number > entry.number):
            if sale.possible(entry) == [later.kind] and entry.number in waited:
                kept = waited[later.number].passed == MAX_PASSES  # maybe in this same moment
                assert entry.quantity > later.quantity or kept, (entry, later)
                assert waited[entry.number].passed < MAX_PASSES, (entry, later)


def check_nobody_waits_for(before: Sale, sale: Sale, numbers: Sequence[int]) -> None:
    """What was bought is nothing that somebody waited for then, and still does."""
    kind = sale.tickets[numbers[0]].kind
    for entry in sale.with_status("waiting"):
        if entry.number in before.entries and entry.quantity <= len(numbers):
            able = (kind.id in {one.id for one in its.possible(its.entries[entry.number])} for its in (before, sale))
            assert not all(able), (entry, numbers)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("rules", [SaleRules, SaleRulesInParts])
def test_a_sale_keeps_its_rules_whatever_happens_and_at_whatever_moment(
    database_url: str, rules: type[SaleRules], monkeypatch: pytest.MonkeyPatch
) -> None:
    if rules is SaleRulesInParts:
        monkeypatch.setattr(offers, "AT_ONCE", 1)
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        database = Database(database_url, CONNECTIONS)
        runner.run(database.open())
        machine = type("Machine", (rules,), {"booth": Booth(database), "runner": runner})
        try:
            run_state_machine_as_test(machine, settings=SETTINGS)
        finally:
            runner.run(database.close())
