"""The customer's page of a job: offers with their prices, the payment, and whether the work is as agreed. No log-in.

Its address is signed. What is paid and how much comes from the offer that was chosen, never from a browser.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

import structlog
from babel.dates import format_date
from flask import render_template, request, url_for

from hub.commerce.job_payments import pay as begin_to_pay
from hub.commerce.job_payments import ways_to_pay
from hub.commerce.job_reading import FOR_CUSTOMER, find_job, offers_of, payments_of, price_of
from hub.commerce.job_returns import is_to_pay
from hub.commerce.job_states import customer_may_cancel
from hub.commerce.providers import find_provider
from hub.commerce.surplus import not_needed
from hub.errors import HubError, NotFoundError, PermanentError
from hub.payments.payment import UNPAID
from hub.secrets import LinkError
from hub.web.access import Pages, Role
from hub.web.entries import typed_in
from hub.web.sessions import the_hub
from hub.web.speech import moment, say, speak, visitor_language
from hub.web.visitors import ask_gateways, back_to, form_key, lead_on, leads_nowhere, new_key

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from typing import Any

    import sqlalchemy as sa
    from flask.typing import ResponseReturnValue

    from hub.jsontypes import JsonObject

log = structlog.get_logger(__name__)

pages = Pages("job_page", __name__)
pages.register_error_handler(LinkError, leads_nowhere)
pages.register_error_handler(NotFoundError, leads_nowhere)

_STEPS: Final = frozenset({"choose", "confirm", "dispute", "cancel"})
_LONGEST_REASON: Final = 500
_MOST_DIGITS: Final = 18


@pages.page("/c/<token>", Role.PUBLIC, limit="120 per minute")
def show(token: str) -> ResponseReturnValue:
    """The job as it stands. Who comes back from a gateway (``?back=1``) has it asked how the payment went."""
    identity = _identity(token)
    if request.args.get("back"):
        ask_gateways(_payments(identity))
    return _page(token, identity, reason=_reason())


@pages.page("/c/<token>", Role.PUBLIC, method="POST", limit="30 per minute", cross_site=True, again=show)
def act(token: str) -> ResponseReturnValue:
    """Choose, pay, confirm, dispute or cancel. A double click is one act; one that comes too late is explained."""
    identity, do = _identity(token), request.form.get("do", "")
    reason = _reason()
    if len(reason) > _LONGEST_REASON:
        said = say("form.too_long", most=_LONGEST_REASON, written=len(reason))
        return _page(token, identity, reason=reason, wrong=said), 422
    office = the_hub().office(f"job {identity} {do} {form_key(request.form.get('key', ''))}")
    try:
        if do == "pay":
            back = back_to(office.address(FOR_CUSTOMER, identity))
            return lead_on(begin_to_pay(office, _job(identity), request.form.get("connection", ""), back))
        if do in _STEPS:
            office.call("jobs", do, _given(identity, do, reason), do)
    except PermanentError as error:
        log.info("job_step_refused", job=identity, do=do, reason=str(error))
        return _page(token, identity, failed="late" if error.code == "wrong_state" else "not_begun"), 409
    except HubError as error:
        log.warning("payment_not_begun", job=identity, do=do, reason=str(error))
        return _page(token, identity, failed="not_begun"), 502
    return _page(token, identity)


def _reason() -> str:
    return typed_in(("reason",), lines=("reason",))["reason"]


def _is_minor(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS


def _given(identity: str, do: str, reason: str) -> JsonObject:
    if do == "choose":
        price = request.form.get("price", "")
        seen: JsonObject = (
            {"price": {"minor": int(price), "currency": _job(identity).currency}} if _is_minor(price) else {}
        )
        return {"job": identity, "offer": request.form.get("offer", "")[:40] or "none", **seen}
    if do == "confirm":
        return {"job": identity}
    by: JsonObject = {"by_customer": True} if do == "cancel" else {}
    return {"job": identity, "reason": reason or f"customer_{do}s", **by}


def _page(token: str, identity: str, *, failed: str = "", reason: str = "", wrong: str = "") -> str:
    hub = the_hub()
    with hub.database.read() as connection:
        job = find_job(connection, identity)
        offers, payments = offers_of(connection, identity), payments_of(connection, identity)
        provider = find_provider(connection, job.provider) if job.provider else None
    speak((job.metadata or {}).get("language"))
    pays, returned = is_to_pay(job), any(row.state == "returned" for row in payments)
    price = price_of(job)
    return render_template(
        "job_customer.html",
        job=job,
        price=price.to_json() if price is not None else None,
        provider=provider,
        offers=[row for row in offers if row.kind == "offer" and row.state in {"open", "chosen"}],
        payment=_payment(payments),
        surplus=not_needed(payments),
        options=ways_to_pay(hub.office("read"), job) if pays else (),
        pays=pays,
        again=pays and returned,
        may_cancel=customer_may_cancel(job.state, job.date, hub.now().date().isoformat(), returned=returned),
        failed=failed,
        reason=reason,
        wrong=wrong,
        day=day_words(job.date),
        until=moment_words(job.due_at),
        key=new_key(),
        token=token,
        post_to=url_for("job_page.act", token=token, lang=request.args.get("lang")),
        look=url_for("job_page.show", token=token, back=1, lang=request.args.get("lang")),
    )


def _payment(rows: Sequence[sa.Row[Any]]) -> str:
    """How the payment stands: ``waiting`` or ``failed``; empty when neither is to be said."""
    states = [row.at_gateway for row in rows if row.state == "begun"]
    if "pending" in states:
        return "waiting"
    return "failed" if states and states[-1] in UNPAID else ""


def day_words(day: str | None) -> str:
    """A day of the calendar in the visitor's words; empty for none."""
    return format_date(date.fromisoformat(day), "full", visitor_language()) if day else ""


def moment_words(at: datetime | None) -> str:
    """A moment in the visitor's words and zone; empty for none."""
    return moment(at) if at is not None else ""


def _payments(identity: str) -> Sequence[sa.Row[Any]]:
    with the_hub().database.read() as connection:
        return payments_of(connection, identity)


def _job(identity: str) -> sa.Row[Any]:
    with the_hub().database.read() as connection:
        return find_job(connection, identity)


def _identity(token: str) -> str:
    return the_hub().pages.identity(FOR_CUSTOMER, token)
