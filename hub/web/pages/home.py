"""Home: the first steps on a new hub, what happened today, what needs a person, how the connections are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa
from flask import redirect, render_template, url_for

from hub.commerce.job_returns import unpaid_again
from hub.engine.alerts import is_failing
from hub.engine.stuck import stuck_work
from hub.engine.unreturned import unreturned
from hub.journal.queries import EventFilter, RunFilter
from hub.journal.tables import payments
from hub.journal.tables_work import jobs
from hub.payments.lapsing import Lapsing, lapsing
from hub.payments.undecided import undecided
from hub.web.access import Pages, Role
from hub.web.formatting import start_of_today
from hub.web.sessions import actor, seen_by_reader, the_hub

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from hub.journal.rows import ConnectionRow

pages = Pages("home", __name__)

_DISMISSED = "first_steps_done"
_SHOWN = 5
_LOOKED_BACK = timedelta(days=7)
_UNDECIDED = {
    "refunds_to_approve": ("refund is to be approved", "refunds are to be approved", "ledger.waiting"),
    "refunds": ("refund may have gone out or not", "refunds may have gone out or not", "ledger.waiting"),
    "charges": ("member may have been charged or not", "members may have been charged or not", "subscriptions.index"),
    "payouts": ("payout may have gone out or not", "payouts may have gone out or not", "payouts.index"),
    "divisions": ("release may have happened or not", "releases may have happened or not", "escrow.show"),
    "odd": ("thing has news that do not fit", "things have news that do not fit", "odd.show"),
    "differences": ("difference to a gateway’s list", "differences to gateways’ lists", "ledger.compared"),
}
"""Of each kind of money that waits for a person: the words for one and for several, and the page that decides it."""


@dataclass(frozen=True, slots=True)
class FirstStep:
    """One thing that a newcomer does. ``links``: words, address, whether it leaves the pages."""

    title: str
    text: str
    links: tuple[tuple[str, str, bool], ...]
    done: bool


@pages.page("/", Role.VIEWER)
def show() -> ResponseReturnValue:
    """The home page."""
    hub = the_hub()
    now = hub.now()
    today = start_of_today()
    failed = hub.queries.runs(RunFilter(status="failed", since=now - _LOOKED_BACK), limit=_SHOWN + 1).items
    uncertain = hub.queries.runs(RunFilter(status="uncertain"), limit=_SHOWN + 1).items
    connections = hub.store.connections()
    steps = _first_steps(connections)
    return render_template(
        "home.html",
        counts=hub.queries.counts(today),
        failed=failed,
        uncertain=uncertain,
        stuck=stuck_work(hub),
        unreturned=unreturned(hub),
        undecided=_undecided(),
        lapsing=_lapsing(),
        money=hub.payments.store.totals(payments.c.created_at >= today),
        questions=hub.queries.open_questions(_SHOWN),
        ailing=[row for row in connections if row.enabled and row.health.get("test_ok") is False],
        failing=[row for row in connections if is_failing(row, now)],
        connections=connections,
        recent=hub.queries.runs(RunFilter(), limit=_SHOWN).items,
        backlog=hub.queries.backlog(now),
        now=now,
        steps=steps,
        next_step=next((step for step in steps if not step.done), None),
        shown=_SHOWN,
    )


def _undecided() -> list[tuple[str, str]]:
    """Money that waits for a person: in words, and where it is decided."""
    with the_hub().database.read() as connection:
        found = undecided(connection)
        unpaid = connection.scalar(sa.select(sa.func.count()).select_from(jobs).where(unpaid_again())) or 0
    words = []
    if unpaid:
        said = "job goes on though its payment was" if unpaid == 1 else "jobs go on though their payments were"
        words.append((f"{unpaid} {said} taken back", url_for("jobs.index")))
    for kind, (one, many, page) in _UNDECIDED.items():
        if (waiting := found.get(kind)) is not None:
            place = url_for(page, hold=waiting.one) if kind == "divisions" else url_for(page)
            words.append((f"{waiting.count} {one if waiting.count == 1 else many}", place))
    return words


def _lapsing() -> list[Lapsing]:
    """Held money that the payer's bank is about to let go of."""
    hub = the_hub()
    with hub.database.read() as connection:
        return lapsing(connection, hub.now())


@pages.page("/first-steps/done", Role.EDITOR, method="POST")
def dismiss() -> ResponseReturnValue:
    """Put the list of first steps away."""
    hub = the_hub()
    hub.store.put_fact(_DISMISSED, True, hub.now())
    hub.store.note(actor(), "first_steps.dismiss", "home", hub.now())
    return redirect(url_for("home.show"), 303)


def _first_steps(connections: list[ConnectionRow]) -> tuple[FirstStep, ...]:
    """The list, while it is of use: on a hub with the sandbox on, until somebody puts it away."""
    hub = the_hub()
    if not hub.settings.sandbox_on or hub.store.fact(_DISMISSED) is True:
        return ()
    sandbox = next((row.name for row in connections if row.connector == "sandbox"), "")
    if not sandbox or not hub.store.recipes():
        return (
            FirstStep(
                "Install the example",
                "A sandbox gateway, a sandbox CRM and a recipe that brings who paid into the CRM and says welcome by mail. "
                "No account is needed, no money moves.",
                (("Open the gallery", url_for("recipes.gallery"), False),),
                done=False,
            ),
        )
    paid = hub.queries.events(EventFilter(type="payment.*", source=sandbox), limit=1).items
    runs = hub.queries.runs(RunFilter(event_id=paid[0].id), limit=1).items if paid else ()
    finished = bool(runs) and runs[0].status == "succeeded"
    event = url_for("events.show", event_id=paid[0].id) if paid else url_for("events.index")
    run = url_for("runs.show", run_id=runs[0].id) if runs else url_for("runs.index")
    seen = seen_by_reader()
    return (
        FirstStep(
            "Pay on the sandbox",
            "Play a customer: make a payment, open its pay page, choose Pay and continue. No money moves.",
            (("Pay something", "/sandbox/", True),),
            done=bool(paid),
        ),
        FirstStep(
            "See the event",
            "The sandbox sent a signed webhook. The hub checked the signature and recorded the payment once.",
            (("Show the event", event, False),),
            done=bool(paid) and "event" in seen,
        ),
        FirstStep(
            "See the run",
            "The event started a recipe. Its run shows each step: what was sent, what came back, how long it took.",
            (("Show the run", run, False),),
            done=finished and "run" in seen,
        ),
        FirstStep(
            "See the contact and the mail",
            "The customer is in the sandbox CRM now. The welcome mail is in the outbox, as no mail server is set.",
            (("Open the CRM", "/sandbox/crm/", True), ("Open the outbox", url_for("outbox.index"), False)),
            done=finished and "mail" in seen,
        ),
    )
