"""Work that is stuck: why, and what a person can say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for

from hub.engine.stuck import it_happened, stuck_work, try_again
from hub.errors import DeliveryError
from hub.web.access import Pages, Role
from hub.web.entries import Pressed, button_of, typed_in
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
    return render_template("stuck.html", stuck=stuck_work(the_hub()), pressed=pressed)


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
