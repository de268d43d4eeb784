"""Paying with a choice of gateway: which connections can take an amount, and the checkout that a payer's click begins.

Invoices, orders, forms and jobs all lead their payers through here. Amounts come from the caller, who has them from the
database; none is ever taken from a browser.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import sqlalchemy as sa

from hub.connect.amounts import to_gateway
from hub.connect.manifest import Kind, Support
from hub.errors import ConfigError, ConflictError, HubError, MoneyError, NotFoundError, PermanentError
from hub.ids import derived_id
from hub.journal.tables import payments
from hub.journal.tables_commerce import pay_attempts
from hub.money import Money

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hub.connect.manifest import Manifest
    from hub.journal.book import Book
    from hub.jsontypes import Json, JsonObject
    from hub.office import Office

OPTIONS_FACT: Final = "pay_options"
"""The setting of the installation: connection -> ``{title, place, hidden, methods}``: under which name and as which of them
payers are offered it, and to which means it is limited."""

FRESH: Final = timedelta(minutes=30)
"""For so long a click on the same option leads to the checkout that an earlier one began."""

_BEING_BEGUN: Final = timedelta(minutes=2)
_UNDECIDED: Final = frozenset({"created", "pending", "authorized"})
_SUBJECTS: Final = ("order", "invoice", "job")


@dataclass(frozen=True, slots=True)
class Option:
    """A way to pay that a payer may choose. ``methods``: the means it is limited to, none for all that the account has.

    ``refusal``: why it cannot take this amount; empty when it can.
    """

    connection: str
    title: str
    methods: tuple[str, ...] = ()
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a click asks for. ``subject``: the id of what is paid. ``hold``: the terms on which the money is held."""

    option: Option
    amount: Money
    subject: str
    given: JsonObject
    hold: JsonObject | None


def options(office: Office, amount: Money, connections: Sequence[str] | None = None) -> tuple[Option, ...]:
    """The connections that can take this amount, in the order in which ``connections`` names them.

    None: all gateways that are switched on and not hidden in the settings, in the settings' order, then by name.
    """
    return tuple(option for option in judged(office, amount, connections) if not option.refusal)


def judged(office: Office, amount: Money, connections: Sequence[str] | None = None) -> tuple[Option, ...]:
    """As :func:`options`, with those that cannot, each with its reason."""
    settings = cast("Mapping[str, Mapping[str, Json]]", office.fact(OPTIONS_FACT) or {})
    switched_on = office.connections()
    found = []
    for name in connections if connections is not None else in_order(switched_on, settings):
        own = settings.get(name) or {}
        if connections is None and own.get("hidden"):
            continue
        manifest = _manifest(office, name) if name in switched_on else None
        if manifest is None:
            found.append(Option(name, name, refusal=f"The connection {name} is not there, or is switched off."))
        elif manifest.kind is Kind.GATEWAY:
            methods = tuple(cast("Sequence[str]", own.get("methods") or ()))
            title = str(own.get("title") or manifest.title)
            found.append(Option(name, title, methods, refusal(manifest, amount)))
        elif connections is not None:
            found.append(Option(name, name, refusal=f"{manifest.title} takes no payments."))
    return tuple(found)


def in_order(connections: Sequence[str], settings: Mapping[str, Mapping[str, Json]]) -> Sequence[str]:
    """Connections as payers are offered them: those with a place first."""

    def place(name: str) -> tuple[bool, int]:
        found = (settings.get(name) or {}).get("place")
        return (False, found) if isinstance(found, int) else (True, 0)

    return sorted(connections, key=place)


def refusal(manifest: Manifest, amount: Money) -> str:
    """Why this gateway cannot take the amount, in a sentence; empty when it can."""
    never = takes_nothing(manifest)
    if never:
        return never
    try:
        to_gateway(amount, manifest.currencies)
    except MoneyError as error:
        return f"{manifest.title}: {error.message}"
    limits = manifest.capabilities["single_payment"].limits
    currencies = cast("Sequence[str] | None", limits.get("currencies"))
    if currencies is not None and amount.currency not in currencies:
        return f"{manifest.title} takes {', '.join(currencies)} only."
    return _outside(manifest.title, amount, limits, alone=currencies is not None and len(currencies) == 1)


def takes_nothing(manifest: Manifest) -> str:
    """Why this gateway takes no payment whatever; empty when it takes some."""
    cell = manifest.capabilities.get("single_payment")
    if cell is None or cell.status is Support.NONE or "payment.create" not in manifest.actions:
        return cell.reason if cell is not None and cell.reason else f"{manifest.title} takes no payments from payers."
    return ""


def begin(  # noqa: PLR0913 (what makes one payment)
    office: Office,
    connection: str,
    amount: Money,
    references: Mapping[str, str],
    *,
    description: str,
    customer: JsonObject | None,
    return_url: str,
    metadata: JsonObject | None = None,
    hold: JsonObject | None = None,
) -> str:
    """Begin to pay by a connection; gives the address where the payer pays, and comes back from to ``return_url``.

    ``references`` says what is paid, exactly one of ``{"order": id}``, ``invoice`` or ``job``. Two clicks within half an
    hour lead to one checkout, while its payment is undecided and its address has not run out. With ``hold``, the further
    input of ``payments/hold``, the money is held and not taken for good. Raises ``PermanentError`` (``method_unavailable``:
    it cannot take this amount), ``ConflictError`` (another click is beginning it at this moment), and what the gateway's
    ``payment.create`` raises; the next click begins anew then.
    """
    option = next(iter(judged(office, amount, [connection])))
    if option.refusal:
        raise PermanentError(option.refusal, code="method_unavailable", remedy="Choose another way to pay.")
    given: JsonObject = {
        **references,
        "amount": amount.to_json(),
        "return_url": return_url,
        "cancel_url": return_url,
        **({"description": description[:500]} if description else {}),
        **({"methods": list(option.methods)} if option.methods else {}),
        **({"customer": customer} if customer else {}),
        **({"metadata": metadata} if metadata else {}),
    }
    asked = _Asked(option, amount, _subject(references), given, hold)
    attempt = office.change(lambda book: _attempt(book, office.key, asked))
    if attempt.state == "begun":
        return str(attempt.url)
    try:
        return _begun(office, asked, attempt.id)
    except HubError:
        office.change(lambda book: _settle(book, attempt.id, state="failed"))
        raise


def _begun(office: Office, asked: _Asked, attempt: str) -> str:
    name, part = asked.option.connection, f"pay:{attempt}"
    if asked.hold is None:
        output = office.call(name, "payment.create", asked.given, part)
    else:
        output = office.call("payments", "hold", {**asked.given, **asked.hold, "connection": name}, part)
    url = output.get("checkout_url")
    if not isinstance(url, str):
        message = f"{asked.option.title} gave no address at which {asked.subject} could be paid."
        raise PermanentError(message, code="method_unavailable", remedy="Choose another way to pay.")
    expires = output.get("expires_at")
    expires_at = datetime.fromisoformat(expires) if isinstance(expires, str) else None
    values = {"state": "begun", "payment": str(output["payment"]), "url": url, "expires_at": expires_at}
    office.change(lambda book: _settle(book, attempt, **values))
    return url


def _subject(references: Mapping[str, str]) -> str:
    found = next((references[name] for name in _SUBJECTS if name in references), None)
    if found is None:
        message = f"A payment must say what it is for: one of {', '.join(_SUBJECTS)}."
        raise PermanentError(message, code="bad_input", remedy="Give the reference.")
    return found


def _attempt(book: Book, key: str, asked: _Asked) -> sa.Row[Any]:
    """The checkout that this click leads to: one that is open still, or a new one, whose intent is written here."""
    subject, connection, amount = asked.subject, asked.option.connection, asked.amount
    last = _last(book.connection, subject, connection)
    if last is not None and _is_good(book, last, key, amount):
        return last
    number = last.number + 1 if last is not None else 1
    identity = derived_id("att", subject, connection, str(number))
    row = {
        "id": identity,
        "subject": subject,
        "connection": connection,
        "number": number,
        "currency": amount.currency,
        "minor": amount.minor,
        "key": key,
        "state": "beginning",
    }
    if not book.insert(pay_attempts, row):
        raise _being_begun()
    return book.get(pay_attempts, identity)


def _last(connection: sa.Connection, subject: str, name: str) -> sa.Row[Any] | None:
    chosen = (pay_attempts.c.subject == subject, pay_attempts.c.connection == name)
    query = sa.select(pay_attempts).where(*chosen).order_by(pay_attempts.c.number.desc()).limit(1)
    return connection.execute(query).first()


def _is_good(book: Book, attempt: sa.Row[Any], key: str, amount: Money) -> bool:
    """Whether a click may go on with an earlier attempt. Raises ``ConflictError`` while another click is beginning it."""
    same = (attempt.minor, attempt.currency) == (amount.minor, amount.currency)
    if attempt.state == "beginning":
        if attempt.key == key and same:
            return True  # the same click, repeated after a crash
        if book.now - attempt.created_at < _BEING_BEGUN:
            raise _being_begun()
        return False
    if attempt.state != "begun" or not same or book.now - attempt.created_at >= FRESH:
        return False
    if attempt.expires_at is not None and attempt.expires_at <= book.now:
        return False
    place = (payments.c.connection == attempt.connection, payments.c.payment == attempt.payment)
    state = book.connection.scalar(sa.select(payments.c.state).where(*place))
    return state is None or state in _UNDECIDED


def _being_begun() -> ConflictError:
    message = "This payment is being begun at this very moment."
    return ConflictError(message, remedy="Wait a moment and press the button again.")


def _settle(book: Book, identity: str, **values: object) -> None:
    row = book.get(pay_attempts, identity)
    if row.state == "beginning":
        book.change(pay_attempts, row, **values)


def _manifest(office: Office, connection: str) -> Manifest | None:
    try:
        return office.manifest(connection)
    except (ConfigError, NotFoundError):
        return None


def _outside(title: str, amount: Money, limits: JsonObject, *, alone: bool) -> str:
    """Why the amount is outside the gateway's limits, ``least_inr_minor`` and the like.

    ``least_minor`` holds where the gateway takes one currency ``alone``.
    """
    for word, sign in (("least", -1), ("most", 1)):
        names = [f"{word}_{amount.currency.lower()}_minor", *([f"{word}_minor"] if alone else [])]
        limit = next((limits[name] for name in names if name in limits), None)
        if isinstance(limit, int) and (amount.minor - limit) * sign > 0:
            return f"{title} takes at {word} {Money(limit, amount.currency)}."
    return ""
