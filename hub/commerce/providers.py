"""Providers: who registers to do work, is approved by a person, says when they are free and where their money goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from hub.bank_accounts import kind_of
from hub.commerce.assigning import Candidate, Wanted, fits
from hub.commerce.job_reading import find_job, provider_address
from hub.commerce.provider_forms import checked_provider
from hub.errors import PermanentError
from hub.ids import derived_id
from hub.journal.book import found
from hub.journal.tables_work import providers
from hub.phrases import DEFAULT_LANGUAGE, phrase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from hub.journal.book import Book
    from hub.jsontypes import Json, JsonObject
    from hub.office import Action, Office, Timer

    Row = sa.Row[Any]

PORTAL: Final = "p"
"""The kind of the signed address of a provider's own pages."""

STATES: Final = ("registered", "approved", "suspended")
LINK: Final = "{link}"
"""Where the signed address stands in a text for a provider; without it, it follows the text."""

_MAIL: Final = "providers.mail_account"
_MOST: Final = 200


def identity_of(email: str) -> str:
    """The id of whoever has this mail address: nobody registers twice."""
    return derived_id("prv", email.strip().lower())


def register(office: Office, given: JsonObject) -> JsonObject:
    """``providers/register``: somebody wants to work; tells ``provider.registered``. Who is known already stays so."""
    email = str(given["email"]).strip()
    identity = identity_of(email)
    row = {"id": identity, "email": email, "state": "registered", "calendar": [], "accounts": {}, "bank": {}}
    values = checked_provider(given)

    def work(book: Book) -> None:
        if book.insert(providers, {**row, **values}):
            event = f"provider.registered:{identity}"
            book.tell("provider.registered", event, provider_event(book.get(providers, identity)))

    office.change(work)
    return get(office, {"provider": identity})


def approve(office: Office, given: JsonObject) -> JsonObject:
    """``providers/approve``: they may work, from now on or again; the first time tells ``provider.approved``."""

    def work(book: Book) -> None:
        row = book.get(providers, str(given["provider"]))
        if row.state != "approved":
            approved = book.change(providers, row, state="approved")
            book.tell("provider.approved", f"provider.approved:{row.id}", provider_event(approved))

    office.change(work)
    return get(office, given)


def suspend(office: Office, given: JsonObject) -> JsonObject:
    """``providers/suspend``: they are asked for no more jobs; those that they have stay theirs."""

    def work(book: Book) -> None:
        row = book.get(providers, str(given["provider"]))
        if row.state != "suspended":
            book.change(providers, row, state="suspended")

    office.change(work)
    return get(office, given)


def get(office: Office, given: JsonObject) -> JsonObject:
    """``providers/get``: a provider as they stand. Where their money goes is not told."""
    with office.read() as connection:
        return _said(find_provider(connection, str(given["provider"])))


def find(office: Office, given: JsonObject) -> JsonObject:
    """``providers/find``: those who fit, in the order in which they registered."""
    state = str(given.get("state") or "approved")
    wanted = Wanted(
        tuple(cast("Sequence[str]", given.get("skills") or ())),
        str(given.get("region") or ""),
        str(given.get("date") or ""),
    )
    query = sa.select(providers).where(providers.c.state == state).order_by(providers.c.created_at, providers.c.id)
    with office.read() as connection:
        rows = connection.execute(query).all()
    limit = cast("int", given.get("limit") or _MOST)
    fitting = [row for row in rows if fits(Candidate(row.id, tuple(row.skills), row.region, row.calendar), wanted)]
    return {"providers": cast("list[Json]", [_said(row) for row in fitting[:limit]])}


def notify(office: Office, given: JsonObject) -> JsonObject:
    """``providers/notify``: a mail with the signed address of a job, or of their own pages; nobody else gets it."""
    with office.read() as connection:
        row = find_provider(connection, str(given["provider"]))
        job = find_job(connection, str(given["job"])).id if given.get("job") else ""
    url = provider_address(office, job, row.id) if job else office.address(PORTAL, row.id)
    mail: dict[str, Json] = {"to": row.email}
    if given.get("template"):
        data = cast("JsonObject", given.get("data") or {})
        mail |= {"template": given["template"], "data": {"name": row.name, **data, "url": url}}
    else:
        text = str(given["text"])
        mail["text"] = text.replace(LINK, url) if LINK in text else f"{text.rstrip()}\n\n{url}"
    mail |= {"subject": given["subject"]} if given.get("subject") else {}
    language = given.get("language") or row.language
    mail |= {"language": language} if language and "template" in mail else {}
    office.call("mail", "send", mail, "mail")
    return {"provider": row.id, "sent": True}


# what providers and admins change on their pages


def find_provider(connection: sa.Connection, identity: str) -> Row:
    """A provider. Raises ``NotFoundError``."""
    row = connection.execute(sa.select(providers).where(providers.c.id == identity)).first()
    return found(providers, identity, row)


def is_registered(connection: sa.Connection, identity: str) -> bool:
    """Whether somebody of this id has registered."""
    return connection.execute(sa.select(providers.c.id).where(providers.c.id == identity)).first() is not None


def keep_calendar(office: Office, provider: str, days: Sequence[str]) -> None:
    """The days on which a provider is not free."""
    office.change(lambda book: book.change(providers, book.get(providers, provider), calendar=list(days)))


def keep_account(office: Office, provider: str, bank: JsonObject, by: str = "", language: str = "") -> bool:
    """The bank account to which a provider is paid; False when it was this one already. Raises ``NotFoundError``.

    A change is told to the provider by mail, and noted without the account where it was made ``by`` somebody else, both
    with the change itself: nobody can redirect the money unseen.
    """
    return _keep(office, provider, by, language, lambda _: {"bank": bank}, {"kind": kind_of(bank)})


def keep_gateway_account(office: Office, provider: str, connection: str, known: Json, by: str) -> bool:
    """How a gateway knows a provider and where its payouts go, as it is kept; told and noted like :func:`keep_account`.

    An empty text forgets it.
    """

    def changes(row: Row) -> Mapping[str, Json]:
        return {"accounts": {name: one for name, one in {**row.accounts, connection: known}.items() if one}}

    return _keep(office, provider, by, "", changes, {"connection": connection})


def _keep(  # noqa: PLR0913 (what is changed, by whom, and how that is told)
    office: Office,
    provider: str,
    by: str,
    language: str,
    changes: Callable[[Row], Mapping[str, Json]],
    detail: JsonObject,
) -> bool:
    def work(book: Book) -> bool:
        row = book.get(providers, provider)
        wanted = changes(row)
        if all(getattr(row, name) == value for name, value in wanted.items()):
            return False
        _tell_account(book, book.change(providers, row, **wanted), by, language, detail)
        return True

    return office.change(work)


def _tell_account(book: Book, row: Row, by: str, language: str, detail: JsonObject) -> None:
    book.wake_at(_MAIL, f"{row.id} {row.version} {language}".strip(), book.now)
    if by:
        book.note(by, "providers.account", row.id, detail)


def mail_account(office: Office, subject: str) -> None:
    """The timer: a provider is told by mail that their account is another one. ``subject``: who, their version, language."""
    provider, _, rest = subject.partition(" ")
    language = rest.partition(" ")[2]
    with office.read() as connection:
        spoken = language or find_provider(connection, provider).language or DEFAULT_LANGUAGE
    said = {name: phrase(spoken, f"provider.account_{name}") for name in ("subject", "text")}
    office.call("providers", "notify", {"provider": provider, **said}, "account")


def change_provider(  # noqa: PLR0913 (what an admin says)
    office: Office, provider: str, given: JsonObject, accounts: Mapping[str, Json], rating: float | None, by: str
) -> None:
    """What an admin says of a provider; ``accounts``: how gateways know them, as they are kept, empty to forget it.

    Another one is told and noted like :func:`keep_account`. Raises ``PermanentError`` (``bad_input``).
    """
    values = checked_provider(given)
    if not values["name"]:
        raise PermanentError("The name is missing.", code="bad_input", remedy="Write what customers call them.")

    def work(book: Book) -> None:
        row = book.get(providers, provider)
        kept = {name: known for name, known in {**row.accounts, **accounts}.items() if known}
        changed = book.change(providers, row, rating=rating, accounts=kept, **values)
        others = sorted(name for name in {*kept, *row.accounts} if kept.get(name) != row.accounts.get(name))
        if others:
            _tell_account(book, changed, by, "", {"connections": cast("list[Json]", others)})

    office.change(work)


# what is told


def provider_event(row: Row) -> JsonObject:
    """The data of a ``provider.*`` event."""
    told: JsonObject = {
        "provider": row.id,
        "name": row.name,
        "email": row.email,
        "phone": row.phone or None,
        "skills": list(row.skills),
        "region": row.region or None,
        "language": row.language,
    }
    return {name: value for name, value in told.items() if value is not None}


def _said(row: Row) -> JsonObject:
    rating: JsonObject = {"rating": row.rating} if row.rating is not None else {}
    has_bank = bool(row.bank)
    return {**provider_event(row), "state": row.state, "away": list(row.calendar), "has_bank": has_bank, **rating}


ACTIONS: Final[Mapping[str, Action]] = {
    "register": register,
    "approve": approve,
    "suspend": suspend,
    "find": find,
    "get": get,
    "notify": notify,
}
TIMERS: Final[Mapping[str, Timer]] = {_MAIL: mail_account}
