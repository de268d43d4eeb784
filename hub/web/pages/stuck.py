"""Work that is stuck, and payments that could not be given back: why, and what a person can say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for

from hub.engine.stuck import it_happened, stuck_work, try_again
from hub.engine.unreturned import settle as settle_payment
from hub.engine.unreturned import unreturned
from hub.errors import DeliveryError, HubError
from hub.web.access import Pages, Role
from hub.web.entries import Pressed, button_of, typed_in
from hub.web.pages.account import safe_address
from hub.web.pages.events import parse_object
from hub.web.sessions import actor, the_hub

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from hub.jsontypes import JsonObject

pages = Pages("stuck", __name__)


@pages.page("/stuck", Role.VIEWER)
def show() -> ResponseReturnValue:
    """All of it."""
    return _page(Pressed())


def _page(pressed: Pressed) -> str:
    hub = the_hub()
    return render_template("stuck.html", stuck=stuck_work(hub), unreturned=unreturned(hub), pressed=pressed)


@pages.page("/stuck", Role.EDITOR, method="POST")
def decide() -> ResponseReturnValue:
    """Try again, or say that the call in doubt happened."""
    hub, kind, subject = the_hub(), request.form.get("kind", ""), request.form.get("subject", "")
    said: JsonObject = {"happened": button_of("do", ("happened", "again")) == "happened"}
    if said["happened"]:
        typed = typed_in(("output",), ("output",))
        try:
            output = parse_object(typed["output"] or "{}")
        except DeliveryError as error:
            return _page(Pressed(f"{kind} {subject}", typed, {"output": str(error)})), 422
        it_happened(hub, kind, subject, output)
    else:
        try_again(hub, kind, subject)
    hub.store.note(actor(), "work.decide", f"{kind}/{subject}", hub.now(), said)
    flash("Noted; it goes on within seconds. If it is stuck again, it stands here again.", "success")
    return redirect(url_for("stuck.show"), 303)


@pages.page("/stuck/payments", Role.EDITOR, method="POST")
def settle() -> ResponseReturnValue:
    """A payment that could not be given back: a person did it by hand, or the gateway is asked once more.

    It leads back to the page on which it was pressed.
    """
    hub, given_back = the_hub(), button_of("do", ("given_back", "again")) == "given_back"
    kind, subject, payment = (request.form.get(name, "") for name in ("kind", "subject", "payment"))
    try:
        settle_payment(hub, kind, subject, payment, given_back=given_back)
    except HubError as error:
        flash(str(error), "danger")
    else:
        done = "given_back" if given_back else "give_back_again"
        hub.store.note(actor(), f"{kind}.{done}", payment, hub.now())
        flash("Noted: it is given back." if given_back else "The hub asks the gateway once more.", "success")
    return redirect(safe_address(request.form.get("next") or url_for("stuck.show")), 303)
