"""``payments/split``: a payment is divided once, by a rule; the ledger follows from the event that tells it.

What a share can be passed on of at once is reckoned in the same transaction: not what is held back for some days, not what
the provider owes from an earlier refund, and not what went back to the payer meanwhile.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

import sqlalchemy as sa

from hub.connect.manifest import Support
from hub.errors import PermanentError
from hub.ids import derived_id
from hub.journal.tables import payments
from hub.journal.tables_commerce import order_lines
from hub.journal.tables_escrow import holds
from hub.journal.tables_ledger import reserves, splits
from hub.money import Money
from hub.payments import ledger, payouts, splitting
from hub.payments.accounting import accounts, split_id
from hub.payments.postings import provider_holdings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.journal.book import Book, Row
    from hub.jsontypes import Json, JsonObject
    from hub.office import Action, Office, Timer
    from hub.payments.division import Division, Share
    from hub.payments.postings import Account
    from hub.payments.splitting import Split

RESERVE: Final = "splits.reserve"
_HELD: Final = ("held", "frozen", "releasing")


def split(office: Office, given: JsonObject) -> JsonObject:
    """Divide a payment by its order's lines and a rule, once; a second split of the payment gives the first."""
    connection = connection_of(office, given)
    native = bool(given.get("pass_on")) and passes_on(office, connection)
    return office.change(lambda book: _split(book, connection, given, native=native))


def passes_on(office: Office, connection: str) -> bool:
    """Whether the gateway passes shares on to providers' accounts there."""
    return office.manifest(connection).capabilities["split_payment"].status is Support.NATIVE


def connection_of(office: Office, given: JsonObject) -> str:
    """The connection that knows the payment. Raises ``PermanentError`` when none does."""
    names = [str(given["connection"])] if given.get("connection") else office.connections()
    query = sa.select(payments.c.connection).where(
        payments.c.connection.in_(names), payments.c.payment == str(given["payment"])
    )
    with office.read() as connection:
        found = connection.scalars(query.limit(2)).all()
    if len(found) == 1:
        return str(found[0])
    if found:
        message = f"Two connections know a payment {given['payment']!r}: {found[0]} and {found[1]}."
        raise PermanentError(message, code="bad_input", remedy="Name the connection as well.")
    message = f"Nothing was told of a payment {given['payment']!r} yet."
    raise PermanentError(
        message, code="not_found", remedy="Check the payment's id, and the connection if you gave one."
    )


def lock_payment(book: Book, connection: str, payment: str) -> None:
    """Nobody else changes what is known of the payment until this change is done."""
    same = (payments.c.connection == connection, payments.c.payment == payment)
    book.connection.execute(book.locking(sa.select(payments.c.payment).where(*same)))


def account_of(book: Book, connection: str, payment: str) -> Account:
    """What is known of a payment's money, which nobody else changes until this is done. Raises ``PermanentError``."""
    lock_payment(book, connection, payment)
    account = accounts(book.connection, [(connection, payment)]).get((connection, payment))
    if account is None or not account.paid:
        message = f"The payment {payment} at {connection} has not brought any money in."
        raise PermanentError(message, code="wrong_state", remedy="Do this when payment.succeeded was told.")
    return account


def _split(book: Book, connection: str, given: JsonObject, *, native: bool) -> JsonObject:
    payment = str(given["payment"])
    source_id = f"payment.split:{payment}"[:200]
    identity = split_id(connection, source_id)
    known = book.find(splits, identity)
    if known is not None:
        return cast("JsonObject", known.output["gave"])
    account = account_of(book, connection, payment)
    refuse_held(book, connection, payment)
    amount = _amount(account, given)
    lines = _lines(book, account, amount, given)
    done = splitting.split(amount, lines, cast("JsonObject", given["rule"]), _fee(account, given), book.now)
    ledger.keep_still(book, *(ledger.provider(share.provider) for share in done.division.shares))
    shares = _shares(book, account, identity, done)
    if native:
        shares = [_passed_on(book, account, identity, share) for share in shares]
    output = _output(identity, account, amount, done.division, shares)
    row = {"id": identity, "connection": connection, "payment": payment, "division": done.division.to_json()}
    book.insert(splits, {**row, "output": {"gave": output, "pass_on": native}})
    _hold_back(book, identity, account, done)
    book.tell("payment.split", source_id, split_event(account, amount, done.division), source=connection)
    return output


def refuse_held(book: Book, connection: str, payment: str) -> None:
    """Raises ``PermanentError`` while a hold keeps the payment."""
    mine = (holds.c.connection == connection, holds.c.payment == payment, holds.c.state.in_(_HELD))
    held = book.connection.scalar(sa.select(holds.c.id).where(*mine).limit(1))
    if held is not None:
        message = f"The payment {payment} is held in escrow."
        raise PermanentError(message, code="wrong_state", remedy=f"Release or settle the hold {held}.")


def _amount(account: Account, given: JsonObject) -> Money:
    """What is divided: all that no other split divides."""
    left = account.paid - sum(one.total for one in account.splits.values())
    amount = Money.from_json(given["amount"]) if given.get("amount") else Money(left, account.currency)
    if amount.currency != account.currency or not 0 < amount.minor <= left:
        message = f"{amount} cannot be divided: {Money(left, account.currency)} of the payment is left."
        raise PermanentError(message, code="amount_exceeds_rest", remedy="Divide at most what is left.")
    return amount


def _lines(book: Book, account: Account, amount: Money, given: JsonObject) -> Sequence[JsonObject]:
    if given.get("provider"):
        return [{"vendor": given["provider"], "total": amount.to_json()}]
    if given.get("lines"):
        return cast("Sequence[JsonObject]", given["lines"])
    order = given.get("order") or account.facts.value("order")
    query = sa.select(order_lines).where(order_lines.c.order == str(order)).order_by(order_lines.c.position)
    found: list[JsonObject] = [
        {"vendor": row.vendor, "total": Money(row.total, account.currency).to_json()} for row in book.rows(query)
    ]
    if not found:
        message = f"Nobody says for whom the payment {account.payment} is: it has no order with lines."
        raise PermanentError(message, code="bad_input", remedy="Give lines with vendors and totals, or a provider.")
    return found


def _fee(account: Account, given: JsonObject) -> Money:
    """The gateway's fee in the payment's currency; one in the currency of the settlement is converted at its rate."""
    known = given.get("fee") or account.facts.value("fee")
    if not isinstance(known, dict):
        return Money.zero(account.currency)
    fee, settled = Money.from_json(known), account.facts.value("settled")
    if fee.currency == account.currency:
        return fee
    if isinstance(settled, dict) and settled["currency"] == fee.currency and settled["minor"]:
        whole = Money(account.paid, account.currency)
        rest = max(cast("int", settled["minor"]) - fee.minor, 0)
        return whole.allocate([fee.minor, rest])[0]
    if not splitting.vendors_bear_fees(cast("JsonObject", given["rule"])):
        return Money.zero(account.currency)
    message = f"The gateway's fee of {fee} is in another currency than the payment, at a rate that it does not say."
    raise PermanentError(message, code="currency_unsupported", remedy=f"Give `fee` in {account.currency}.")


def _shares(book: Book, account: Account, identity: str, done: Split) -> list[JsonObject]:
    """Each provider's share, and what of it can be passed on now."""
    after = provider_holdings(replace(account, splits={**account.splits, identity: done.division}))
    before = provider_holdings(account)
    kept = {one.provider: one for one in done.reserves}
    found: list[JsonObject] = []
    for share in done.division.shares:
        due = before.get(share.provider, 0) - after[share.provider]
        owes = ledger.balance(book.connection, ledger.provider(share.provider), account.currency)
        reserve = min(kept[share.provider].minor, due) if share.provider in kept else 0
        payable = max(min(due - reserve, due - owes - reserve), 0)
        money = {"reserve": reserve, "set_off": due - reserve - payable, "payable": payable}
        until = {"reserve_until": kept[share.provider].until.isoformat()} if reserve else {}
        found.append({**_share_output(book, account, share), **_moneys(money, account.currency), **until})
    return found


def _share_output(book: Book, account: Account, share: Share) -> JsonObject:
    money = {"amount": share.amount, "commission": share.commission, "fee": share.fee}
    named = payouts.account_at(book, share.provider, account.connection)
    return {"provider": share.provider, "account": named or share.provider, **_moneys(money, account.currency)}


def _moneys(figures: Mapping[str, int], currency: str) -> JsonObject:
    return {name: Money(minor, currency).to_json() for name, minor in figures.items()}


def _passed_on(book: Book, account: Account, identity: str, share: JsonObject) -> JsonObject:
    """Queue what can be passed on; whoever has no account at the gateway is owed it."""
    money = Money.from_json(share["payable"])
    queued = money.minor > 0 and _queue(
        book, account, derived_id("spl", identity, str(share["provider"])), share, money
    )
    return {**share, "status": "queued" if queued else "due"}


def _queue(book: Book, account: Account, part: str, share: JsonObject, money: Money) -> bool:
    provider = str(share["provider"])
    named = payouts.account_at(book, provider, account.connection)
    if named is None:
        return False
    to = payouts.Destination(provider, payouts.TRANSFER, account.connection, {"provider": named})
    origin: JsonObject = {"payment": account.payment, **_owners(account)}
    return payouts.queue(book, payouts.identity(part), to, money, origin=origin)


def _owners(account: Account) -> JsonObject:
    names = ("order", "job", "invoice", "link", "subscription", "customer", "metadata")
    return {name: account.facts.value(name) for name in names if account.facts.value(name) is not None}


def _output(
    identity: str, account: Account, amount: Money, division: Division, shares: Sequence[JsonObject]
) -> JsonObject:
    fees, commissions = (sum(getattr(one, name) for one in division.shares) for name in ("fee", "commission"))
    sums = {"commission": commissions, "fees": fees, "sales": division.sales}
    whole: JsonObject = {"split": identity, "payment": account.payment, "connection": account.connection}
    return {**whole, "amount": amount.to_json(), "transfers": list(shares), **_moneys(sums, account.currency)}


def split_event(account: Account, amount: Money, division: Division) -> JsonObject:
    """What ``payment.split`` tells of a division."""
    parts: list[Json] = [
        {
            "provider": one.provider,
            **_moneys({"amount": one.amount, "commission": one.commission}, account.currency),
            **(_moneys({"fee": one.fee}, account.currency) if one.fee else {}),
        }
        for one in division.shares
    ]
    if division.sales:
        parts.append({**_moneys({"amount": division.sales}, account.currency), "reason": "own goods"})
    return {"payment": account.payment, "amount": amount.to_json(), "parts": parts, **_owners(account)}


# what is held back for some days


def _hold_back(book: Book, identity: str, account: Account, done: Split) -> None:
    for one in done.reserves:
        row = {
            "id": derived_id("rsv", identity, one.provider), "split": identity, "connection": account.connection,
            "payment": account.payment, "provider": one.provider, "currency": account.currency,
            "minor": one.minor, "kept": one.minor, "until": one.until,
        }  # fmt: skip
        book.insert(reserves, row)
    if done.reserves:
        book.wake_at(RESERVE, identity, min(one.until for one in done.reserves))


def end_reserves(office: Office, identity: str) -> None:
    """The timer that ends what a split held back: it is due from now on, and passed on where the gateway does that."""

    def work(book: Book) -> None:
        rows = book.rows(sa.select(reserves).where(reserves.c.split == identity).order_by(reserves.c.provider))
        known = book.get(splits, identity)
        for row in rows:
            if row.until <= book.now and row.kept:
                _end_reserve(book, row, native=bool(known.output.get("pass_on")))
        later = [row.until for row in rows if row.until > book.now]
        if later:
            book.wake_at(RESERVE, identity, min(later))

    office.change(work)


def _end_reserve(book: Book, row: Row, *, native: bool) -> None:
    account = account_of(book, row.connection, row.payment)
    ledger.keep_still(book, ledger.provider(row.provider))
    owed = -ledger.balance(book.connection, ledger.provider(row.provider), row.currency)
    money = Money(min(row.kept, max(owed, 0)), row.currency)
    if native and money.minor:
        _queue(book, account, row.id, {"provider": row.provider}, money)
    part: JsonObject = {"provider": row.provider, "amount": Money(row.kept, row.currency).to_json()}
    data: JsonObject = {"payment": row.payment, "amount": Money(row.kept, row.currency).to_json(), "parts": [part]}
    source_id = f"payment.reserve_ended:{row.id}"
    book.tell("payment.reserve_ended", source_id, {**data, **_owners(account)}, source=row.connection)


ACTIONS: Final[Mapping[str, Action]] = {"split": split}
TIMERS: Final[Mapping[str, Timer]] = {RESERVE: end_reserves}
