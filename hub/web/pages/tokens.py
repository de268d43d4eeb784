"""Settings: the API's tokens, and the webhooks that the hub sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from flask import flash, redirect, render_template, request, url_for

from hub.engine.outgoing import MessageFilter, Outgoing
from hub.engine.tokens import RESOURCES, SCOPES, Tokens, state_of
from hub.errors import ConfigError, PermanentError
from hub.web.access import Pages, Role
from hub.web.acting import form_key
from hub.web.entries import end_of_day, typed_in
from hub.web.pages.runs import PERIODS, since_of
from hub.web.sessions import actor, the_hub

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flask.typing import ResponseReturnValue

pages = Pages("tokens", __name__)

_TOKEN: Final = ("title", "expires_on")
_WEBHOOK: Final = ("title", "url", "types")
_MESSAGES: Final = 50
_ASKED: Final = ("text", "state", "period")
_STATES: Final = ("waiting", "delivered", "failed")


# tokens


@pages.page("/settings/tokens", Role.ADMIN)
def index() -> ResponseReturnValue:
    """The tokens that there are, and the form of a new one."""
    return _tokens(dict.fromkeys(_TOKEN, ""), (), {})


@pages.page("/settings/tokens", Role.ADMIN, method="POST")
def create() -> ResponseReturnValue:
    """Make a token and show its secret, once; or say at each field what is wrong."""
    typed = typed_in(_TOKEN)
    chosen, wrong = tuple(request.form.getlist("scopes")), dict[str, str]()
    end = end_of_day(typed["expires_on"], wrong, "expires_on")
    if not wrong:
        try:
            _, secret = Tokens(the_hub()).create(typed["title"], chosen, end, actor())
        except ConfigError as error:
            field = "expires_on" if error.code == "expires_at" else error.code
            wrong[field] = str(error)
        else:
            return _tokens(dict.fromkeys(_TOKEN, ""), (), {}, made=(typed["title"], secret))
    return _tokens(typed, chosen, wrong), 422


@pages.page("/settings/tokens/<identity>/revoke", Role.ADMIN, method="POST")
def revoke(identity: str) -> ResponseReturnValue:
    """Nobody gets in by it any more."""
    title = Tokens(the_hub()).revoke(identity, actor())
    flash(f"The token {title} is revoked.", "success")
    return redirect(url_for("tokens.index"), 303)


def _tokens(
    typed: Mapping[str, str], chosen: Sequence[str], wrong: Mapping[str, str], made: tuple[str, str] | None = None
) -> str:
    now = the_hub().now()
    rows = [(row, state_of(row, now)) for row in Tokens(the_hub()).list()]
    return render_template(
        "settings_tokens.html",
        rows=rows,
        resources=RESOURCES,
        scopes=SCOPES,
        typed=typed,
        chosen=chosen,
        wrong=wrong,
        made=made,
        tab="tokens",
    )


# outgoing webhooks


@pages.page("/settings/webhooks", Role.ADMIN)
def webhooks() -> ResponseReturnValue:
    """The webhooks that the hub sends, and the form of a new one."""
    return _webhooks(dict.fromkeys(_WEBHOOK, ""), {})


@pages.page("/settings/webhooks", Role.ADMIN, method="POST")
def create_webhook() -> ResponseReturnValue:
    """Make one and show its secret, once; or say at the field what is wrong."""
    typed = typed_in(_WEBHOOK, ("types",))
    try:
        identity, secret = Outgoing(the_hub()).create(
            f"webhook {form_key()}", typed["title"], typed["url"], typed["types"].split(), actor()
        )
    except PermanentError as error:
        return _webhooks(typed, _fields(error)), 422
    return _webhook(identity, secret=secret)


@pages.page("/settings/webhooks/<identity>", Role.ADMIN)
def webhook(identity: str) -> ResponseReturnValue:
    """One webhook: what it was sent, and each try."""
    return _webhook(identity)


@pages.page("/settings/webhooks/<identity>", Role.ADMIN, method="POST")
def change_webhook(identity: str) -> ResponseReturnValue:
    """Another title, address or types; on or off; what failed once more; a new secret; or away with it."""
    outgoing, do = Outgoing(the_hub()), request.form.get("do", "")
    if do == "secret":
        return _webhook(identity, secret=outgoing.renew_secret(f"secret {form_key()}", identity, actor()))
    if do == "delete":
        outgoing.delete(identity, actor())
        flash("The webhook is deleted. Nothing more is sent there.", "success")
        return redirect(url_for("tokens.webhooks"), 303)
    if do == "again":
        count = outgoing.send_failed_again(identity, since_of(request.form.get("period", ""), the_hub().now()), actor())
        messages = "1 message is" if count == 1 else f"{count:,} messages are"
        flash(f"{messages} sent again." if count else "Nothing failed since then.", "success" if count else "info")
        return redirect(url_for("tokens.webhook", identity=identity), 303)
    if do in {"on", "off"}:
        outgoing.change(identity, actor(), enabled=do == "on")
        flash(
            "What waits is sent now."
            if do == "on"
            else "Nothing is sent there until you switch it on; what happens until then waits, for 30 days.",
            "success",
        )
        return redirect(url_for("tokens.webhook", identity=identity), 303)
    typed = typed_in(_WEBHOOK, ("types",))
    try:
        outgoing.change(identity, actor(), **{**typed, "types": typed["types"].split()})
    except PermanentError as error:
        return _webhook(identity, typed=typed, wrong=_fields(error)), 422
    flash("The webhook is changed.", "success")
    return redirect(url_for("tokens.webhook", identity=identity), 303)


@pages.page("/settings/webhooks/<identity>/messages/<message>", Role.ADMIN, method="POST")
def send_again(identity: str, message: str) -> ResponseReturnValue:
    """Send a message once more, or give up one that waits."""
    if request.form.get("do") == "skip":
        Outgoing(the_hub()).pass_over(identity, message, actor())
        flash("The message is skipped. What waits behind it is sent.", "success")
    else:
        Outgoing(the_hub()).send_again(identity, message, actor())
        flash("The message is sent again, under the same webhook-id.", "success")
    return redirect(url_for("tokens.webhook", identity=identity), 303)


def _webhooks(typed: Mapping[str, str], wrong: Mapping[str, str]) -> str:
    rows = Outgoing(the_hub()).all()
    return render_template(
        "settings_webhooks.html", rows=rows, typed=typed, wrong=wrong, key=form_key(), tab="webhooks"
    )


def _webhook(
    identity: str, *, secret: str = "", typed: Mapping[str, str] | None = None, wrong: Mapping[str, str] | None = None
) -> str:
    outgoing = Outgoing(the_hub())
    row, asked = outgoing.get(identity), {name: request.args.get(name, "").strip() for name in _ASKED}
    chosen = MessageFilter(asked["state"], asked["text"], since_of(asked["period"], the_hub().now()))
    page = outgoing.message_page(identity, chosen, request.args.get("after") or None, _MESSAGES)
    tries: dict[str, list[object]] = {}
    for attempt in outgoing.attempts([one.id for one in page.items]):
        tries.setdefault(attempt.message, []).append(attempt)
    return render_template(
        "settings_webhook.html",
        row=row,
        page=page,
        asked=asked,
        filtered=any(asked.values()),
        paged="after" in request.args,
        states=_STATES,
        periods=PERIODS,
        tries=tries,
        secret=secret,
        typed=typed or {"title": row.title, "url": row.url, "types": "\n".join(row.types)},
        wrong=wrong or {},
        key=form_key() if not secret else "",
        tab="webhooks",
    )


def _fields(error: PermanentError) -> dict[str, str]:
    found = error.details["errors"] if isinstance(error.details, dict) else []
    return {one["field"]: one["message"] for one in found}
