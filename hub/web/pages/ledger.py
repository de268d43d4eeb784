"""The books: balances at any time, entries, providers' statements, refunds that wait, a calculator, gateways beside them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final, cast

import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for

from hub.connect.api import PaperFile
from hub.errors import HubError, PermanentError
from hub.ids import new_id
from hub.journal.tables_ledger import ledger_entries, refund_requests
from hub.money import Money
from hub.payments import ledger, reconciliation, refunds
from hub.payments.payout_runs import provider_names
from hub.payments.statement_pdf import Reader, statement_pdf
from hub.payments.statements import period, statements
from hub.payments.unheard import PAYMENT
from hub.web import split_calculator
from hub.web.access import Pages, Role
from hub.web.account_words import account_words
from hub.web.csv_files import csv_file
from hub.web.entries import Pressed, button_of, end_of_day, too_long, typed_in
from hub.web.formatting import reader_locale, reader_zone
from hub.web.papers import paper_answer
from hub.web.sessions import actor, the_hub
from hub.web.visitors import brand

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from flask.typing import ResponseReturnValue

    from hub.jsontypes import JsonObject
    from hub.payments.statements import Statement

pages = Pages("ledger", __name__)

_NEWEST: Final = 300
_LONGEST_WHY: Final = 500
_DONE: Final = frozenset({"settle", "take"})
_EXPORTED: Final = 200_000
_FAMILIES: Final[Mapping[str, str]] = {
    "gateway": "Held for us by gateways and the bank",
    "held": "Held until work is done",
    "provider": "Owed to providers",
    "revenue": "Earned",
    "expense": "Fees",
    "other": "In between",
}
_OF: Final = {
    "bank": "gateway",
    "gateway": "gateway",
    "held": "held",
    "provider": "provider",
    "revenue": "revenue",
    "expense": "expense",
}


@pages.page("/ledger", Role.VIEWER)
def index() -> ResponseReturnValue:
    """The balance of each account, now or at the end of a day."""
    day = request.args.get("day", "").strip()
    wrong: dict[str, str] = {}
    at = end_of_day(day, wrong, "day")
    with the_hub().database.read() as connection:
        found = ledger.balances(connection, at=at)
        whole = ledger.sums(connection)
        words = account_words(connection, {one.account for one in found})
    groups: dict[str, list[ledger.Balance]] = {title: [] for title in _FAMILIES.values()}
    for balance in found:
        if balance.minor:
            family = _OF.get(balance.account.partition(":")[0], "other")
            groups[_FAMILIES[family]].append(balance)
    broken = {currency: minor for currency, minor in whole.items() if minor}
    return render_template(
        "ledger.html",
        groups=groups,
        day=day,
        wrong=wrong.get("day", ""),
        broken=broken,
        words=words,
    )


@pages.page("/ledger/accounts/<path:account>", Role.VIEWER)
def show(account: str) -> ResponseReturnValue:
    """The newest entries of an account."""
    query = sa.select(ledger_entries).where(ledger_entries.c.account == account)
    with the_hub().database.read() as connection:
        newest = query.order_by(ledger_entries.c.created_at.desc(), ledger_entries.c.id.desc()).limit(_NEWEST)
        rows = connection.execute(newest).all()
        balances = [one for one in ledger.balances(connection, account) if one.account == account]
        words = account_words(connection, [account])[account]
    provider = _provider(account)
    return render_template(
        "ledger_account.html",
        account=account,
        rows=rows,
        balances=balances,
        provider=provider,
        words=words,
        most=_NEWEST,
    )


@pages.page("/ledger.csv", Role.VIEWER)
def export() -> ResponseReturnValue:
    """All entries, oldest first, as a file."""
    return csv_file("ledger.csv", ("time", "transaction", "account", "currency", "amount", "event"), _entries())


# statements


@pages.page("/statements/<provider>", Role.VIEWER)
def statement(provider: str) -> ResponseReturnValue:
    """What a provider earned and was paid in some days."""
    first, last, found = _asked_statement(provider)
    return render_template(
        "statement.html", provider=provider, name=_name(provider), first=first, last=last, statements=found
    )


@pages.page("/statements/<provider>.csv", Role.VIEWER)
def statement_csv(provider: str) -> ResponseReturnValue:
    """The same as a file."""
    _, _, found = _asked_statement(provider)
    header = ("time", "what", "about", "currency", "amount", "balance")
    rows = (
        (
            line.time.isoformat(),
            line.what,
            line.about,
            one.currency,
            line.money.to_decimal_text(),
            line.balance.to_decimal_text(),
        )
        for one in found
        for line in one.movements
    )
    return csv_file(f"statement-{provider}.csv", header, rows)


@pages.page("/statements/<provider>.pdf", Role.VIEWER)
def statement_paper(provider: str) -> ResponseReturnValue:
    """The same on paper."""
    first, last, found = _asked_statement(provider)
    reader = Reader("en", str(reader_locale()), reader_zone())
    content = statement_pdf(brand().name, _name(provider), (first, last), found, reader, the_hub().now())
    return paper_answer(PaperFile(f"statement-{provider}.pdf", content))


def _asked_statement(provider: str) -> tuple[date, date, list[Statement]]:
    today = the_hub().now().astimezone(reader_zone()).date()
    first = _day(request.args.get("from", ""), today.replace(day=1))
    last = max(_day(request.args.get("to", ""), today), first)
    with the_hub().database.read() as connection:
        return first, last, statements(connection, provider, *period(first, last, reader_zone()))


def _day(text: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return otherwise


def _provider(account: str) -> str:
    """Whose account it is; empty where it is no provider's."""
    return account.removeprefix("provider:") if account.startswith("provider:") else ""


def _name(provider: str) -> str:
    with the_hub().database.read() as connection:
        return provider_names(connection, [provider]).get(provider, provider)


# refunds that wait


@pages.page("/refunds", Role.VIEWER)
def waiting() -> ResponseReturnValue:
    """Refunds above the limit that wait for a second person, those in doubt, and the newest others."""
    return _waiting(Pressed())


def _waiting(pressed: Pressed) -> str:
    table = refund_requests
    first = sa.case((table.c.state.in_(("asked", "uncertain")), 0), else_=1)
    with the_hub().database.read() as connection:
        rows = connection.execute(sa.select(table).order_by(first, table.c.created_at.desc()).limit(_NEWEST)).all()
    return render_template("refunds.html", rows=rows, pressed=pressed)


@pages.page("/refunds/<refund>", Role.EDITOR, method="POST")
def decide(refund: str) -> ResponseReturnValue:
    """Approve or refuse it; of one in doubt say whether it happened."""
    do, hub = button_of("do", ("approve", "refuse", "happened", "again")), the_hub()
    office, typed = hub.office("refund"), typed_in(("why", "reference"))
    wrong = too_long(typed, {"why": _LONGEST_WHY, "reference": 255})
    if do == "happened" and not typed["reference"]:
        wrong["reference"] = "Write the number that the gateway gave it, so that it is known by it."
    if wrong:
        return _waiting(Pressed(refund, typed, wrong)), 422
    try:
        if do in {"approve", "refuse"}:
            refunds.decide(office, refund, approved=do == "approve", actor=actor(), why=typed["why"])
        else:
            refunds.vouch(office, refund, refund=typed["reference"] if do == "happened" else "", actor=actor())
    except HubError as error:
        flash(str(error), "danger")
        return redirect(url_for("ledger.waiting"), 303)
    hub.store.note(actor(), f"refund.{do}", refund, hub.now(), {"why": typed["why"]})
    flash(
        {"approve": "Approved: the money goes back.", "refuse": "Refused: nothing goes back."}.get(do, "Noted."),
        "success",
    )
    return redirect(url_for("ledger.waiting"), 303)


# a calculator


@pages.page("/split-calculator", Role.VIEWER)
def calculator() -> ResponseReturnValue:
    """What a rule makes of an order, to try rules out; nothing is kept."""
    typed = {name: request.args.get(name, "").strip() for name in split_calculator.FIELDS}
    if not request.args:
        typed |= split_calculator.FIRST
    error: PermanentError | None = None
    try:
        result, wrong = split_calculator.reckon(typed, the_hub().now())
    except PermanentError as found:
        result, wrong, error = None, {}, found
    return render_template("calculator.html", typed=typed, result=result, wrong=wrong, error=error)


def _entries() -> Iterator[Sequence[object]]:
    query = sa.select(ledger_entries).order_by(ledger_entries.c.created_at, ledger_entries.c.id).limit(_EXPORTED)
    with the_hub().database.read() as connection:
        rows = connection.execute(query).all()
    for row in rows:
        amount = Money(row.minor, row.currency).to_decimal_text()
        yield row.created_at.isoformat(), row.transaction, row.account, row.currency, amount, row.event


# gateways beside the ledger


@pages.page("/reconciliation", Role.VIEWER)
def compared() -> ResponseReturnValue:
    """What gateways say otherwise than the ledger, and what was settled lately."""
    return _compared(Pressed())


def _compared(pressed: Pressed) -> str:
    with the_hub().database.read() as connection:
        rows, days = reconciliation.checked(connection, _NEWEST)
    return render_template("reconciliation.html", rows=rows, days=days, pressed=pressed)


@pages.page("/reconciliation/<check>", Role.EDITOR, method="POST")
def reconcile(check: str) -> ResponseReturnValue:
    """Ask the gateway again and compare, take its word over, or say why it differs."""
    hub, do, typed = the_hub(), request.form.get("do", ""), typed_in(("why",))
    wrong = too_long(typed, {"why": _LONGEST_WHY})
    if do == "settle" and not typed["why"]:
        wrong["why"] = "Write the reason in a few words, so that it can be seen later why this was put away."
    if wrong:
        return _compared(Pressed(check, typed, wrong)), 422
    try:
        if do == "settle":
            reconciliation.settle(hub.office(new_id("rec", hub.now())), check, typed["why"], actor())
            agrees = True
        else:
            agrees = _asked_again(check, takes=do == "take")
    except HubError as error:
        flash(str(error), "danger")
        return redirect(url_for("ledger.compared"), 303)
    hub.store.note(actor(), f"reconciliation.{do if do in _DONE else 'ask'}", check, hub.now(), {})
    flash(*(("Settled.", "success") if agrees else ("It still differs.", "warning")))
    return redirect(url_for("ledger.compared"), 303)


def _asked_again(check: str, *, takes: bool) -> bool:
    """Ask the gateway, and compare or take its word over; asking changes nothing there."""
    hub, who = the_hub(), actor()
    with hub.database.read() as connection:
        row = reconciliation.check_of(connection, check)
    key = new_id("rec", hub.now())
    office = hub.office(key)
    if row.kind != PAYMENT or not row.subject:
        act = reconciliation.take_over if takes else reconciliation.compare_listed_again
        return act(office, check, who)
    said = cast("JsonObject", hub.payments.act(row.connection, "payment.get", key, {"payment": row.subject}))
    if not takes:
        return reconciliation.compare_again(office, check, said, who)

    def tell() -> None:
        hub.payments.tell(row.connection, said, {}, known_as=row.subject)

    return reconciliation.take_payment_over(office, check, said, tell, who)
