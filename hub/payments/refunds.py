"""``payments/refund``: money goes back to the payer, and what providers and the platform got of it is taken back.

First the refund is written, so that the sum of all never exceeds what is left. One that brings what goes back of its payment
above the installation's limit waits for a person. Then the gateway is asked, once, whoever goes on with it; then what was
passed on to providers at the gateway is taken back there, and what cannot be is set off against what they get next. A timer
goes on with what a dead process left.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from hub.errors import PermanentError, TransientError, UncertainError
from hub.journal.book import found
from hub.journal.tables_ledger import refund_requests
from hub.money import Money
from hub.payments import moving
from hub.payments.recall import belongings
from hub.payments.refund_lines import lines_of_account
from hub.payments.refund_reading import UNDERWAY, event_of, of_payment, output_of, with_underway
from hub.payments.refunding import by_lines, checked, given_up, parts_of, waits, with_refund
from hub.payments.splits import account_of, connection_of, passes_on
from hub.payments.taking_back import EMPTY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.connect.manifest import Manifest
    from hub.journal.book import Book
    from hub.journal.entries import NewEvent
    from hub.jsontypes import Json, JsonObject
    from hub.office import Action, Office, Timer
    from hub.payments.division import Share

    Row = sa.Row[Any]

TIMER: Final = "refunds.go_on"
LEASE: Final = timedelta(minutes=10)
"""For so long whoever began a refund is left alone with it; then the timer goes on."""

APPROVAL: Final = "refund_approval"
"""The installation's setting: currency -> minor units; when more than this goes back of a payment, a person agrees first."""


def refund(office: Office, given: JsonObject) -> JsonObject:
    """Give all or a part of a payment back; once for this office's key."""
    return output_of(carry_out(office, begin(office, given)))


def begin(office: Office, given: JsonObject) -> str:
    """Write the refund down, once for this office's key; gives its id. Raises ``PermanentError`` when it cannot be."""
    connection = connection_of(office, given)
    manifest, limits = office.manifest(connection), office.fact(APPROVAL)
    if manifest.offered("payment.refund") is None:
        message = f"{manifest.title} cannot give payments back."
        raise PermanentError(message, code="wrong_state", remedy="Give the money back in another way.")
    identity = office.identity("rfd")
    asked = {**given, "connection": connection}
    office.change(lambda book: _begun(book, identity, asked, manifest, limits))
    return identity


def _begun(book: Book, identity: str, given: JsonObject, manifest: Manifest, limits: Json) -> None:
    if book.find(refund_requests, identity) is not None:
        return
    account = account_of(book, str(given["connection"]), str(given["payment"]))
    earlier = [row for row in of_payment(book.connection, account.connection, account.payment) if row.state in UNDERWAY]
    account = with_underway(account, earlier)
    asked = cast("Sequence[JsonObject]", given.get("lines") or [])
    lines = by_lines(asked, lines_of_account(book.connection, account, earlier), account.currency) if asked else []
    amount = checked(account, _wanted(given, lines, account.currency), _limits(manifest), manifest.title, book.now)
    must_wait = waits(amount.minor + sum(account.facts.refunds.values()), amount.currency, limits)
    values = {
        "id": identity, "connection": account.connection, "payment": account.payment, "currency": amount.currency,
        "minor": amount.minor, "state": "asked" if must_wait else "ready", "parts": dict(parts_of(account, amount, lines)),
        "lines": list(lines), "input": given, "reason": str(given.get("reason") or ""),
        "asked_by": str(given.get("actor") or ""),
        "due_at": None if must_wait else book.now + LEASE,
    }  # fmt: skip
    book.insert(refund_requests, values)
    made = book.get(refund_requests, identity)
    if must_wait:
        book.tell("refund.requested", f"refund.requested:{identity}", event_of(made))
    else:
        book.wake_at(TIMER, identity, book.now + LEASE)


def _limits(manifest: Manifest) -> Mapping[str, object]:
    return manifest.capabilities["refund"].limits


def _wanted(given: JsonObject, lines: Sequence[JsonObject], currency: str) -> Money | None:
    if lines:
        total = Money.total((Money.from_json(line["total"]) for line in lines), currency)
        if given.get("amount") and Money.from_json(given["amount"]) != total:
            message = f"The lines are {total} in all, and the amount is {Money.from_json(given['amount'])}."
            raise PermanentError(message, code="bad_input", remedy="Give lines or an amount.")
        return total
    return Money.from_json(given["amount"]) if given.get("amount") else None


# carrying out


def carry_out(office: Office, identity: str) -> Row:
    """Do what is left of a refund; gives it as it is then. Safe to repeat, by whomever.

    Raises ``TransientError`` (it goes on later), ``UncertainError`` (a person must say whether it happened) and
    ``PermanentError`` (the gateway refused it).
    """
    office = office.about(identity)
    row = office.change(lambda book: _taken_up(book, identity))
    if row.state != "ready":
        return row
    try:
        answer = _asked_of_gateway(office, row)
        native = passes_on(office, row.connection)
        row = office.change(lambda book: _answered(book, identity, answer, native=native))
        taken = [one for one in row.output["plan"] if _reversed(office, row, one)]
    except TransientError:
        office.change(lambda book: _let_go(book, identity))
        raise
    except UncertainError as error:
        words = _words(error)
        office.change(lambda book: _ended(book, identity, "uncertain", error=words))
        raise
    except PermanentError as error:
        words = _words(error)
        office.change(lambda book: _ended(book, identity, "failed", error=words))
        raise
    state = "issued" if (row.output or {}).get("status") == "issued" else "pending"
    return office.change(lambda book: _done(book, identity, state, taken))


def _words(error: UncertainError | PermanentError) -> JsonObject:
    return {"code": error.code, "message": error.message, "remedy": error.remedy}


def _asked_of_gateway(office: Office, row: Row) -> JsonObject:
    if row.output and row.output.get("vouched"):
        return cast("JsonObject", row.output["vouched"])
    lines: JsonObject = {"lines": row.lines} if row.lines else {}
    given: JsonObject = {
        "payment": row.payment,
        "amount": Money(row.minor, row.currency).to_json(),
        "metadata": {**cast("JsonObject", row.input.get("metadata") or {}), "hub_refund": row.id},
        **({"reason": row.reason} if row.reason else {}),
        **lines,
    }
    answer = office.call(row.connection, "payment.refund", given, "refund")
    if answer.get("status") == "failed":
        message = f"The gateway did not give {Money(row.minor, row.currency)} back."
        raise PermanentError(message, code="wrong_state", remedy="Look at the payment at the gateway.")
    return answer


def _answered(book: Book, identity: str, answer: JsonObject, *, native: bool) -> Row:
    """The gateway took it on: for whose parts it is, and that it happened, is told; what to take back is planned."""
    row = book.get(refund_requests, identity)
    if row.refund is not None or row.state != "ready":
        return row
    reference = str(answer.get("refund") or identity)[:255]
    known = account_of(book, row.connection, row.payment)
    told = {name: minor for name, minor in known.facts.refunds.items() if name != reference}
    before = replace(known, facts=replace(known.facts, refunds=told))
    shares = given_up(before, with_refund(before, reference, row.minor, row.parts))
    output: JsonObject = {
        "status": answer.get("status"),
        "parts": [_share_json(one, row.currency) for one in shares],
        "plan": _plan(book, row, shares) if native else [],
    }
    row = book.change(refund_requests, row, refund=reference, output=output, due_at=book.now + LEASE)
    data = {**event_of(row), "refund": reference}
    book.tell("refund.divided", f"refund.divided:{reference}"[:200], data, source=row.connection)
    if answer.get("status") == "issued":
        issued = {
            **belongings(known.facts),
            **data,
            "parts": None,
            **{name: answer.get(name) for name in ("total_refunded", "fee", "settled", "gateway")},
        }
        # As the connectors name the gateway's own report of it: one fact, one id.
        source_id = f"refund.issued:{reference.replace('/', ':')}"[:200]
        book.tell("refund.issued", source_id, issued, source=row.connection)
    return row


def _share_json(share: Share, currency: str) -> JsonObject:
    figures = {"amount": share.amount, "commission": share.commission, "fee": share.fee}
    return {"provider": share.provider, **{name: Money(one, currency).to_json() for name, one in figures.items()}}


def _plan(book: Book, row: Row, shares: Sequence[Share]) -> list[Json]:
    """What to take back at the gateway of the transfers that the providers got of the payment."""
    parts = moving.to_take_back(book.connection, row.connection, row.payment, shares)
    return [{"transfer": one.transfer, "provider": one.provider, "minor": one.minor} for one in parts]


def _reversed(office: Office, row: Row, one: JsonObject) -> bool:
    """Whether the gateway took a part of a transfer back; one that it refuses is set off."""
    amount = Money(cast("int", one["minor"]), row.currency).to_json()
    about: JsonObject = {"reason": "refund", "metadata": {"hub_refund": row.id}}
    given: JsonObject = {"transfer": one["transfer"], "amount": amount, **about}
    try:
        office.call(row.connection, "transfer.reverse", given, f"reverse {one['transfer']}")
    except PermanentError:
        return False
    except TransientError as error:
        if error.code != EMPTY:
            raise
        return False
    return True


def give_back(office: Office, connection: str, payment: str, reason: str) -> JsonObject | None:
    """Give all of a payment back that is for nothing, once for this office's key; why it cannot be, or None.

    One that is above the limit, or of which nobody knows, waits for a person as any refund. Raises ``TransientError``: it is
    to be repeated.
    """
    try:
        row = carry_out(office, begin(office, {"connection": connection, "payment": payment, "reason": reason}))
    except UncertainError:
        return None
    except PermanentError as error:
        return None if error.code == "already_refunded" else _words(error)
    return cast("JsonObject", row.error) if row.state == "failed" else None


def go_on(office: Office, identity: str) -> None:
    """The timer of a refund that nobody works on (any more)."""
    with office.read() as connection:
        query = sa.select(refund_requests).where(refund_requests.c.id == identity)
        row = found(refund_requests, identity, connection.execute(query).first())
    if row.state != "ready":
        return
    if row.due_at > office.now:
        office.change(lambda book: book.wake_at(TIMER, identity, row.due_at))
        return
    try:
        carry_out(office, identity)
    except (PermanentError, UncertainError):
        return  # its page says why


# deciding


def decide(office: Office, identity: str, *, approved: bool, actor: str, why: str = "") -> None:
    """A person approves a refund that waits, or refuses it.

    Raises ``PermanentError`` when it waits no more, and (``forbidden``) when who asked for it would approve it.
    """

    def work(book: Book) -> None:
        row = book.get(refund_requests, identity)
        if row.state != "asked":
            message = f"This refund does not wait any more: it is {row.state}."
            raise PermanentError(message, code="wrong_state", remedy="Load the page again to see how it stands.")
        if approved and row.asked_by == actor:
            message = "Whoever asked for a refund above the limit cannot approve it."
            raise PermanentError(message, code="forbidden", remedy="Have somebody else who may edit approve it.")
        state = "ready" if approved else "refused"
        due_at = book.now if approved else None
        row = book.change(refund_requests, row, state=state, decided_by=actor, decided_why=why[:500], due_at=due_at)
        book.wake_at(TIMER, identity, due_at)
        event = "refund.approved" if approved else "refund.refused"
        book.tell(event, f"{event}:{identity}", {**event_of(row), "by": actor, "reason": why or row.reason or None})

    office.change(work)


def vouch(office: Office, identity: str, *, refund: str, actor: str) -> None:
    """A person looked at the gateway: ``refund`` is its number there, or empty when it did not happen and is tried again."""

    def work(book: Book) -> None:
        row = book.get(refund_requests, identity)
        if row.state != "uncertain":
            message = f"Nothing is to be decided here: the refund is {row.state}."
            raise PermanentError(message, code="wrong_state", remedy="Load the page again to see how it stands.")
        vouched: JsonObject = {"vouched": {"refund": refund, "status": "issued"}} if refund else {}
        book.change(refund_requests, row, state="ready", error=None, output=vouched, decided_by=actor, due_at=book.now)
        book.wake_at(TIMER, identity, book.now)

    office.change(work)


# ending


def _taken_up(book: Book, identity: str) -> Row:
    row = book.get(refund_requests, identity)
    if row.state != "ready":
        return row
    book.wake_at(TIMER, identity, book.now + LEASE)
    return book.change(refund_requests, row, due_at=book.now + LEASE)


def _let_go(book: Book, identity: str) -> None:
    """Whoever comes next may go on at once."""
    row = book.get(refund_requests, identity)
    if row.state == "ready":
        book.change(refund_requests, row, due_at=book.now)


def _done(book: Book, identity: str, state: str, taken: Sequence[JsonObject]) -> Row:
    row = book.get(refund_requests, identity)
    if row.state != "ready":
        return row
    parts: list[Json] = []
    for part in cast("Sequence[JsonObject]", row.output["parts"]):
        amount = Money.from_json(part["amount"])
        minors = [cast("int", one["minor"]) for one in taken if one["provider"] == part["provider"]]
        back = Money(sum(minors), row.currency)
        parts.append({**part, "reversed": back.to_json(), "set_off": (amount - back).to_json()})
    told = account_of(book, row.connection, row.payment).facts.refunds.get(str(row.refund))
    return _ended(book, identity, "failed" if told == 0 else state, output={**row.output, "parts": parts})


def _ended(book: Book, identity: str, state: str, **values: Json) -> Row:
    row = book.get(refund_requests, identity)
    book.wake_at(TIMER, identity, None)
    return book.change(refund_requests, row, state=state, due_at=None, **values)


def project(book: Book, events: Sequence[NewEvent]) -> None:
    """A gateway tells later how a refund of the hub's ended."""
    for item in events:
        if item.source == "hub" or item.type not in {"refund.issued", "refund.failed"}:
            continue
        reference, state = str(item.data["refund"]), item.type.partition(".")[2]
        rows = of_payment(book.connection, item.source, str(item.data["payment"]))
        row = next((one for one in rows if one.refund == reference), None)
        if row is None and state == "issued":
            row = _told_otherwise(book, rows, item, reference)
        if row is not None and row.state in {"pending", "issued"} and row.state != state:
            book.change(refund_requests, row, state=state)


def _told_otherwise(book: Book, rows: Sequence[Row], item: NewEvent, reference: str) -> Row | None:
    """The refund that waits for this news, of a gateway that gave no id when it took it; it has that id from now on.

    2Checkout is such a one. Who gave up what of it is told again under that id, as the books go by it.
    """
    amount = Money.from_json(item.data["amount"])
    same = (amount.minor, amount.currency, "pending")
    row = next((one for one in rows if (one.minor, one.currency, one.state) == same), None)
    if row is None:
        return None
    known = book.change(refund_requests, row, refund=reference)
    data = {**event_of(known), "refund": reference}
    book.tell("refund.divided", f"refund.divided:{reference}"[:200], data, source=item.source)
    return known


ACTIONS: Final[Mapping[str, Action]] = {"refund": refund}
TIMERS: Final[Mapping[str, Timer]] = {TIMER: go_on}
