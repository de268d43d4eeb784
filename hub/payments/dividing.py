"""Dividing held money, safe against a crash between any two of its steps.

First the intent is written: the parts, and that the hold's money is on the move. Then the gateway is asked: an authorisation
is captured or let go, the payer's part is refunded; each call is made once, whoever goes on with the division. At last one
transaction does all the rest: the ledger moves what was held to providers and commission, what a gateway passes on by
itself is queued, the hold is done with it, and it is told. A timer goes on with what a dead process left.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from hub.connect.holding import AUTHORIZATION, refund_days
from hub.errors import PermanentError, TransientError, UncertainError
from hub.journal.book import found
from hub.journal.tables import payments
from hub.journal.tables_escrow import divisions, holds
from hub.money import Money
from hub.payments import holds as rules
from hub.payments import payouts
from hub.payments.ends import watch
from hub.payments.holds import Hold
from hub.payments.payment import Facts
from hub.payments.refunding import Wanted, refuse_beyond_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hub.connect.manifest import Manifest
    from hub.journal.book import Book
    from hub.jsontypes import Json, JsonObject
    from hub.office import Office

    Row = sa.Row[Any]

TIMER: Final = "holds.divide"
LEASE: Final = timedelta(minutes=10)
"""For so long whoever began a division is left alone with it; then the timer goes on."""

_OUTSIDE: Final = (
    "Release the providers' parts alone, or make the payer a provider with a bank account and settle their part to them: "
    "the next payout run pays it."
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a division is to do. ``parts`` gives them from the hold as it is then, and may refuse; ``actor``: who asks."""

    kind: str
    parts: Callable[[Hold], Sequence[JsonObject]]
    reason: str = ""
    actor: str = ""


def kept_of(parts: Sequence[JsonObject]) -> int:
    """What providers and the platform get, in minor units."""
    return sum(minor(part, "amount") for part in parts if part.get("provider")) + sum(
        minor(part, "commission") for part in parts
    )


def back_of(parts: Sequence[JsonObject]) -> int:
    """What the payer gets, in minor units."""
    return sum(minor(part, "amount") for part in parts if not part.get("provider"))


def minor(part: JsonObject, name: str) -> int:
    """An amount of a part, in minor units; 0 where it has none."""
    money = part.get(name)
    return cast("int", money["minor"]) if isinstance(money, dict) else 0


# beginning


def begin(office: Office, hold: str, asked: Asked, *, at_once: bool = True) -> str:
    """Write the intent to divide, once for this office's key; gives the division's id.

    ``at_once``: the caller goes on with :func:`carry_out`; otherwise the timer does, within a second. Raises
    ``NotFoundError``, and ``PermanentError`` when the hold's state or the sums do not allow it.
    """
    identity = office.identity("div", hold)
    with office.read() as connection:
        query = sa.select(holds.c.connection).where(holds.c.id == hold)
        gateway = found(holds, hold, connection.execute(query).first()).connection
    manifest = office.manifest(gateway)
    office.change(lambda book: _begun(book, identity, hold, asked, manifest, at_once=at_once))
    return identity


def _begun(  # noqa: PLR0913 (the parts of one intent)
    book: Book, identity: str, hold: str, asked: Asked, manifest: Manifest, *, at_once: bool
) -> None:
    if book.find(divisions, identity) is not None:
        return
    row = book.get(holds, hold)
    known = Hold.from_json(row.terms)
    parts = list(asked.parts(known))
    kept, back = kept_of(parts), back_of(parts)
    moving = rules.begin(known, asked.kind, kept, back)
    if back and known.state != "requested" and _capture(manifest, known, asked.kind, kept, back) in {"", "whole"}:
        _refuse_no_refund(book, row, known, back, manifest)
    due_at = book.now + LEASE if at_once else book.now
    book.insert(
        divisions,
        {
            "id": identity, "hold": hold, "kind": asked.kind, "state": "running", "before": known.state,
            "amount": kept + back, "parts": parts, "reason": asked.reason, "actor": asked.actor, "due_at": due_at,
        },
    )  # fmt: skip
    keep(book, row, moving)
    book.wake_at(TIMER, identity, due_at)


def _capture(manifest: Manifest, known: Hold, kind: str, kept: int, back: int) -> str:
    """What becomes of the authorisation: ``void``, ``part`` of it is taken or the ``whole``; empty where it was collected.

    What is for the payer is refunded in the last two of these.
    """
    if known.mode != AUTHORIZATION:
        return ""
    limits, divides_all = manifest.capabilities["escrow"].limits, kept + back == known.left
    if kind in {"settle", "cancel"} and divides_all and not kept and manifest.offered("payment.void") is not None:
        return "void"
    in_part = limits.get("partial_capture", limits.get("partial", True))
    return "part" if kind == "settle" and divides_all and kept and in_part else "whole"


def _refuse_no_refund(book: Book, row: Row, known: Hold, back: int, manifest: Manifest) -> None:
    """Raises ``PermanentError`` for a payer's part that the gateway would not give back: nothing is divided then."""
    if manifest.offered("payment.refund") is None:
        message = f"{manifest.title} cannot give payments back."
        raise PermanentError(message, code="not_offered", remedy=_OUTSIDE)
    facts = _facts(book, row)
    limits = {**manifest.capabilities["refund"].limits, "refund_days": refund_days(manifest)}
    taken_at = None if known.mode == AUTHORIZATION else known.taken_at  # else it is taken only now
    whole = known.amount if facts is None or known.mode == AUTHORIZATION else facts.paid or known.amount
    refunded = bool(facts is not None and facts.refunded)
    refund = Wanted(Money(back, known.currency), whole, taken_at, refunded=refunded)
    refuse_beyond_limits(refund, limits, manifest.title, book.now, remedy=_OUTSIDE)


# carrying out


def carry_out(office: Office, division: str) -> Row:
    """Do what is left of a division; gives it as it is then. Safe to repeat, by whomever.

    Raises ``TransientError`` (it goes on later), ``UncertainError`` (a person must say whether a call happened) and
    ``PermanentError`` (it was refused, and the hold is as it was before).
    """
    office = office.about(division)
    row = office.change(lambda book: _taken_up(book, division))
    if row.state == "refused":
        raise PermanentError(row.error["message"], code=row.error["code"], remedy=row.error["remedy"])
    if row.state == "done":
        return row
    with office.read() as connection:
        held = found(holds, row.hold, connection.execute(sa.select(holds).where(holds.c.id == row.hold)).first())
    try:
        output = _Gateway(office, held, row).divide()
    except TransientError:
        office.change(lambda book: _let_go(book, division))
        raise
    except UncertainError as error:
        words = {"code": error.code, "message": error.message, "remedy": error.remedy}
        office.change(lambda book: _ended(book, division, "uncertain", error=words))
        raise
    except PermanentError as error:
        words = {"code": error.code, "message": error.message, "remedy": error.remedy}
        office.change(lambda book: _refused(book, division, words))
        raise
    transfer = office.manifest(held.connection).offered("transfer.create")
    native = transfer is not None and not transfer.by_hub
    return office.change(lambda book: _done(book, division, output, native=native))


def go_on(office: Office, division: str) -> None:
    """The timer of a division that nobody works on (any more)."""
    with office.read() as connection:
        row = connection.execute(sa.select(divisions).where(divisions.c.id == division)).one()
    if row.state == "running" and row.due_at > office.now:
        office.change(lambda book: book.wake_at(TIMER, division, row.due_at))
    elif row.state == "running":
        try:
            carry_out(office, division)
        except PermanentError:
            return  # the division says it, and its hold is as it was


def decide(office: Office, division: str, *, happened: bool) -> None:
    """A person looked at the gateway: the call of which nobody knew did happen, or it did not and is made again."""

    def work(book: Book) -> None:
        row = book.get(divisions, division)
        if row.state != "uncertain":
            message = "Nothing is to be decided here any more."
            raise PermanentError(message, code="wrong_state", remedy="Look at the hold as it is now.")
        known = cast("list[Json]", (row.output or {}).get("vouched") or [])
        part = (row.output or {}).get("asked")
        output = {**(row.output or {}), "vouched": [*known, part] if happened else known}
        book.change(divisions, row, state="running", error=None, output=output, due_at=book.now)
        book.wake_at(TIMER, division, book.now)

    office.change(work)


class _Gateway:
    """The calls of one division, each under a name of its own, so that it is made once."""

    def __init__(self, office: Office, held: Row, division: Row) -> None:
        self._office = office
        self._held = held
        self._division = division
        self._manifest: Manifest = office.manifest(held.connection)
        self._known = Hold.from_json(held.terms)
        self._vouched = cast("list[str]", (division.output or {}).get("vouched") or [])

    def divide(self) -> JsonObject:
        """Take, let go and refund, as the parts need it; gives the references that came of it."""
        kept, back = kept_of(self._division.parts), back_of(self._division.parts)
        if self._division.before == "requested":
            return self._end_payment()
        if self._known.mode == AUTHORIZATION:
            back = self._take(kept, back)
        return self._refund(back) if back else {}

    def _take(self, kept: int, back: int) -> int:
        """Capture what the parts need of the authorisation; gives what must be refunded afterwards."""
        way = _capture(self._manifest, self._known, self._division.kind, kept, back)
        if way == "void":
            self._call("payment.void", {"payment": self._held.payment, "reason": self._division.reason or "settlement"})
            return 0
        if way == "part":
            amount = Money(kept, self._known.currency).to_json()
            self._call("payment.capture", {"payment": self._held.payment, **({"amount": amount} if back else {})})
            return 0
        self._call("payment.capture", {"payment": self._held.payment})
        return back

    def _refund(self, back: int) -> JsonObject:
        given: JsonObject = {
            "payment": self._held.payment,
            "amount": Money(back, self._known.currency).to_json(),
            "reason": self._division.reason or "settlement",
            "metadata": {"hub_hold": self._held.id, "hub_division": self._division.id},
        }
        output = self._call("payment.refund", given)
        if output.get("status") == "failed":
            message = f"{self._manifest.title} did not give the payer's part back."
            raise PermanentError(message, code="wrong_state", remedy="Look at the payment at the gateway.")
        return {"refund": output.get("refund")}

    def _end_payment(self) -> JsonObject:
        """Nobody paid yet: nobody shall. A payment that comes all the same goes back by itself."""
        if self._held.payment is not None and self._can("payment.void"):
            try:
                self._call("payment.void", {"payment": self._held.payment, "reason": "cancelled"})
            except PermanentError as error:
                return {"void": error.message}
        return {}

    def _can(self, action: str) -> bool:
        return self._manifest.offered(action) is not None

    def _call(self, action: str, given: JsonObject) -> JsonObject:
        if action in self._vouched:
            return {}
        try:
            return self._office.call(self._held.connection, action, given, action)
        except UncertainError:
            output = {**(self._division.output or {}), "asked": action}
            self._office.change(lambda book: _ended(book, self._division.id, "uncertain", output=output))
            raise


# ending


def _taken_up(book: Book, division: str) -> Row:
    row = book.get(divisions, division)
    if row.state != "running":
        return row
    return book.change(divisions, row, due_at=book.now + LEASE)


def _let_go(book: Book, division: str) -> None:
    """Whoever comes next may go on at once."""
    row = book.get(divisions, division)
    if row.state == "running":
        book.change(divisions, row, due_at=book.now)


def _done(book: Book, division: str, output: JsonObject, *, native: bool) -> Row:
    row = book.get(divisions, division)
    if row.state == "done":
        return row
    held = book.get(holds, row.hold)
    known = Hold.from_json(held.terms)
    if row.before == "requested":
        keep(book, held, rules.withdraw(known))
    else:
        kept, back = kept_of(row.parts), back_of(row.parts)
        extra: JsonObject = {"parts": row.parts, **({"reason": row.reason} if row.reason else {})}
        after, tales = rules.finish(known, row.kind, kept, back, extra)
        if back and _refund_failed(book, held, output):
            after, more = rules.refund_failed(after, back)
            tales += more
        keep(book, held, after, tales)
        _pass_on(book, held, row, native=native)
    return _ended(book, division, "done", output={**(row.output or {}), **output})


def _refund_failed(book: Book, held: Row, output: JsonObject) -> bool:
    """Whether the gateway told that the refund failed before its answer to it was written down."""
    facts = _facts(book, held)
    return facts is not None and facts.refunds.get(str(output.get("refund"))) == 0


def _facts(book: Book, held: Row) -> Facts | None:
    """What is known of the hold's payment."""
    mine = (payments.c.connection == held.connection, payments.c.payment == held.payment)
    facts = book.connection.scalar(sa.select(payments.c.facts).where(*mine))
    return None if facts is None else Facts.from_json(facts)


def _pass_on(book: Book, held: Row, division: Row, *, native: bool) -> None:
    """The ledger moves the parts, and those that the gateway passes on by itself are queued."""
    currency, parts = held.currency, cast("Sequence[JsonObject]", division.parts)
    shares = [part for part in parts if part.get("provider") or part.get("commission")]
    if not kept_of(parts):
        return
    data: JsonObject = {
        "payment": held.payment, "amount": Money(kept_of(parts), currency).to_json(), "parts": shares, **_owner(held),
    }  # fmt: skip
    book.tell("payment.split", f"payment.split:{division.id}", data, source=held.connection)
    origin = {"hold": held.id, "payment": held.payment, **_owner(held)}
    for number, part in enumerate(parts):
        provider = str(part.get("provider") or "")
        account = payouts.account_at(book, provider, held.connection) if native and provider else None
        if account is not None and minor(part, "amount"):
            to = payouts.Destination(provider, payouts.TRANSFER, held.connection, {"provider": account})
            money = Money(minor(part, "amount"), currency)
            payouts.queue(book, payouts.identity(division.id, number), to, money, origin=origin)


def _owner(held: Row) -> JsonObject:
    return {name: held.input[name] for name in ("job", "order") if held.input.get(name)}


def _refused(book: Book, division: str, error: JsonObject) -> None:
    row = book.get(divisions, division)
    if row.state not in {"running", "uncertain"}:
        return
    held = book.get(holds, row.hold)
    keep(book, held, *rules.refuse(Hold.from_json(held.terms), row.before, _facts(book, held)))
    _ended(book, division, "refused", error=error)


def _ended(book: Book, division: str, state: str, **values: Json) -> Row:
    row = book.get(divisions, division)
    book.wake_at(TIMER, division, None)
    return book.change(divisions, row, state=state, due_at=None, **values)


def keep(book: Book, row: Row, known: Hold, tales: Sequence[rules.Tale] = (), **values: object) -> Row:
    """Write a hold as it is now, and tell what happened to it."""
    kept = book.change(
        holds, row, state=known.state, mode=known.mode, amount=known.amount, terms=known.to_json(), **values
    )
    watch(book, row.id, known)
    first = known.tales - len(tales)
    for number, (event, extra) in enumerate(tales, start=first):
        as_chosen = event == "escrow.held" and row.mode == known.mode  # else the reason is of the other way
        why: JsonObject = {"reason": row.input.get("why")} if as_chosen else {}
        book.tell(event, f"{event}:{row.id}:{number}", {**event_data(kept, known), **why, **extra})
    return kept


def event_data(row: Row, known: Hold) -> JsonObject:
    """What every ``escrow.*`` event says."""
    given = row.input
    return {
        "hold": row.id,
        "payment": row.payment,
        "amount": Money(known.amount, known.currency).to_json(),
        "mode": known.mode,
        "lapses_at": None if known.lapses_at is None else known.lapses_at.isoformat().replace("+00:00", "Z"),
        **{name: given.get(name) for name in ("job", "order", "customer", "metadata")},
    }
