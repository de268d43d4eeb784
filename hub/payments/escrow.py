"""Escrow by the hub: hold a payment, release it to providers, freeze it, settle a dispute, give it back.

The actions of the connector ``payments`` that do so, what follows from the payment's events, and the timers. The rules are
in :mod:`hub.payments.holds`, the moving of money in :mod:`hub.payments.dividing`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from hub.connect.holding import AUTHORIZATION, COLLECTED, holding_mode, refund_days
from hub.errors import PermanentError
from hub.journal.among import among, these
from hub.journal.book import found
from hub.journal.tables import payments
from hub.journal.tables_escrow import divisions, holds
from hub.money import Money
from hub.payments import beside, dividing, ends, histories, lapsing, splitting
from hub.payments import holds as rules
from hub.payments.accounting import accounts
from hub.payments.dividing import Asked, keep, minor
from hub.payments.holds import LATE, Arrived, Hold
from hub.payments.payment import Facts
from hub.payments.splits import connection_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hub.journal.book import Book
    from hub.journal.entries import NewEvent
    from hub.jsontypes import Json, JsonObject
    from hub.office import Action, Office, Timer

    Row = sa.Row[Any]

RELEASE: Final = "holds.release"
GIVE_BACK: Final = "holds.give_back"
_FAMILIES: Final = ("payment.", "refund.", "dispute.")
_UNPAID: Final = frozenset({"requested", "cancelled"})
_PAYABLE: Final = _UNPAID | {"lapsed"}
"""States in which another payment may still bring a hold's money in."""
_PAYMENT: Final = (
    "job", "order", "customer", "description", "return_url", "cancel_url", "methods", "method", "save_method",
    "presentation", "expires_at",
)  # fmt: skip


# holding


def hold(office: Office, given: JsonObject) -> JsonObject:
    """``payments/hold``: choose how the money is held, and begin the payment; or hold a payment that is there.

    A payment has one hold: whoever holds it a second time gets the first.
    """
    if given.get("payment"):
        return _output(office, _adopted(office, given))
    missing = [name for name in ("connection", "amount", "needed_until") if not given.get(name)]
    if missing:
        message = f"A hold needs {', '.join(missing)}, or a payment that is there."
        raise PermanentError(message, code="bad_input", remedy="Say which connection takes how much, held until when.")
    connection, identity = str(given["connection"]), office.identity("hold")
    choice = holding_mode(office.manifest(connection), datetime.fromisoformat(str(given["needed_until"])), office.now)
    amount = Money.from_json(given["amount"])
    if amount.minor <= 0:
        message = f"{amount} cannot be held."
        raise PermanentError(message, code="amount_too_small", remedy="Hold an amount above zero.")
    days = refund_days(office.manifest(connection))
    known = Hold(identity, "requested", choice.mode, amount.currency, amount.minor, refund_days=days)
    doer = office.doer(connection)
    office.change(lambda book: _insert(book, known, doer, None, {**given, "why": choice.why}))
    begun = office.call(connection, "payment.create", _payment_of(known, given), "begin")
    return _output(office, office.change(lambda book: _begun(book, identity, begun)), begun)


def _payment_of(known: Hold, given: JsonObject) -> JsonObject:
    metadata = {**cast("JsonObject", given.get("metadata") or {}), "hub_hold": known.id}
    kept = {name: given[name] for name in _PAYMENT if given.get(name) is not None}
    owner = {} if kept.get("job") or kept.get("order") else {"order": known.id}
    capture = "manual" if known.mode == AUTHORIZATION else "automatic"
    amount = Money(known.amount, known.currency).to_json()
    return {**kept, **owner, "amount": amount, "capture": capture, "metadata": metadata}


def _insert(book: Book, known: Hold, connection: str, payment: str | None, given: JsonObject) -> bool:
    owner = str(given.get("order") or given.get("job") or known.id)
    return book.insert(
        holds,
        {
            "id": known.id, "connection": connection, "payment": payment, "state": known.state, "mode": known.mode,
            "owner": owner, "currency": known.currency, "amount": known.amount, "terms": known.to_json(),
            "input": given,
        },
    )  # fmt: skip


def _begun(book: Book, identity: str, begun: JsonObject) -> Row:
    row = book.get(holds, identity)
    if row.output is not None:
        return row
    known, tales = Hold.from_json(row.terms), list[rules.Tale]()
    if known.state in _UNPAID:  # else events told more than this answer, which may come late
        paid = _minor(begun, "captured")
        news = Arrived(str(begun["status"]), _minor(begun, "amount"), paid, known.refunded, _moment(begun))
        known, tales = rules.follow(known, news)
    payment = row.payment or str(begun["payment"])
    row = book.change(holds, row, payment=payment, output=begun)
    return _kept(book, row, known, tales)


def _adopted(office: Office, given: JsonObject) -> Row:
    """Hold a payment that was begun elsewhere: as it is, authorised or collected."""
    reference, name = str(given["payment"]), connection_of(office, given)
    same = (payments.c.connection == name, payments.c.payment == reference)
    with office.read() as connection:
        facts = Facts.from_json(connection.execute(sa.select(payments.c.facts).where(*same)).scalar_one())
    owner = {name: facts.value(name) for name in ("job", "order") if facts.value(name)}
    if not owner:
        message = f"The payment {reference} belongs to no job and no order, so its money is sold already."
        remedy = "Begin the payment with a job or an order, or by a hold."
        raise PermanentError(message, code="wrong_state", remedy=remedy)
    amount = Money.from_json(facts.value("amount"))
    days = refund_days(office.manifest(name))
    known = Hold(office.identity("hold"), "requested", COLLECTED, amount.currency, amount.minor, refund_days=days)
    why = _why_adopted(rules.followed(known, facts)[0])
    kept = {**given, **owner, "customer": facts.value("customer"), "why": why}

    def work(book: Book) -> Row:
        return _only_hold(book, known, name, reference, kept)

    return office.change(work)


def _why_adopted(known: Hold) -> str:
    if known.state == "requested":
        return "Nobody paid the payment yet; it is held as it comes in."
    return "The payment was authorised already." if known.mode == AUTHORIZATION else "The payment is collected."


def _only_hold(book: Book, known: Hold, connection: str, payment: str, given: JsonObject) -> Row:
    """The payment's hold: another would give the same money out a second time, and so would one of a divided payment."""
    same = (payments.c.connection == connection, payments.c.payment == payment)
    row = book.connection.execute(book.locking(sa.select(payments.c.facts).where(*same))).one()
    there = sa.select(holds).where(holds.c.connection == connection, holds.c.payment == payment)
    for one in book.rows(there.order_by(holds.c.created_at).limit(1)):
        return one
    account = accounts(book.connection, [(connection, payment)]).get((connection, payment))
    if account is not None and account.splits:
        message = f"The payment {payment} is divided already."
        raise PermanentError(message, code="wrong_state", remedy="Hold a payment before it is split.")
    _insert(book, known, connection, payment, given)
    return _kept(book, book.get(holds, known.id), *rules.followed(known, Facts.from_json(row.facts)))


# releasing, settling, giving back


def release(office: Office, given: JsonObject) -> JsonObject:
    """``payments/release``: give held money, wholly or in part, to providers, less commission."""
    if given.get("after_days"):
        return _output(office, office.change(lambda book: _planned(book, given)))
    return _divided(office, given, Asked("release", lambda known: release_parts(known, given), _reason(given)))


def release_parts(known: Hold, given: JsonObject) -> Sequence[JsonObject]:
    """Who gets what of a release. Raises ``PermanentError`` for parts that cannot be."""
    if given.get("parts"):
        return _checked(known, cast("Sequence[JsonObject]", given["parts"]), providers_only=True)
    if not given.get("provider"):
        message = "Nobody is named who gets the money."
        raise PermanentError(message, code="bad_input", remedy="Name the provider, or give parts.")
    amount = Money.from_json(given["amount"]) if given.get("amount") else known.rest
    commission = splitting.commission({"commission": given.get("commission") or {}}, amount)
    part = {"provider": given["provider"], "amount": (amount - commission).to_json()}
    return _checked(known, [{**part, "commission": commission.to_json()}], providers_only=True)


def settle(office: Office, given: JsonObject) -> JsonObject:
    """``payments/settle``: divide all that is held between providers and the payer; also what is frozen."""

    def parts(known: Hold) -> Sequence[JsonObject]:
        return _checked(known, cast("Sequence[JsonObject]", given["parts"]))

    return _divided(office, given, Asked("settle", parts, _reason(given)))


def cancel(office: Office, given: JsonObject) -> JsonObject:
    """``payments/cancel``: all that is held goes back to the payer; a payment that nobody paid yet is ended."""
    return _divided(office, given, Asked("cancel", lambda known: whole_back(known, given), _reason(given)))


def whole_back(known: Hold, given: JsonObject) -> Sequence[JsonObject]:
    """All that is left, for the payer."""
    if not known.left:
        return []
    return [{"customer": str(given.get("customer") or "payer"), "amount": known.rest.to_json()}]


def collect(office: Office, given: JsonObject) -> JsonObject:
    """``payments/collect``: take an authorised amount before it lapses; it stays held."""
    return _divided(office, given, Asked("collect", lambda _known: [], _reason(given)))


def _divided(office: Office, given: JsonObject, asked: Asked) -> JsonObject:
    identity = str(given["hold"])
    dividing.carry_out(office, dividing.begin(office, identity, asked))
    return _output(office, _read(office, identity))


def _checked(known: Hold, parts: Sequence[JsonObject], *, providers_only: bool = False) -> Sequence[JsonObject]:
    """The parts, each for one party, in the hold's currency and not below zero."""
    for number, part in enumerate(parts, start=1):
        message = ""
        if bool(part.get("provider")) == bool(part.get("customer")):
            message = f"Part {number} must name either a provider or the customer."
        elif providers_only and not part.get("provider"):
            message = f"Part {number} is for the customer; a release gives to providers only."
        elif part.get("commission") and not part.get("provider"):
            message = f"Part {number} takes a commission from the customer."
        for name in ("amount", "commission"):
            money = cast("JsonObject | None", part.get(name))
            if money is not None and (money["currency"] != known.currency or minor(part, name) < 0):
                message = f"The {name} of part {number} must be in {known.currency} and not below zero."
        if message:
            raise PermanentError(message, code="bad_input", remedy="Settle a hold to give a part back to its payer.")
    return parts


# freezing


def freeze(office: Office, given: JsonObject) -> JsonObject:
    """``payments/freeze``: nothing is released until the hold is settled or let go on."""
    return _output(office, office.change(lambda book: _changed(book, given, rules.freeze, _reason(given))))


def unfreeze(office: Office, given: JsonObject) -> JsonObject:
    """``payments/unfreeze``: it may be released again."""
    return _output(
        office, office.change(lambda book: _changed(book, given, lambda known, _: (rules.unfreeze(known), [])))
    )


def _changed(book: Book, given: JsonObject, change: Any, reason: str = "") -> Row:  # noqa: ANN401 (a rule of two forms)
    row = book.get(holds, str(given["hold"]))
    return _kept(book, row, *change(Hold.from_json(row.terms), reason))


# what follows from events


def project(book: Book, events: Sequence[NewEvent]) -> None:
    """Holds follow their payments, in the transaction that records the events."""
    told: dict[tuple[str, str], list[NewEvent]] = {}
    for item in events:
        if item.source != "hub" and item.type.startswith(_FAMILIES) and isinstance(item.data.get("payment"), str):
            told.setdefault((item.source, str(item.data["payment"])[:255]), []).append(item)
    if not told:
        return
    named = {place: _named(items) for place, items in told.items()}
    for row in book.rows(_TOLD_OF, {**these(told), "named": sorted(set().union(*named.values()))}):
        at = row.connection, row.payment
        for place, items in told.items():
            if at == place or (at[0] == place[0] and row.id in named[place]):
                at = place[0], _follow(book, book.get(holds, row.id), place, items)


_TOLD_OF = (
    sa.select(holds.c.id, holds.c.connection, holds.c.payment)
    .where(sa.or_(among(holds.c.connection, holds.c.payment), holds.c.id.in_(sa.bindparam("named", expanding=True))))
    .order_by(holds.c.id)  # in one order, so that two writers never wait for each other
)


def _named(items: Iterable[NewEvent]) -> set[str]:
    """The holds that a payment's metadata name: their payment is not known here before it has begun."""
    metadata = [cast("JsonObject", item.data.get("metadata") or {}) for item in items]
    return {str(one["hub_hold"]) for one in metadata if one.get("hub_hold")}


def _follow(book: Book, row: Row, place: tuple[str, str], items: Sequence[NewEvent]) -> str:
    """Gives the payment that the hold has then."""
    known, tales = Hold.from_json(row.terms), list[rules.Tale]()
    if place[1] in known.beside or (row.payment not in {None, place[1]} and known.state not in _PAYABLE):
        beside.came_in(book, row, place[1], items)  # an attempt of the payer's beside the one that was paid
        return str(row.payment)
    told = book.connection.scalar(
        sa.select(payments.c.facts).where(payments.c.connection == place[0], payments.c.payment == place[1])
    )
    facts = Facts.from_json(told) if told is not None else None
    if facts is not None:
        known, tales = rules.followed(known, facts)
    for item in items:
        known, more = _heard(book, known, item)
        tales += more
    if known.to_json() != row.terms or row.payment != place[1]:
        row = book.change(holds, row, payment=place[1])
        _kept(book, row, known, tales)
    if facts is not None:
        histories.note(book, histories.Thing(histories.HOLD, row.connection, row.id), rules.illegal(known, facts))
    return place[1]


def _heard(book: Book, known: Hold, item: NewEvent) -> tuple[Hold, list[rules.Tale]]:
    """What an event says beyond the payment's own facts: a refund failed that a division of ours counts as done.

    That is its own refund, and whatever had gone back before.
    """
    data = item.data
    if item.type == "refund.failed":
        ours = book.rows(sa.select(divisions.c.output).where(divisions.c.hold == known.id, divisions.c.state == "done"))
        if any((row.output or {}).get("refund") for row in ours):
            return rules.refund_failed(known, minor(data, "amount"))
    return known, []


def _kept(book: Book, row: Row, known: Hold, tales: Sequence[rules.Tale]) -> Row:
    """Write it, and set the timers of its new state."""
    kept = keep(book, row, known, tales)
    if known.state == "frozen" and known.frozen_by == LATE:
        book.wake_at(GIVE_BACK, row.id, book.now)
    if row.plan and known.state == "held" and row.state != "held":
        kept = _plan(book, kept, row.plan)
    return kept


# timers


def _planned(book: Book, given: JsonObject) -> Row:
    """Remember what is released by itself when nobody objects meanwhile."""
    row = book.get(holds, str(given["hold"]))
    known = Hold.from_json(row.terms)
    if known.state not in {"requested", "held", "frozen"}:
        rules.begin(known, "release", known.left, 0)
    if known.state == "held":
        release_parts(known, given)
    return _plan(book, row, {name: value for name, value in given.items() if name != "hold"})


def _plan(book: Book, row: Row, plan: JsonObject) -> Row:
    """The days of the plan begin now: it is made, or the hold is paid only now, or let go on after it was frozen."""
    at = book.now + timedelta(days=cast("int", plan["after_days"]))
    book.wake_at(RELEASE, row.id, at)
    return book.change(holds, row, plan={**plan, "at": at.isoformat()})


def release_by_itself(office: Office, hold_id: str) -> None:
    """Nobody objected for the days of the plan, which is carried out once; they begin anew when a hold is held again."""
    row = _read(office, hold_id)
    if row.plan is not None and row.state == "releasing":
        office.change(lambda book: book.wake_at(RELEASE, hold_id, book.now + lapsing.MOVED))
    if row.plan is None or row.state != "held":
        return
    reason = _reason(row.plan) or "nobody objected"
    asked = Asked("release", lambda known: release_parts(known, row.plan), reason)
    dividing.carry_out(office, dividing.begin(office, hold_id, asked))
    office.change(lambda book: book.change(holds, book.get(holds, hold_id), plan=None))


def give_back(office: Office, hold_id: str) -> None:
    """Somebody paid what was cancelled already: it goes back by itself."""
    row = _read(office, hold_id)
    if row.state == "frozen" and Hold.from_json(row.terms).frozen_by == LATE:
        asked = Asked("cancel", lambda known: whole_back(known, {}), LATE)
        dividing.carry_out(office, dividing.begin(office, hold_id, asked))


# what actions give


def _output(office: Office, row: Row, begun: JsonObject | None = None) -> JsonObject:
    known = Hold.from_json(row.terms)
    shown = {name: begun[name] for name in ("checkout_url", "client") if begun and begun.get(name)}
    return {
        "hold": row.id,
        "status": known.state,
        "mode": known.mode,
        "why": row.input.get("why") or "",
        "connection": row.connection,
        **({"payment": row.payment} if row.payment else {}),
        "amount": Money(known.amount, known.currency).to_json(),
        "released": Money(known.released, known.currency).to_json(),
        "returned": Money(known.back, known.currency).to_json(),
        "left": known.rest.to_json(),
        "parts": _parts(office, row.id),
        **({"releases_at": row.plan["at"]} if row.plan and known.state == "held" else {}),
        **shown,
    }


def _parts(office: Office, hold_id: str) -> list[Json]:
    done = (divisions.c.hold == hold_id, divisions.c.state == "done")
    with office.read() as connection:
        rows = connection.execute(sa.select(divisions.c.parts).where(*done).order_by(divisions.c.created_at)).all()
    return [part for row in rows for part in row.parts]


def _read(office: Office, identity: str) -> Row:
    with office.read() as connection:
        return found(holds, identity, connection.execute(sa.select(holds).where(holds.c.id == identity)).first())


def _reason(given: JsonObject) -> str:
    return str(given.get("reason") or "")


def _minor(output: JsonObject, name: str) -> int | None:
    money = output.get(name)
    return cast("int", money["minor"]) if isinstance(money, dict) else None


def _moment(output: JsonObject) -> datetime | None:
    lapses = output.get("lapses_at")
    return datetime.fromisoformat(lapses) if isinstance(lapses, str) else None


ACTIONS: Final[Mapping[str, Action]] = {
    "hold": hold,
    "release": release,
    "freeze": freeze,
    "unfreeze": unfreeze,
    "settle": settle,
    "cancel": cancel,
    "collect": collect,
}

TIMERS: Final[Mapping[str, Timer]] = {
    ends.TIMER: lapsing.warn,
    RELEASE: release_by_itself,
    GIVE_BACK: give_back,
    dividing.TIMER: dividing.go_on,
    **beside.TIMERS,
}
