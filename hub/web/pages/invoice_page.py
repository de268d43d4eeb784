"""The page of an invoice: what it bills, the paper, and the ways to pay it. No log-in: its address is signed.

What is paid and how much comes from the invoice. A browser says only which of the ways offered it takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from babel.dates import format_date
from flask import render_template, request, url_for

from hub.commerce import paying
from hub.commerce.invoice_pdf import invoice_paper
from hub.commerce.invoice_reading import PAYABLE, due_of, find_invoice, payments_of, references, surplus_of
from hub.commerce.order_reading import payments_of as payments_of_order
from hub.commerce.surplus import not_needed
from hub.errors import HubError, NotFoundError
from hub.money import Money
from hub.payments.payment import UNPAID
from hub.secrets import LinkError
from hub.web.access import Pages, Role
from hub.web.codes import code_picture
from hub.web.papers import paper_answer
from hub.web.sessions import the_hub
from hub.web.speech import say, visitor_language
from hub.web.visitors import ask_gateways, back_to, form_key, lead_on, leads_nowhere, new_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa
    from flask import Response
    from flask.typing import ResponseReturnValue


log = structlog.get_logger(__name__)

pages = Pages("invoice", __name__)
pages.register_error_handler(LinkError, leads_nowhere)
pages.register_error_handler(NotFoundError, leads_nowhere)

_WAITING = frozenset({"pending", "authorized"})


@pages.page("/i/<token>", Role.PUBLIC, limit="120 per minute")
def show(token: str) -> ResponseReturnValue:
    """The invoice as it stands. Who comes back from a gateway (``?back=1``) has it asked how the payment went."""
    identity = _identity(token)
    if request.args.get("back"):
        ask_gateways(_standing(identity)[1])
    return _page(token, identity)


@pages.page("/i/<token>", Role.PUBLIC, method="POST", limit="30 per minute", cross_site=True, again=show)
def pay(token: str) -> ResponseReturnValue:
    """Begin to pay the rest by the way that was chosen; a double click begins it once."""
    identity = _identity(token)
    office = the_hub().office(f"invoice {identity} {form_key(request.form.get('key', ''))}")
    invoice, _ = _standing(identity)
    chosen = request.form.get("connection", "")
    if chosen not in {one.connection for one in _options(invoice)}:
        return _page(token, identity), 409
    try:
        address = paying.begin(
            office,
            chosen,
            due_of(invoice),
            references(invoice),
            description=say("invoice.title", number=invoice.number),
            customer=invoice.customer,
            return_url=back_to(office.address("i", identity)),
            metadata=invoice.metadata,
        )
    except HubError as error:
        log.warning("payment_not_begun", invoice=identity, connection=chosen, reason=str(error))
        return _page(token, identity, begun=False), 502
    return lead_on(address)


@pages.page("/i/<token>/invoice.pdf", Role.PUBLIC, limit="60 per minute")
def paper(token: str) -> ResponseReturnValue:
    """The invoice as PDF."""
    identity = _identity(token)
    with the_hub().database.read() as connection:
        invoice = _issued(connection, identity)
    return pdf_answer(invoice)


def pdf_answer(invoice: sa.Row[Any]) -> Response:
    """An invoice as PDF, under a name that says its number."""
    return paper_answer(invoice_paper(the_hub().office("read"), invoice))


def _page(token: str, identity: str, *, begun: bool = True) -> str:
    invoice, payments = _standing(identity)
    day = format_date(invoice.due_at.date(), "long", visitor_language())
    return render_template(
        "invoice.html",
        invoice=invoice,
        state=_state(invoice, payments),
        due=due_of(invoice).to_json(),
        total=Money(invoice.total, invoice.currency).to_json(),
        surplus=surplus_of(invoice),
        options=_options(invoice),
        given_back=_given_back(invoice),
        code=_code(identity) if invoice.state in PAYABLE else None,
        is_late=invoice.overdue_at is not None and invoice.state in PAYABLE,
        begun=begun,
        day=day,
        key=new_key(),
        post_to=url_for("invoice.pay", token=token, lang=request.args.get("lang")),
        look=url_for("invoice.show", token=token, back=1, lang=request.args.get("lang")),
        token=token,
    )


def _code(identity: str) -> str:
    """What another phone scans to come to this page."""
    return code_picture(the_hub().pages.page("i", identity), say("invoice.scan_to_pay"))


def _given_back(invoice: sa.Row[Any]) -> Sequence[sa.Row[Any]]:
    """Payments that came in when the order that it bills was paid already."""
    if invoice.order is None:
        return ()
    with the_hub().database.read() as connection:
        return not_needed(payments_of_order(connection, invoice.order))


def _state(invoice: sa.Row[Any], payments: Sequence[sa.Row[Any]]) -> str:
    """How it stands for its customer: also whether a payment is under way, or the last one failed."""
    if invoice.state not in PAYABLE:
        return str(invoice.state)
    states = [row.at_gateway for row in payments]
    if _WAITING & set(states):
        return "waiting"
    return "failed" if states and states[-1] in UNPAID else "open"


def _standing(identity: str) -> tuple[sa.Row[Any], Sequence[sa.Row[Any]]]:
    with the_hub().database.read() as connection:
        return _issued(connection, identity), payments_of(connection, identity)


def _issued(connection: sa.Connection, identity: str) -> sa.Row[Any]:
    """The invoice. Raises ``NotFoundError`` for a draft, which nobody outside sees."""
    invoice = find_invoice(connection, identity)
    if invoice.number is None:
        message = f"The invoice {identity} is not issued."
        raise NotFoundError(message, remedy="Issue it first.")
    return invoice


def _options(invoice: sa.Row[Any]) -> tuple[paying.Option, ...]:
    if invoice.state not in PAYABLE:
        return ()
    return paying.options(the_hub().office("read"), due_of(invoice), invoice.connections)


def _identity(token: str) -> str:
    return the_hub().pages.identity("i", token)
