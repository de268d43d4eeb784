"""The page of an order: what it holds, what it costs, and the ways to pay it. No log-in: its address is signed.

What is paid and how much comes from the order. A browser says only which of the ways offered it takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
from flask import render_template, request, url_for

from hub.commerce import paying
from hub.commerce.invoice_payments import billing
from hub.commerce.invoice_reading import find_invoice
from hub.commerce.order_reading import due_of, find_order, lines_of, payments_of, references
from hub.commerce.surplus import not_needed
from hub.errors import HubError, NotFoundError
from hub.money import Money
from hub.payments.payment import UNPAID
from hub.payments.receipts import PAGE, receipts_of
from hub.secrets import LinkError
from hub.web.access import Pages, Role
from hub.web.sessions import the_hub
from hub.web.speech import moment, speak
from hub.web.visitors import ask_gateways, back_to, form_key, lead_on, leads_nowhere, new_key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import sqlalchemy as sa
    from flask.typing import ResponseReturnValue

    from hub.commerce.order_lines import Line

log = structlog.get_logger(__name__)

pages = Pages("shop", __name__)
pages.register_error_handler(LinkError, leads_nowhere)
pages.register_error_handler(NotFoundError, leads_nowhere)

_WAITING = frozenset({"pending", "authorized"})


@dataclass(frozen=True, slots=True)
class Standing:
    """An order as its customer sees it. ``state``: open, failed, waiting, paid, cancelled or expired."""

    order: sa.Row[Any]
    lines: Sequence[Line]
    payments: Sequence[sa.Row[Any]]
    invoice: sa.Row[Any] | None
    """What bills it."""

    @property
    def state(self) -> str:
        """How it stands; one that is open may have a payment that is under way, or one that just failed."""
        if self.order.state != "open":
            return str(self.order.state)
        states = [row.at_gateway for row in self.payments]
        if _WAITING & set(states):
            return "waiting"
        return "failed" if states and states[-1] in UNPAID else "open"

    @property
    def tax(self) -> Money:
        """The tax that the total holds."""
        return Money.total((line.tax for line in self.lines), self.order.currency)

    @property
    def refunded(self) -> int:
        """What went back of the payment that was taken, in minor units."""
        return sum(row.refunded for row in self.payments if row.state == "taken")

    @property
    def surplus(self) -> Sequence[sa.Row[Any]]:
        """Payments that the order did not need."""
        return not_needed(self.payments)


@pages.page("/o/<token>", Role.PUBLIC, limit="120 per minute")
def show(token: str) -> ResponseReturnValue:
    """The order as it stands. Who comes back from a gateway (``?back=1``) has it asked how the payment went."""
    identity = _identity(token)
    if request.args.get("back"):
        ask_gateways(_standing(identity).payments)
    return _page(token, identity)


@pages.page("/o/<token>", Role.PUBLIC, method="POST", limit="30 per minute", cross_site=True, again=show)
def pay(token: str) -> ResponseReturnValue:
    """Begin to pay the rest by the way that was chosen; a double click begins it once."""
    hub, identity = the_hub(), _identity(token)
    office = hub.office(f"order {identity} {form_key(request.form.get('key', ''))}")
    standing = _standing(identity)
    order, chosen = standing.order, request.form.get("connection", "")
    due = due_of(order)
    if order.state != "open" or chosen not in {one.connection for one in _options(order)}:
        return _page(token, identity), 409
    try:
        address = paying.begin(
            office,
            chosen,
            due,
            references(order),
            description=order.description or _described(standing),
            customer=order.customer,
            return_url=back_to(office.address("o", identity)),
            metadata=order.metadata,
        )
    except HubError as error:
        log.warning("payment_not_begun", order=identity, connection=chosen, reason=str(error))
        return _page(token, identity, begun=False), 502
    return lead_on(address)


def _page(token: str, identity: str, *, begun: bool = True) -> str:
    standing = _standing(identity)
    order = standing.order
    if "form" in (order.metadata or {}):
        speak(order.metadata.get("language"))
    until = order.due_at and moment(order.due_at)
    bill = standing.invoice
    with the_hub().database.read() as connection:
        made = receipts_of(connection, [(row.connection, row.payment) for row in standing.payments])
    return render_template(
        "order.html",
        standing=standing,
        order=order,
        due=due_of(order),
        options=_options(order) if order.state == "open" else (),
        bill=bill and the_hub().pages.page("i", bill.id),
        receipts=[the_hub().pages.page(PAGE, one.id) for one in made],
        begun=begun,
        until=until,
        key=new_key(),
        post_to=url_for("shop.pay", token=token, lang=request.args.get("lang")),
        look=url_for("shop.show", token=token, back=1, lang=request.args.get("lang")),
        token=token,
    )


def _standing(identity: str) -> Standing:
    with the_hub().database.read() as connection:
        order = find_order(connection, identity)
        bill = billing(connection, identity)
        invoice = find_invoice(connection, bill) if bill is not None else None
        return Standing(order, lines_of(connection, order), payments_of(connection, identity), invoice)


def _options(order: sa.Row[Any]) -> tuple[paying.Option, ...]:
    return paying.options(the_hub().office("read"), due_of(order), order.connections)


def _described(standing: Standing) -> str:
    """What the payer reads at the gateway where nobody wrote a description."""
    first = standing.lines[0].title
    more = len(standing.lines) - 1
    return f"{first} + {more}" if more else first


def _identity(token: str) -> str:
    return the_hub().pages.identity("o", token)
