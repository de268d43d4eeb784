"""The outbox: mails that no mail server took, to read as their recipients would have."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Final, cast

from flask import Response, render_template

from hub.errors import NotFoundError
from hub.web.access import Pages, Role
from hub.web.headers import MAIL_POLICY
from hub.web.sessions import mark_seen, the_hub

if TYPE_CHECKING:
    from email.message import EmailMessage

    from flask.typing import ResponseReturnValue

pages = Pages("outbox", __name__)

_PAPER: Final = "application/pdf"


@pages.page("/outbox", Role.VIEWER)
def index() -> ResponseReturnValue:
    """The newest mails."""
    hub = the_hub()
    servers = [row.name for row in hub.store.connections() if row.connector == "mail" and row.settings.get("host")]
    return render_template("outbox.html", mails=hub.store.mails(), servers=servers)


@pages.page("/outbox/<path:key>", Role.VIEWER)
def show(key: str) -> ResponseReturnValue:
    """One mail: its head, its text, and its HTML in a frame of its own."""
    recipient, subject, body, created = the_hub().store.mail(key)
    mark_seen("mail")
    mail = _parsed(body)
    head = {name: str(mail[name]) for name in ("From", "To", "Reply-To", "Message-ID", "Date") if mail[name]}
    return render_template(
        "mail.html",
        key=key,
        recipient=recipient,
        subject=subject,
        created=created,
        head=head,
        body=_part(mail, "plain"),
        has_html=bool(_part(mail, "html")),
        attachments=[(part.get_filename() or "", len(_content(part))) for part in mail.iter_attachments()],
    )


@pages.page("/outbox-html/<path:key>", Role.VIEWER)
def html(key: str) -> ResponseReturnValue:
    """A mail's HTML, which may do nothing at all."""
    _, _, body, _ = the_hub().store.mail(key)
    return framed(_part(_parsed(body), "html"))


@pages.page("/outbox-attachment/<int:place>/<path:key>", Role.VIEWER)
def attachment(place: int, key: str) -> ResponseReturnValue:
    """A file that goes with a mail: a PDF opens in the browser, anything else is saved."""
    _, _, body, _ = the_hub().store.mail(key)
    parts = list(_parsed(body).iter_attachments())
    if place >= len(parts):
        message = "The mail has no such attachment."
        raise NotFoundError(message, remedy="Open the mail in the outbox; it lists what is attached.")
    part, is_paper = parts[place], parts[place].get_content_type() == _PAPER
    answer = Response(_content(part), content_type=_PAPER if is_paper else "application/octet-stream")
    way = "inline" if is_paper else "attachment"
    answer.headers.set("Content-Disposition", way, filename=part.get_filename() or "file")
    return answer


def framed(markup: str) -> Response:
    """A mail's HTML as a page for a frame: no script, no form, nothing from outside."""
    headers = {"Content-Security-Policy": MAIL_POLICY, "X-Frame-Options": "SAMEORIGIN"}
    return Response(markup, headers=headers, mimetype="text/html")


def _parsed(body: bytes) -> EmailMessage:
    return message_from_bytes(body, policy=policy.default)


def _content(part: EmailMessage) -> bytes:
    return cast("bytes", part.get_payload(decode=True))


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    return str(part.get_content()) if part is not None else ""
