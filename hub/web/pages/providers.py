"""Providers: the list, one provider with jobs and account, approving, suspending and changing them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for

from hub.bank_accounts import PARTS, TYPES, ending, kind_of, masked
from hub.commerce.provider_forms import ACCOUNT_FIELDS, ACCOUNT_KIND, LONGEST_PROVIDER, account_words, read_account
from hub.commerce.providers import PORTAL, STATES, change_provider, find_provider, keep_account
from hub.connect.redaction import has_card_number
from hub.errors import ActionError
from hub.journal.tables_work import jobs
from hub.journal.tables_work import providers as table
from hub.money import Money
from hub.payments import ledger
from hub.payments.destinations import (
    CARD_NUMBER,
    LONGEST,
    GatewayAccount,
    destination_fields,
    destination_problems,
    pays_by_reference,
)
from hub.phrases import DEFAULT_LANGUAGE, LANGUAGES, phrase
from hub.web.access import Pages, Role
from hub.web.acting import act_once, form_key, manifest_of, offering
from hub.web.entries import typed_in
from hub.web.sessions import actor, the_hub

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

    from hub.connect.manifest import Manifest
    from hub.jsontypes import Json
    from hub.payments.destinations import DestinationField

pages = Pages("providers", __name__)

_NEWEST: Final = 200
_FIELDS: Final = ("name", "phone", "region", "skills", "language", "rating")
_BEST: Final = 5.0
_ACCOUNT_KINDS: Final = {kind: phrase(DEFAULT_LANGUAGE, f"provider.kind_{kind}") for kind in PARTS}
_ACCOUNT_TYPES: Final = {kind: phrase(DEFAULT_LANGUAGE, f"provider.type_{kind}") for kind in TYPES}
_ACCOUNT_LABELS: Final = {one.name: phrase(DEFAULT_LANGUAGE, f"provider.{one.name}") for one in ACCOUNT_FIELDS}
_SPOKEN: Final = {"": "As each recipe says", **LANGUAGES}


@pages.page("/providers", Role.VIEWER)
def index() -> ResponseReturnValue:
    """Who works, and who waits to be approved, these first."""
    asked = {name: request.args.get(name, "").strip() for name in ("text", "state")}
    where = [table.c.state == asked["state"]] if asked["state"] else []
    for word in asked["text"].lower().split():
        columns = (table.c.name, table.c.email, table.c.region)
        where.append(sa.or_(*(sa.func.lower(one).contains(word, autoescape=True) for one in columns)))
    first = sa.case((table.c.state == "registered", 0), else_=1)
    query = sa.select(table).where(*where).order_by(first, table.c.created_at.desc()).limit(_NEWEST)
    with the_hub().database.read() as connection:
        rows = connection.execute(query).all()
    address = f"{the_hub().settings.address}/register"
    return render_template(
        "providers.html", rows=rows, asked=asked, states=STATES, most=_NEWEST, address=address, key=form_key()
    )


@pages.page("/providers/<identity>", Role.VIEWER)
def show(identity: str) -> ResponseReturnValue:
    """One provider."""
    return _page(identity, {}, {})


@pages.page("/providers/<identity>", Role.EDITOR, method="POST")
def act(identity: str) -> ResponseReturnValue:
    """Approve, suspend or change them; a double click is one act."""
    do = request.form.get("do", "")
    if do in {"approve", "suspend"}:
        act_once("providers", do, {"provider": identity})
        flash("Approved." if do == "approve" else "Suspended: no more jobs are offered to them.", "success")
        return redirect(url_for("providers.show", identity=identity), 303)
    if do == "account":
        return _change_bank(identity)
    typed = typed_in(request.form)
    rating, said = read_rating(typed.get("rating", ""))
    hub = the_hub()
    with hub.database.read() as connection:
        known = find_provider(connection, identity).accounts
    accounts, misfits = _accounts(typed, known)
    wrong = {**({"rating": said} if said else {}), **_too_long(typed), **misfits}
    if typed.get("language", "") not in _SPOKEN:
        wrong["language"] = "Choose a language of the list."
    if wrong:
        return _page(identity, typed, wrong), 422
    given = {name: typed.get(name, "") for name in ("name", "phone", "region", "language")}
    try:
        skills = [one.strip() for one in typed.get("skills", "").split(",") if one.strip()]
        change_provider(hub.office(form_key()), identity, {**given, "skills": skills}, accounts, rating, actor())
    except ActionError as error:
        return _page(identity, typed, {"name" if not given["name"] else "skills": error.message}), 422
    hub.store.note(actor(), "providers.change", identity, hub.now())
    flash("Saved.", "success")
    return redirect(url_for("providers.show", identity=identity), 303)


def _change_bank(identity: str) -> ResponseReturnValue:
    """Another bank account; who changed it is noted without it, and the provider is told by mail."""
    hub, typed = the_hub(), typed_in(request.form)
    values, problems = read_account(typed)
    if problems:
        said = {name: account_words(one) for name, one in problems.items()}
        return _page(identity, {}, {}, account=typed, account_wrong=said), 422
    changed = keep_account(hub.office(form_key()), identity, values, actor())
    flash("Saved. They are told by mail." if changed else "This account was known already.", "success")
    return redirect(url_for("providers.show", identity=identity), 303)


def read_rating(text: str) -> tuple[float | None, str]:
    """A rating from 0 to 5, or None, and what is wrong with it."""
    if not text:
        return None, ""
    whole, _, part = text.partition(".")
    if whole.isascii() and whole.isdigit() and (not part or (part.isascii() and part.isdigit())) and len(text) <= 6:  # noqa: PLR2004
        rating = float(text)
        if rating <= _BEST:
            return rating, ""
    return None, "Write a number from 0 to 5, such as 4.5, or leave it empty."


def _too_long(typed: Mapping[str, str]) -> dict[str, str]:
    """By field what is longer than is kept, so that nothing is cut off unseen."""
    return {
        name: f"At most {most} characters, please."
        for name, most in LONGEST_PROVIDER.items()
        if len(typed.get(name, "")) > most
    }


@dataclass(frozen=True, slots=True)
class _Gateway:
    """A connection that pays providers: whether it knows them by a reference, and what it asks of a payout's destination."""

    connection: str
    manifest: Manifest
    by_reference: bool
    fields: tuple[DestinationField, ...]

    @property
    def reference_input(self) -> str:
        """The name of the input for the reference."""
        return f"account-{self.connection}"

    def input(self, field: str) -> str:
        """The name of the input for a field of the destination."""
        return f"to-{self.connection}-{field}"


def _gateways() -> list[_Gateway]:
    """The connections whose gateways pay providers out, by name."""
    found = []
    for name in sorted({*offering("transfer.create"), *offering("payout.create")}):
        manifest = manifest_of(name)
        if manifest is not None:
            fields = destination_fields(manifest)
            found.append(_Gateway(name, manifest, pays_by_reference(manifest), fields))
    return found


def _accounts(typed: Mapping[str, str], known: Mapping[str, Json]) -> tuple[dict[str, Json], dict[str, str]]:
    """How gateways know the provider, as it is to be kept, and by input what is wrong with what was typed.

    A reference that the page does not ask for stays as it is, unless a field of the destination shows it.
    """
    accounts: dict[str, Json] = {}
    wrong: dict[str, str] = {}
    for one in _gateways():
        account = GatewayAccount.of(known.get(one.connection))
        reference = "" if account.destination(one.manifest) else account.reference
        if one.by_reference:
            reference = typed.get(one.reference_input, "")
            if len(reference) > LONGEST:
                wrong[one.reference_input] = f"At most {LONGEST} characters, please."
            elif has_card_number(reference):
                wrong[one.reference_input] = CARD_NUMBER
        to = {field.name: text for field in one.fields if (text := typed.get(one.input(field.name), ""))}
        problems = destination_problems(one.manifest, to) if to else {}
        wrong |= {one.input(name): said for name, said in problems.items()}
        accounts[one.connection] = GatewayAccount(reference, to).to_json()
    return accounts, wrong


def _shown_accounts(known: Mapping[str, Json]) -> dict[str, str]:
    """By input what is known of how gateways know a provider."""
    shown: dict[str, str] = {}
    for one in _gateways():
        account = GatewayAccount.of(known.get(one.connection))
        shown[one.reference_input] = account.reference
        shown |= {one.input(name): text for name, text in account.destination(one.manifest).items()}
    return shown


def _page(
    identity: str,
    typed: Mapping[str, str],
    wrong: Mapping[str, str],
    *,
    account: Mapping[str, str] | None = None,
    account_wrong: Mapping[str, str] | None = None,
) -> str:
    hub = the_hub()
    with hub.database.read() as connection:
        row = find_provider(connection, identity)
        query = sa.select(jobs).where(jobs.c.provider == identity).order_by(jobs.c.updated_at.desc()).limit(_NEWEST)
        theirs = connection.execute(query).all()
        owed = ledger.provider(identity)
        due = [one for one in ledger.balances(connection, owed) if one.account == owed and one.minor]
    shown = {name: str(getattr(row, name) or "") for name in _FIELDS} | {"skills": ", ".join(row.skills)}
    shown |= _shown_accounts(row.accounts)
    return render_template(
        "provider_admin.html",
        row=row,
        jobs=theirs,
        due=[Money(-one.minor, one.currency).to_json() for one in due],
        gateways=_gateways(),
        typed=typed or shown,
        wrong=wrong,
        bank=masked(row.bank),
        ending=ending(row.bank),
        account=account or {ACCOUNT_KIND: kind_of(row.bank)},
        account_wrong=account_wrong or {},
        account_fields=ACCOUNT_FIELDS,
        account_labels=_ACCOUNT_LABELS,
        account_types=[("", "Choose"), *_ACCOUNT_TYPES.items()],
        kind_input=ACCOUNT_KIND,
        kinds=_ACCOUNT_KINDS,
        spoken=_SPOKEN,
        address=hub.office("provider").address(PORTAL, identity),
        key=form_key(),
    )
