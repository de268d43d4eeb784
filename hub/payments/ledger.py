"""The double-entry ledger: append-only transactions, each of which sums to zero in every currency.

What we own and what we spend counts +, what we owe and what we earn −. Accounts, each per currency:
``gateway:<connection>`` and ``bank``, ``revenue:commission`` and ``revenue:sales``, ``expense:gateway_fees``,
``provider:<id>`` (what we owe them; + when they owe us), ``held:<order or job>``, ``disputed``, ``exchange:<pair>``,
``expense:exchange_differences`` (what we lost, +, or gained, −, by refunds at another rate than their payment's).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

import sqlalchemy as sa

from hub.errors import HubError
from hub.ids import new_id
from hub.journal.among import among, these
from hub.journal.inserting import insert_ignoring
from hub.journal.tables_ledger import ledger_entries, ledger_transactions
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from hub.journal.book import Book

COMMISSION: Final = "revenue:commission"
SALES: Final = "revenue:sales"
FEES: Final = "expense:gateway_fees"
EXCHANGE_DIFFERENCES: Final = "expense:exchange_differences"
DISPUTED: Final = "disputed"
BANK: Final = "bank"


class LedgerError(HubError):
    """Postings that cannot stand in the ledger."""

    default_code: ClassVar[str] = "ledger"


@dataclass(frozen=True, slots=True)
class Posting:
    """``money`` onto an account; below zero what we owe or earn."""

    account: str
    money: Money


@dataclass(frozen=True, slots=True)
class Transaction:
    """Postings that belong together.

    ``subject`` and ``kind`` say what of what they follow from, so that later ones can be reckoned against them.
    """

    id: str
    postings: Sequence[Posting]
    event: str
    subject: str | None = None
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds in one currency, in minor units."""

    account: str
    currency: str
    minor: int

    @property
    def money(self) -> Money:
        """As an amount."""
        return Money(self.minor, self.currency)


def gateway(connection: str) -> str:
    """The account of what a gateway holds for us."""
    return f"gateway:{connection}"


def provider(identity: str) -> str:
    """The account of what we owe a provider (−); + when the provider owes us."""
    return f"provider:{identity}"


def held(owner: str) -> str:
    """The account of what is held for an order or a job."""
    return f"held:{owner}"


def exchange(bought: str, sold: str) -> str:
    """The account over which a settlement in another currency goes: the same for both directions of a pair."""
    return "exchange:" + "/".join(sorted((bought, sold)))


def post(book: Book, transaction: str, postings: Sequence[Posting], event: str, *, subject: str | None = None) -> bool:
    """Write one transaction; False, and nothing is written, when one of this id is there already.

    Several postings to one account are written as their sum. Raises :class:`LedgerError` when the postings of a currency
    do not sum to zero.
    """
    return bool(post_all(book, [Transaction(transaction, postings, event, subject)]))


def post_all(book: Book, transactions: Sequence[Transaction]) -> set[str]:
    """Write many transactions at once; gives the ids of those that were not there before. Raises as :func:`post`."""
    summed = {one.id: (one, found) for one in transactions if (found := _summed(one))}
    if not summed:
        return set()
    insert = insert_ignoring(book.tx, ledger_transactions).returning(ledger_transactions.c.id)
    heads = [
        {"id": one.id, "subject": one.subject, "kind": one.kind, "event": one.event, "created_at": book.now}
        for _, (one, _) in sorted(summed.items())
    ]
    new = set(book.connection.scalars(insert, heads))
    rows = [
        {
            "id": new_id("ent", book.now), "transaction": one.id, "account": account, "currency": currency,
            "minor": minor, "event": one.event, "created_at": book.now,
        }
        for one, sums in summed.values()
        if one.id in new
        for (account, currency), minor in sorted(sums.items())
    ]  # fmt: skip
    if rows:
        book.connection.execute(sa.insert(ledger_entries), rows)
    return new


def _summed(one: Transaction) -> dict[tuple[str, str], int]:
    sums: dict[tuple[str, str], int] = defaultdict(int)
    totals: dict[str, int] = defaultdict(int)
    for posting in one.postings:
        sums[posting.account, posting.money.currency] += posting.money.minor
        totals[posting.money.currency] += posting.money.minor
    wrong = [str(Money(minor, currency)) for currency, minor in sorted(totals.items()) if minor]
    if wrong:
        message = f"The postings of {one.id} do not sum to zero: {', '.join(wrong)} too much."
        raise LedgerError(message, code="unbalanced", remedy="Post what one account gains from another one.")
    return {place: minor for place, minor in sums.items() if minor}


def balance(connection: sa.Connection, account: str, currency: str, at: datetime | None = None) -> int:
    """What an account holds, in minor units; ``at`` a moment of the past (UTC, that moment included), or now."""
    where = [ledger_entries.c.account == account, ledger_entries.c.currency == currency]
    if at is not None:
        where.append(ledger_entries.c.created_at <= at)
    query = sa.select(sa.func.coalesce(sa.func.sum(ledger_entries.c.minor), 0)).where(*where)
    return int(connection.scalar(query) or 0)


def balances(connection: sa.Connection, prefix: str = "", at: datetime | None = None) -> tuple[Balance, ...]:
    """All accounts whose name begins with ``prefix`` and that were ever posted to, by name and currency."""
    total = sa.func.sum(ledger_entries.c.minor)
    query = sa.select(ledger_entries.c.account, ledger_entries.c.currency, total.label("total"))
    if prefix:
        query = query.where(ledger_entries.c.account.startswith(prefix, autoescape=True))
    if at is not None:
        query = query.where(ledger_entries.c.created_at <= at)
    query = query.group_by(ledger_entries.c.account, ledger_entries.c.currency)
    rows = connection.execute(query.order_by(ledger_entries.c.account, ledger_entries.c.currency))
    return tuple(Balance(row.account, row.currency, int(row.total)) for row in rows)


def posted(
    connection: sa.Connection, subjects: Iterable[str]
) -> Mapping[tuple[str, str], Mapping[tuple[str, str], int]]:
    """What was posted for each subject so far: (subject, kind) -> (account, currency) -> minor units."""
    found: dict[tuple[str, str], dict[tuple[str, str], int]] = defaultdict(dict)
    for row in connection.execute(_POSTED, these(subjects)):
        found[row.subject, row.kind][row.account, row.currency] = int(row.total)
    return found


_HEAD_OF = ledger_transactions.c.id == ledger_entries.c.transaction
_PLACE = (
    ledger_transactions.c.subject,
    ledger_transactions.c.kind,
    ledger_entries.c.account,
    ledger_entries.c.currency,
)
_POSTED = (
    sa.select(*_PLACE, sa.func.sum(ledger_entries.c.minor).label("total"))
    .select_from(ledger_entries.join(ledger_transactions, _HEAD_OF))
    .where(among(ledger_transactions.c.subject))
    .group_by(*_PLACE)
)


def keep_still(book: Book, *accounts: str) -> None:
    """Nobody else who asks for one of these accounts gets it until this change is done.

    For whoever reads a balance and posts because of it. On SQLite there is only one writer, which needs no locks.
    """
    if book.tx.is_sqlite:
        return
    for number in sorted({_lock_number(account) for account in accounts}):
        book.connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))


def _lock_number(account: str) -> int:
    return int.from_bytes(hashlib.sha256(f"ledger:{account}".encode()).digest()[:8], signed=True)


def sums(connection: sa.Connection) -> Mapping[str, int]:
    """The sum of all entries of each currency: zero, or the books are broken."""
    total = sa.func.sum(ledger_entries.c.minor).label("total")
    query = sa.select(ledger_entries.c.currency, total).group_by(ledger_entries.c.currency)
    return {row.currency: int(row.total) for row in connection.execute(query)}
