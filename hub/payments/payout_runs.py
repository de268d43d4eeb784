"""Payout runs: what is due to providers, paid out through gateways or as a bank file.

One run pays, in one currency and by one way, at most one payout to each provider. What it pays is read and reserved in one
transaction, so that two runs at the same moment never pay the same amount.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from hub.bank_accounts import HOLDER, LONGEST_HOLDER, PARTS, BankAccount, kind_of, read_parts
from hub.connect.manifest import Support
from hub.errors import PermanentError
from hub.ids import derived_id
from hub.journal.tables_escrow import payout_runs, payouts
from hub.journal.tables_ledger import reserves
from hub.journal.tables_work import providers
from hub.money import Money
from hub.payments import ledger
from hub.payments.bank_files import Line, account_of, csv_file, sepa_file, sepa_refusal, taken
from hub.payments.destinations import GatewayAccount, bank_destination, destination_fields, destination_of
from hub.payments.payouts import BANK, PAYOUT, TRANSFER, Destination, identity, queue

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from hub.connect.manifest import Manifest
    from hub.journal.book import Book
    from hub.jsontypes import Json, JsonObject
    from hub.office import Action, Office

    Row = sa.Row[Any]

MOST_FAILURES: Final = 3
"""After so many payouts in a row that failed, what is due to a provider in their currency waits for a person."""


_PART_NAMES: Final[Mapping[str, str]] = {"iban": "IBAN", "bic": "BIC", "ifsc": "IFSC", "sort_code": "sort code"}


@dataclass(frozen=True, slots=True)
class Due:
    """What is owed to a provider: ``money`` may be paid now. ``name`` is empty for one that the hub does not know."""

    provider: str
    name: str
    money: Money
    reserved: Money


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a run is asked for."""

    connection: str | None
    bank: bool
    provider: str | None
    currency: str | None
    minimum: Money | None

    @classmethod
    def of(cls, given: JsonObject) -> _Wanted:
        if given.get("bank") and given.get("connection"):
            message = "A run goes by a connection or by the bank, not by both."
            raise PermanentError(message, code="bad_input", remedy="Leave one of them out.")
        minimum = Money.from_json(given["minimum"]) if given.get("minimum") else None
        named = [cast("str | None", given.get(name)) for name in ("provider", "currency")]
        return cls(cast("str | None", given.get("connection")), bool(given.get("bank")), named[0], named[1], minimum)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who makes the runs, and under which name, the same in every attempt."""

    step: str
    actor: str


def dues(connection: sa.Connection, now: datetime, provider: str | None = None) -> tuple[Due, ...]:
    """What is owed to each provider in each currency, most first; who owes us is left out.

    ``money`` may be paid now, ``reserved`` is held back for a while yet.
    """
    kept = _reserved(connection, now)
    owed = [
        (balance.account.removeprefix("provider:"), -balance.money)
        for balance in ledger.balances(connection, "provider:")
        if balance.minor < 0 and provider in {None, balance.account.removeprefix("provider:")}
    ]
    names = provider_names(connection, [one for one, _ in owed])
    found = []
    for one, money in owed:
        back = min(Money(kept.get((one, money.currency), 0), money.currency), money)
        found.append(Due(one, names.get(one, ""), money - back, back))
    return tuple(sorted(found, key=lambda due: (due.money.currency, -due.money.minor, due.provider)))


def _reserved(connection: sa.Connection, now: datetime, provider: str | None = None) -> Mapping[tuple[str, str], int]:
    """What is still held back of shares: (provider, currency) -> minor units."""
    table = reserves.c
    query = sa.select(table.provider, table.currency, sa.func.sum(table.kept).label("kept")).where(table.until > now)
    if provider is not None:
        query = query.where(table.provider == provider)
    rows = connection.execute(query.group_by(table.provider, table.currency))
    return {(row.provider, row.currency): int(row.kept) for row in rows}


def provider_names(connection: sa.Connection, identities: Iterable[str]) -> Mapping[str, str]:
    """What the providers of these ids are called; without those that the hub does not know."""
    query = sa.select(providers.c.id, providers.c.name).where(providers.c.id.in_(sorted(set(identities))))
    return {row.id: row.name for row in connection.execute(query)}


# where it goes


def _destination(office: Office, row: Row | None, due: Due, wanted: _Wanted) -> Destination | str:
    """Where an amount goes, or why it cannot be paid out."""
    if row is None:
        return "The hub knows no provider of this number."
    if row.state != "approved":
        return f"The provider is {row.state}, not approved."
    if wanted.bank:
        return _by_bank(row)
    if wanted.connection:
        return _by_gateway(office, row, wanted.connection, due.money.currency, with_bank=True)
    tried = [
        _by_gateway(office, row, name, due.money.currency)
        for name in sorted(row.accounts or {})
        if name in office.connections()
    ]
    ways = [*tried, _by_bank(row)]
    return next((way for way in ways if isinstance(way, Destination)), ways[0])


def _by_gateway(
    office: Office, row: Row, connection: str, currency: str, *, with_bank: bool = False
) -> Destination | str:
    """``with_bank``: to the provider's bank account where the gateway pays such and knows the provider in no other way."""
    manifest = office.manifest(connection)
    refusal = payout_refusal(manifest, currency)
    if refusal:
        return refusal
    known, limits = GatewayAccount.of((row.accounts or {}).get(connection)), manifest.capabilities["payout"].limits
    if destination_fields(manifest):
        bank = bank_account(row) if with_bank and not known.destination(manifest) else ""
        of_bank = bank_destination(manifest, bank) if isinstance(bank, BankAccount) else None
        to = of_bank or destination_of(manifest, connection, known)
        return to if isinstance(to, str) else Destination(row.id, PAYOUT, connection, {"provider": row.id, "to": to})
    account = known.reference
    if not account:
        return f"The provider has no account at {connection}."
    if limits.get("connect"):
        # Its payouts leave the provider's own balance there; what we owe is passed on to that balance.
        return Destination(row.id, TRANSFER, connection, {"provider": account})
    to = {"to": {str(limits["destination"]): account}} if limits.get("destination") else {}
    return Destination(row.id, PAYOUT, connection, {"provider": account, **to})


def payout_refusal(manifest: Manifest, currency: str | None = None) -> str:
    """Why a gateway cannot pay out (in this currency); empty when it can."""
    cell = manifest.capabilities.get("payout")
    if cell is None or cell.status is not Support.NATIVE:
        reason = cell.reason if cell is not None else ""
        return f"{manifest.title} pays nobody out. {reason}".strip()
    currencies = cast("list[str]", cell.limits.get("currencies") or [])
    if currency and currencies and currency not in currencies:
        return f"{manifest.title} pays out in {', '.join(currencies)} only."
    return ""


def _by_bank(row: Row) -> Destination | str:
    account = bank_account(row)
    return (
        account if isinstance(account, str) else Destination(row.id, BANK, None, cast("JsonObject", account.to_json()))
    )


def bank_account(row: Row) -> BankAccount | str:
    """A provider's bank account, checked again, or why nothing can be sent there: in words that do not hold it."""
    bank = cast("Mapping[str, str]", row.bank or {})
    kind = kind_of(bank)
    if kind not in PARTS or not (bank.get("iban") or bank.get("number")):
        return "The provider gave no bank account."
    values, wrong = read_parts(kind, {**bank, HOLDER: bank.get(HOLDER) or row.name[:LONGEST_HOLDER]})
    if wrong:
        return f"The provider's bank account is not right: {', '.join(_PART_NAMES.get(one, one) for one in wrong)}."
    name = values.pop(HOLDER)
    return BankAccount(name, **values) if taken(name) else "The holder of the provider's bank account is missing."


# paying


def pay_due(office: Office, given: JsonObject) -> JsonObject:
    """``payments/pay_due``: queue a payout of all that is due for each provider and currency that can be paid.

    Who cannot be paid is named with the reason. Repeated under one key it gives the first outcome again.
    """
    wanted = _Wanted.of(given)
    if wanted.connection and (refusal := payout_refusal(office.manifest(wanted.connection))):
        raise PermanentError(refusal, code="not_enabled", remedy="Take another connection, or the bank.")
    with office.read() as connection:
        all_due = dues(connection, office.now, wanted.provider)
        found = [due for due in all_due if due.money.minor and wanted.currency in {None, due.money.currency}]
        known = providers.c.id.in_(sorted({due.provider for due in found}))
        rows = {row.id: row for row in connection.execute(sa.select(providers).where(known))}
        failures = {due: _failures(connection, due) for due in found}
    skipped: list[Json] = []
    groups: dict[tuple[str, str], list[tuple[Due, Destination]]] = {}
    for due in found:
        way = _small(due, wanted) or _destination(office, rows.get(due.provider), due, wanted)
        if isinstance(way, Destination) and not wanted.provider and failures[due] >= MOST_FAILURES:
            way = (
                f"Its last {MOST_FAILURES} payouts in {due.money.currency} failed. "
                "Pay this provider alone once its account is mended."
            )
        if isinstance(way, str):
            skipped.append({"provider": due.provider, "amount": due.money.to_json(), "reason": way})
        else:
            groups.setdefault((way.connection or "", due.money.currency), []).append((due, way))
    asked = _Asked(office.identity("prn"), str(given.get("actor") or ""))
    office.change(lambda book: _runs(book, asked, groups))
    return _output(office, asked.step, skipped)


def _small(due: Due, wanted: _Wanted) -> str:
    minimum = wanted.minimum
    if minimum is not None and minimum.currency == due.money.currency and due.money < minimum:
        return f"Less than the minimum of {minimum} is due."
    return ""


def _failures(connection: sa.Connection, due: Due) -> int:
    """How many of the provider's last payouts in this currency failed, of as many as may.

    Those that were queued at one moment count as one, which failed when all of them did.
    """
    table = payouts.c
    failed = sa.func.min(sa.case((table.state == "failed", 1), else_=0))
    query = sa.select(failed).where(table.provider == due.provider, table.currency == due.money.currency)
    newest = query.group_by(table.created_at).order_by(table.created_at.desc()).limit(MOST_FAILURES)
    return sum(connection.scalars(newest))


def _runs(book: Book, asked: _Asked, groups: Mapping[tuple[str, str], Sequence[tuple[Due, Destination]]]) -> None:
    """All runs of one step, or none: a repeat of it finds them."""
    ledger.keep_still(book, *(ledger.provider(due.provider) for one in groups.values() for due, _ in one))
    if not book.rows(sa.select(payout_runs.c.id).where(payout_runs.c.step == asked.step).limit(1)):
        for place, dues_of in sorted(groups.items()):
            _run(book, asked, place, dues_of)


def _run(book: Book, asked: _Asked, place: tuple[str, str], dues_of: Sequence[tuple[Due, Destination]]) -> None:
    """One run with its payouts, reserved; none when nothing is due any more."""
    connection, currency = place
    run = derived_id("prn", asked.step, *place)
    total, count = 0, 0
    for due, way in dues_of:
        kept = _reserved(book.connection, book.now, due.provider).get((due.provider, currency), 0)
        owed = -ledger.balance(book.connection, ledger.provider(due.provider), currency) - kept
        if owed > 0:
            queue(book, identity(run, due.provider), way, Money(owed, currency), run=run)
            total, count = total + owed, count + 1
    if count:
        row = {
            "id": run, "step": asked.step, "number": book.next_number("payout runs"), "connection": connection or None,
            "currency": currency, "size": count, "total": total, "actor": asked.actor,
        }  # fmt: skip
        book.insert(payout_runs, row)


def _output(office: Office, step: str, skipped: list[Json]) -> JsonObject:
    made = sa.select(payout_runs).where(payout_runs.c.step == step).order_by(payout_runs.c.number)
    with office.read() as connection:
        run_rows = connection.execute(made).all()
        query = sa.select(payouts).where(payouts.c.run.in_([run.id for run in run_rows])).order_by(payouts.c.provider)
        rows = connection.execute(query).all()
    return {
        "runs": [
            {
                "run": run.id, "number": run.number, "way": "connection" if run.connection else "bank",
                **({"connection": run.connection} if run.connection else {}),
                "count": run.size, "total": Money(run.total, run.currency).to_json(),
            }
            for run in run_rows
        ],
        "payouts": [
            {
                "payout": row.id, "provider": row.provider, "status": row.state,
                "amount": Money(row.amount, row.currency).to_json(),
            }
            for row in rows
        ],
        "skipped": skipped,
    }  # fmt: skip


# bank files


XML, CSV, REST = "xml", "csv", "rest"


def bank_file(office: Office, run: str, kind: str) -> bytes:
    """The run as a file for the bank: ``xml`` (SEPA), ``csv``, or ``rest``, a CSV of what the SEPA file cannot hold.

    The payouts in a file are sent from its first time on. The same bytes each time, without those that failed meanwhile.
    Raises ``NotFoundError`` and ``PermanentError``, and then nothing was taken.
    """
    own = cast("JsonObject", office.fact("bank") or {})
    brand = cast("JsonObject", office.fact("brand") or {})

    def work(book: Book) -> bytes:
        row, rows = _downloaded(book, run, own, kind)
        text = f"{brand.get('name') or 'Payout'} {row.number}"
        lines = [_line(one, text) for one in rows if one.state != "failed"]
        if kind != XML:
            return csv_file(lines)
        debtor = BankAccount(row.debtor["name"], row.debtor["iban"], row.debtor["bic"])
        taken_at: datetime = row.downloaded_at
        return sepa_file(row.id, taken_at, taken_at.date(), debtor, lines)

    return office.change(work)


def outside_sepa(rows: Iterable[Row]) -> Mapping[str, str]:
    """Of the payouts of a run by the bank those that a SEPA file cannot hold: payout -> why."""
    refusals = {row.id: sepa_refusal(_line(row, "")) for row in rows}
    return {payout: refusal for payout, refusal in refusals.items() if refusal}


def _downloaded(book: Book, run: str, own: JsonObject, kind: str) -> tuple[Row, Sequence[Row]]:
    """The run, and its payouts that the file holds."""
    row = book.get(payout_runs, run)
    if row.connection:
        message = f"The run {row.number} is paid out by {row.connection}."
        raise PermanentError(message, code="wrong_state", remedy="Only runs by the bank have files.")
    query = sa.select(payouts).where(payouts.c.run == run).order_by(payouts.c.id)
    held = _held(book.rows(query), kind)
    if kind == XML and not row.debtor:
        row = book.change(payout_runs, row, debtor=_debtor(own))
    if row.downloaded_at is None:
        row = book.change(payout_runs, row, downloaded_at=book.now)
    sent = sa.update(payouts).where(payouts.c.id.in_([one.id for one in held]), payouts.c.state == "queued")
    book.connection.execute(sent.values(state="sent", updated_at=book.now, version=payouts.c.version + 1))
    return row, [one for one in book.rows(query) if one.id in {this.id for this in held}]


def _held(rows: Sequence[Row], kind: str) -> Sequence[Row]:
    """The payouts that a file of this kind holds. A SEPA file of a run that has none of them is refused where it is made."""
    outside = outside_sepa(rows)
    if kind == CSV or (kind == XML and len(outside) == len(rows)):
        return rows
    held = [row for row in rows if (row.id in outside) is (kind == REST)]
    if not held:
        message = "The SEPA file holds all of this run."
        raise PermanentError(message, code="empty", remedy="Take the SEPA file, or the CSV of the whole run.")
    return held


def _debtor(own: JsonObject) -> JsonObject:
    if not own.get("iban"):
        message = "The file needs your own bank account, which is not known yet."
        raise PermanentError(message, code="bad_input", remedy="Fill it in under Settings, Business.")
    account = account_of(str(own.get("holder") or ""), str(own["iban"]), str(own.get("bic") or ""))
    return {"name": account.name, "iban": account.iban, "bic": account.bic}


def _line(row: Row, text: str) -> Line:
    return Line(row.id, BankAccount(**row.recipient), Money(row.amount, row.currency), text)


ACTIONS: Final[Mapping[str, Action]] = {"pay_due": pay_due}
