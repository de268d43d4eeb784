"""The member's portal: what a customer has and until when, and their subscriptions to end, pause, resume, pay otherwise.

No log-in: its address is signed and mailed to the customer. Who asks for one is told the same, customer or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

import sqlalchemy as sa
import structlog
from babel.dates import format_date
from flask import Response, make_response, redirect, render_template, request, url_for

from hub.commerce.access import held, holds
from hub.commerce.form_fields import mail_address
from hub.commerce.portal import PAGE, Member, ask, member_of, portal_address, subscriptions_of
from hub.engine.new_means import Change, can_change, has_form
from hub.errors import ActionError, NotFoundError
from hub.journal.tables_billing import told_plans, value
from hub.payments.subscription import RETURNED
from hub.secrets import LinkError
from hub.web.access import Pages, Role
from hub.web.acting import manifest_of, offered
from hub.web.formatting import moment, reader_zone
from hub.web.sessions import the_hub
from hub.web.speech import asked_language, say, visitor_language
from hub.web.visitors import brand, form_key, lead_on, leads_nowhere, new_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from flask.typing import ResponseReturnValue

    from hub.connect.manifest import Manifest
    from hub.jsontypes import Json, JsonObject

log = structlog.get_logger(__name__)

pages = Pages("portal", __name__)
pages.register_error_handler(LinkError, leads_nowhere)
pages.register_error_handler(NotFoundError, leads_nowhere)

_ACTIONS: Final[Mapping[str, tuple[str, JsonObject]]] = {
    "cancel": ("subscription.cancel", {"at": "period_end"}),
    "pause": ("subscription.pause", {}),
    "resume": ("subscription.resume", {}),
}
_FITS: Final[Mapping[str, frozenset[str]]] = {
    "cancel": frozenset({"active", "past_due", "paused"}),
    "pause": frozenset({"active"}),
    "resume": frozenset({"paused"}),
    "card": frozenset({"active", "past_due", "paused"}),
}
"""In which states a button makes sense."""

_DONE: Final[Mapping[str, frozenset[str]]] = {
    "cancel": frozenset({"cancelling", "cancelled", "ended"}),
    "pause": frozenset({"paused"}),
    "resume": frozenset({"active"}),
    "card": frozenset(),
}
"""In which states what a button is pressed for is done already, by another press or by somebody else."""

_LOOKS: Final = 5
"""How often the page looks by itself whether the gateway has confirmed a change."""


@dataclass(frozen=True, slots=True)
class Held:
    """One thing that is open to the customer. ``until`` is a day in the visitor's words, empty for no end."""

    title: str
    address: str
    until: str


@dataclass(frozen=True, slots=True)
class Subscribed:
    """One subscription as its customer sees it. ``said`` is how it stands, in a sentence."""

    row: sa.Row[Any]
    name: str
    amount: Json
    said: str
    possible: frozenset[str]
    is_by_link: bool
    gateway: str
    payers_page: str
    """The gateway's page where payers change what it charges; empty where it has none."""
    card: str
    """What became of another card that was given just now: stored, waiting or kept (the old one); else empty."""

    @property
    def is_running(self) -> bool:
        """Whether it may be charged again."""
        return self.row.state not in {"cancelled", "ended", "cancelling"}


# asking for an address


@pages.page("/m", Role.PUBLIC, limit="60 per minute")
def front() -> ResponseReturnValue:
    """Where a customer asks for their address."""
    return _front(email=request.form.get("email", "").strip())


@pages.page("/m", Role.PUBLIC, method="POST", limit="5 per minute", cross_site=True, again=front)
def send() -> ResponseReturnValue:
    """Have it mailed."""
    email = request.form.get("email", "").strip()
    if mail_address(email) is None:
        return _front(email=email, wrong=say("form.email")), 422
    _ask(email)
    return _front(is_sent=True)


def _front(*, email: str = "", wrong: str = "", is_sent: bool = False, is_old: bool = False, token: str = "") -> str:
    return render_template(
        "portal_ask.html",
        email=email,
        wrong=wrong,
        is_sent=is_sent,
        is_old=is_old,
        token=token,
        post_to=url_for("portal.act", token=token, lang=asked_language())
        if is_old
        else url_for("portal.send", lang=asked_language()),
    )


def _ask(email: str) -> None:
    office = the_hub().office("portal")
    name = brand().name
    subject = f"{name}: {say('portal.mail_subject')}" if name else say("portal.mail_subject")
    ask(office, email, subject, say("portal.mail_text", address=portal_address(office, email.lower())))


# the portal


@pages.page("/m/<token>", Role.PUBLIC, limit="120 per minute")
def show(token: str) -> ResponseReturnValue:
    """What a customer has. An address that is too old brings a new one to the same mailbox."""
    member = _member(token)
    if not member.is_fresh:
        return _front(is_old=True, token=token)
    return _shown(token, member)


@pages.page("/m/<token>", Role.PUBLIC, method="POST", limit="30 per minute", cross_site=True, again=show)
def act(token: str) -> ResponseReturnValue:
    """End, pause or resume one of the customer's own subscriptions, or give it another card; a double click does it once."""
    member, do = _member(token), request.form.get("do", "")
    if not member.is_fresh:
        _ask(member.email)
        return _front(is_sent=True)
    if do not in _FITS:
        raise _nothing_of_yours()
    connection, subscription = request.form.get("connection", ""), request.form.get("subscription", "")
    row = _own(member, connection, subscription)
    address = url_for("portal.show", token=token, done=do, of=subscription, look=1, lang=asked_language())
    if do not in _possible(row):
        return redirect(address, 303) if row.state in _DONE[do] else _refused(token, member, row, "portal.not_now")
    try:
        if do == "card":
            return _give_card(row, address)
        _do(member, do, row)
    except ActionError as error:
        log.warning("portal_action_failed", connection=connection, subscription=subscription, do=do, reason=str(error))
        if do == "card" and error.code == "method_unavailable":  # no other try helps: the page says what does
            return _shown(token, member, without_card=subscription), 422
        return _refused(token, member, row, "portal.not_now" if error.code == "wrong_state" else "portal.not_done")
    return redirect(address, 303)


def _refused(token: str, member: Member, row: sa.Row[Any], why: str) -> ResponseReturnValue:
    return _shown(token, member, failed=row.subscription, why=why), 422


def _own(member: Member, connection: str, subscription: str) -> sa.Row[Any]:
    """One of the customer's own subscriptions. Raises ``NotFoundError`` for what is not theirs."""
    with the_hub().database.read() as reading:
        mine = {(row.connection, row.subscription): row for row in subscriptions_of(reading, member.email)}
    row = mine.get((connection, subscription))
    if row is None:
        raise _nothing_of_yours()
    return row


def _nothing_of_yours() -> NotFoundError:
    return NotFoundError("There is no such subscription of yours.", remedy="Look at the page again.")


def _do(member: Member, do: str, row: sa.Row[Any]) -> None:
    """Raises like an action."""
    hub = the_hub()
    action, given = _ACTIONS[do]
    office = hub.office(f"portal {member.email} {action} {row.subscription} {form_key(request.form.get('key', ''))}")
    office.call(row.connection, action, {"subscription": row.subscription, **given}, action)
    hub.store.note(f"customer {member.email}", action, row.subscription, hub.now(), {"connection": row.connection})


def takes_card(manifest: Manifest) -> bool:
    """Whether the portal can lead to where another card is given: a visit of the hub's, or the gateway's form."""
    return can_change(manifest) or has_form(manifest)


def _give_card(row: sa.Row[Any], back: str) -> ResponseReturnValue:
    """Lead the customer to where another card is given. Raises like an action."""
    hub = the_hub()
    manifest = hub.registry.get(hub.accounts.get(row.connection).connector).manifest
    with hub.database.read() as reading:
        name = _name(row, _plan_names(reading, [row]))
    back = f"{hub.settings.address}{back.removeprefix(request.script_root)}"
    key = form_key(request.form.get("key", ""))
    if has_form(manifest):
        return lead_on(hub.new_means.begin_form(Change(row, say("portal.card_form", what=name), key, back)))
    return lead_on(hub.new_means.begin(Change(row, say("portal.card_words", what=name), key, back)))


def _member(token: str) -> Member:
    return member_of(the_hub().pages.identity(PAGE, token), the_hub().now())


def _shown(token: str, member: Member, *, failed: str = "", why: str = "", without_card: str = "") -> Response:
    now = the_hub().now()
    with the_hub().database.read() as connection:
        accesses = [row for row in held(connection, member.email) if holds(row, now)]
        rows = subscriptions_of(connection, member.email)
        names = _plan_names(connection, rows)
    done, of = request.args.get("done", ""), request.args.get("of", "")
    waiting = {
        row.subscription for row in rows if row.subscription == of and done in _ACTIONS and row.state in _FITS[done]
    }
    subscribed = [_subscribed(row, names, can_card=row.subscription != without_card) for row in rows]
    look = request.args.get("look", default=0, type=int)
    page = render_template(
        "portal.html",
        member=member,
        held=_open(accesses),
        subscribed=subscribed,
        waiting=waiting,
        failed=failed,
        why=why,
        key=new_key(),
        token=token,
        post_to=url_for("portal.act", token=token, lang=asked_language()),
    )
    response = make_response(page)
    if (waiting or any(one.card == "waiting" for one in subscribed)) and 0 < look < _LOOKS:
        again = url_for("portal.show", token=token, done=done, of=of, look=look + 1, lang=asked_language())
        response.headers["Refresh"] = f"2; url={again}"
    return response


def _open(rows: Sequence[sa.Row[Any]]) -> list[Held]:
    """Each resource once, with the latest of its ends."""
    latest: dict[str, sa.Row[Any]] = {}
    for row in rows:
        known = latest.get(row.resource)
        if known is None or (known.until is not None and (row.until is None or row.until > known.until)):
            latest[row.resource] = row
    return [Held(row.title, row.address, _day(row.until)) for row in latest.values()]


def _plan_names(connection: sa.Connection, rows: Sequence[sa.Row[Any]]) -> Mapping[tuple[str, str], str]:
    wanted = sorted({row.plan for row in rows})
    query = sa.select(told_plans).where(told_plans.c.plan.in_(wanted))
    plans = connection.execute(query).all() if wanted else ()
    return {(plan.connection, plan.plan): str(value(plan.data, "name") or plan.plan) for plan in plans}


def _possible(row: sa.Row[Any]) -> frozenset[str]:
    """What the customer can do with a subscription as it stands: the buttons that are shown, and nothing else is done."""
    fitting = {name for name, states in _FITS.items() if row.state in states}
    there = offered(row.connection, [action for action, _ in _ACTIONS.values()])
    manifest = manifest_of(row.connection)
    possible = {name for name in fitting if name in _ACTIONS and _ACTIONS[name][0] in there}
    if "card" in fitting and manifest is not None and takes_card(manifest):
        possible.add("card")
    return frozenset(possible)


def _subscribed(row: sa.Row[Any], names: Mapping[tuple[str, str], str], *, can_card: bool) -> Subscribed:
    manifest = manifest_of(row.connection)
    is_asked = request.args.get("done") == "card" and request.args.get("of") == row.subscription
    return Subscribed(
        row=row,
        name=_name(row, names),
        amount=value(row.data, "amount"),
        said=_standing(row),
        possible=_possible(row) if can_card else _possible(row) - {"card"},
        is_by_link=manifest is not None and manifest.capabilities["recurring_payment"].limits.get("mode") == "link",
        gateway=manifest.title if manifest is not None else "",
        payers_page=manifest.links.get("payers", "") if manifest is not None else "",
        card=the_hub().new_means.standing(row.connection, row.subscription) if is_asked else "",
    )


def _name(row: sa.Row[Any], names: Mapping[tuple[str, str], str]) -> str:
    return names.get((row.connection, row.plan), row.plan)


def _standing(row: sa.Row[Any]) -> str:
    period = cast("JsonObject", value(row.data, "period") or {})
    end = moment(cast("str | None", period.get("end")))
    paid = _day(end)
    if row.state == "cancelling":
        day = _day(moment(cast("str | None", value(row.data, "cancel_at")))) or paid
        return say("portal.cancelling", day=day) if day else say("portal.ending")
    if row.state == "past_due" and value(row.data, "reason") == RETURNED:
        return say("portal.returned")
    if row.state in {"past_due", "paused"}:
        return say(f"portal.{row.state}")
    if row.state in {"cancelled", "ended"}:
        return say("portal.over")
    trial = moment(cast("str | None", value(row.data, "trial_ends_at")))
    if trial is not None and end is not None and trial >= end:
        return say("portal.trial", day=paid)
    return say("portal.active", day=paid) if paid else say("portal.running")


def _day(at: datetime | None) -> str:
    return format_date(at.astimezone(reader_zone()), "long", locale=visitor_language()) if at is not None else ""
