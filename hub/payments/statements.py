"""What a provider earned and was paid over some time: opening balance, each movement, closing balance, per currency.

All of it comes from the ledger, so that a statement and the books never differ. Amounts are as the provider sees them: what
we owe them counts +. Times are UTC; a period begins with its first moment and ends before its last.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from hub.errors import PermanentError
from hub.journal.tables_ledger import ledger_entries, ledger_transactions
from hub.money import Money
from hub.payments import ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from hub.jsontypes import Json, JsonObject
    from hub.office import Action, Office

MOST_LINES: Final = 50_000
CAME_BACK: Final = "payout_back"
_WORDS: Final[Mapping[str, str]] = {
    "split": "Share of a payment",
    "taken": "Taken back for a refund",
    "transfer": "Passed on at the gateway",
    "payout": "Paid out",
    CAME_BACK: "A payout came back",
}
_TAKEN_BACK: Final = frozenset({"taken", "dispute"})
_PAID_OUT: Final = frozenset({"transfer", "payout", CAME_BACK})


def last_of_month(day: date) -> date:
    """The last day of the month in which a day is."""
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def period(first: date, last: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """When these days begin in a time zone, and when the day after the last one does; in UTC."""
    begin, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last + timedelta(days=1)))
    return begin, end


@dataclass(frozen=True, slots=True)
class Movement:
    """One line: ``money`` onto (+) or off (−) what is owed, ``balance`` after it, ``about`` the payment or payout.

    ``kind``: the kind of its transaction (split, taken, dispute, transfer, payout …), ``payout_back`` for one that failed.
    """

    time: datetime
    kind: str
    about: str
    money: Money
    balance: Money

    @property
    def what(self) -> str:
        """The kind in words."""
        return _WORDS.get(self.kind, self.kind.replace("_", " ").capitalize())


@dataclass(frozen=True, slots=True)
class Statement:
    """One currency of a provider over a period."""

    currency: str
    opening: Money
    movements: Sequence[Movement]

    @property
    def closing(self) -> Money:
        """What is owed at the end."""
        return self.movements[-1].balance if self.movements else self.opening

    @property
    def earned(self) -> Money:
        """What came onto it beside payouts that failed."""
        return self._sum(lambda kind: kind not in _TAKEN_BACK | _PAID_OUT)

    @property
    def taken_back(self) -> Money:
        """What refunds and disputes took off it, below zero."""
        return self._sum(_TAKEN_BACK.__contains__)

    @property
    def paid_out(self) -> Money:
        """What went to the provider, below zero, less what came back."""
        return self._sum(_PAID_OUT.__contains__)

    def _sum(self, counts: Callable[[str], bool]) -> Money:
        return Money.total((line.money for line in self.movements if counts(line.kind)), self.currency)


def statements(connection: sa.Connection, provider: str, begin: datetime, end: datetime) -> list[Statement]:
    """A statement for each currency in which the provider ever had anything.

    Raises ``PermanentError`` (``bad_input``) when the period has more movements than a statement takes.
    """
    account = ledger.provider(provider)
    entry, head = ledger_entries.c, ledger_transactions.c
    before = sa.select(entry.currency, sa.func.sum(entry.minor).label("total"))
    before = before.where(entry.account == account, entry.created_at < begin).group_by(entry.currency)
    opening = {row.currency: -int(row.total) for row in connection.execute(before)}
    query = (
        sa.select(ledger_entries, head.kind, head.subject)
        .join(ledger_transactions, head.id == entry.transaction)
        .where(entry.account == account, entry.created_at >= begin, entry.created_at < end)
        .order_by(entry.currency, entry.created_at, entry.id)
        .limit(MOST_LINES + 1)
    )
    rows = connection.execute(query).all()
    if len(rows) > MOST_LINES:
        message = f"A statement has {MOST_LINES:,} lines at most."
        raise PermanentError(message, code="bad_input", remedy="Ask for a shorter period.")
    found: dict[str, list[Movement]] = {currency: [] for currency in opening}
    balances = dict(opening)
    for row in rows:
        balances[row.currency] = balances.get(row.currency, 0) - row.minor
        money, balance = Money(-row.minor, row.currency), Money(balances[row.currency], row.currency)
        line = Movement(row.created_at, _kind(row), _about(row), money, balance)
        found.setdefault(row.currency, []).append(line)
    return [
        Statement(currency, Money(opening.get(currency, 0), currency), found[currency]) for currency in sorted(found)
    ]


def first_moment(connection: sa.Connection, provider: str) -> datetime | None:
    """When the first thing was booked for a provider; None when nothing ever was."""
    entry = ledger_entries.c
    query = sa.select(sa.func.min(entry.created_at)).where(entry.account == ledger.provider(provider))
    return connection.execute(query).scalar()


def _kind(row: sa.Row[Any]) -> str:
    kind = row.kind or str(row.transaction).partition(":")[0]
    return CAME_BACK if kind == "payout" and row.minor < 0 else kind


def _about(row: sa.Row[Any]) -> str:
    subject = str(row.subject or row.transaction)
    return subject.rpartition("/")[2] if "/" in subject else subject.rpartition(":")[2] or subject


def statement(office: Office, given: JsonObject) -> JsonObject:
    """``payments/statement``: what a provider earned and was paid between two moments."""
    begin, end = (datetime.fromisoformat(str(given[name])) for name in ("from", "to"))
    if end <= begin:
        message = "The period ends before it begins."
        raise PermanentError(message, code="bad_input", remedy="Give a `to` after `from`.")
    with office.read() as connection:
        found = statements(connection, str(given["provider"]), begin, end)
    return {"provider": given["provider"], "statements": [_to_json(one) for one in found]}


def _to_json(one: Statement) -> JsonObject:
    lines: list[Json] = [
        {
            "time": line.time.isoformat().replace("+00:00", "Z"),
            "what": line.what,
            "about": line.about,
            "amount": line.money.to_json(),
            "balance": line.balance.to_json(),
        }
        for line in one.movements
    ]
    ends = {"opening": one.opening.to_json(), "closing": one.closing.to_json()}
    return cast("JsonObject", {"currency": one.currency, **ends, "lines": lines})


ACTIONS: Final[Mapping[str, Action]] = {"statement": statement}
