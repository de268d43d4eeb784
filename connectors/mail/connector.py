"""``mail/send``: one message per recipient, by SMTP or into the outbox."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, cast

from connectors.mail.delivery import Outcome, Report, Server, Session
from connectors.mail.message import build, mailbox, message_id
from connectors.mail.rendering import Rendered, parse_template, plain_markdown, render
from hub.connect.answers import failure, raise_for_status
from hub.connect.api import ActionCode, ConnectorCode
from hub.connect.auth import TOKEN_ERRORS, TOKENS, Token, field_value, read_token
from hub.errors import ActionError, ConfigError
from hub.jsontypes import json_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from connectors.mail.message import Mailbox
    from hub.connect.api import Call, Connection, Outbox, PaperFile, Papers, Templates
    from hub.jsontypes import Json, JsonObject

BUILTIN_TEMPLATES = Path(__file__).parent / "templates"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_NOWHERE = "hub@localhost"
_MOST_ATTACHED = 7_000_000
"""Bytes of all attachments together: base64 adds a third, and many servers take no more than 10 MB."""
_TOO_LARGE = "5.3.4"
"""RFC 3463, 3.4: the message is larger than the system takes."""


def send(call: Call) -> Json:
    """Send a mail to each recipient; the output lists them with their Message-IDs.

    All papers are made before the first mail goes out: with one that cannot be had, nobody gets anything.
    A recipient that got it in an earlier attempt is not sent to again (``call.previous``). Raises ``TransientError`` when
    some are to be tried later, ``PermanentError`` (``invalid_recipient``) when the others got it but some were refused for
    good, ``UncertainError`` when the line was lost after a message and the connection says to ask; each error's
    ``details`` say who got it.
    """
    given = call.input["to"]
    recipients = [mailbox(text) for text in ([given] if isinstance(given, str) else cast("list[str]", given))]
    content = _content(call)
    attachments = _attachments(call)
    settings = call.connection.settings
    sender = _sender(settings)
    reply_to = call.input.get("reply_to") or settings.get("reply_to")
    domain = sender.address.rpartition("@")[2]
    outgoing = [
        _Outgoing(
            recipient,
            identifier := message_id(call.key, recipient, domain),
            build(
                content,
                sender=sender,
                recipient=recipient,
                identifier=identifier,
                now=call.now,
                reply_to=mailbox(str(reply_to)) if reply_to else None,
                unsubscribe=cast("str | None", call.input.get("unsubscribe")),
                attachments=attachments,
            ).as_bytes(),
        )
        for recipient in recipients
    ]
    output = _deliver(call, sender, outgoing) if settings.get("host") else _keep(call, outgoing, content.subject)
    attached: list[Json] = [{"name": file.name, "bytes": len(file.content)} for file in attachments]
    return {**output, "attachments": attached} if attached else output


class _Outgoing:
    """A message that is ready to go."""

    def __init__(self, recipient: Mailbox, identifier: str, message: bytes) -> None:
        self.recipient = recipient
        self.identifier = identifier
        self.message = message

    @property
    def key(self) -> str:
        """What an earlier attempt's details know it by: neither an address nor a Message-ID, as errors name no person."""
        return self.identifier.strip("<>").partition("@")[0]

    def entry(self, report: Report | None = None) -> dict[str, Json]:
        """What output and error details say of it."""
        entry: dict[str, Json] = {"to": self.recipient.address, "message_id": self.identifier}
        if report is not None:
            entry["answer"] = f"{report.code} {report.answer}".strip()
        return entry


def _content(call: Call) -> Rendered:
    subject = cast("str | None", call.input.get("subject"))
    if "text" in call.input:
        return plain_markdown(cast("str", call.input["text"]), subject or "")
    name = cast("str", call.input["template"])
    data = cast("JsonObject", call.input.get("data") or {})
    rendered = render(parse_template(_template(call, name), name), data, name)
    chosen = subject or rendered.subject
    if not chosen.strip():
        raise failure("bad_input", f"The template {name!r} has no subject, and the step gives none.")
    return Rendered(chosen, rendered.text, rendered.html)


def _attachments(call: Call) -> Sequence[PaperFile]:
    """The papers that the step names. Raises what tells of one that cannot be had, and ``mail_too_large``."""
    asked = cast("list[JsonObject]", call.input.get("attachments") or [])
    if not asked:
        return ()
    papers = cast("Papers", call.service("papers"))
    made = [papers.make(one) for one in asked]
    size = sum(len(file.content) for file in made)
    if size > _MOST_ATTACHED:
        names = ", ".join(file.name for file in made)
        raise failure("mail_too_large", f"{names}: {size:,} bytes, and at most {_MOST_ATTACHED:,} are attached.")
    return made


def _template(call: Call, name: str) -> str:
    """The template in the step's language where there is one, else the one of that name."""
    language = call.input.get("language")
    source = (_source(call, f"{name}-{language}") if language else None) or _source(call, name)
    if source is None:
        known = ", ".join(sorted(file.stem for file in BUILTIN_TEMPLATES.glob("*.md")))
        raise failure("bad_input", f"There is no template {name!r}. Built in are: {known}.")
    return source


def _source(call: Call, name: str) -> str | None:
    """The workspace's template, else the built-in one of that name; None where there is neither."""
    if not _NAME.fullmatch(name):
        return None
    own = cast("Templates", call.services["templates"]).get(name) if "templates" in call.services else None
    path = BUILTIN_TEMPLATES / f"{name}.md"
    if own is None and path.is_file():
        return path.read_text(encoding="utf-8")
    return own


def _sender(settings: JsonObject) -> Mailbox:
    address = cast("str", settings.get("from") or _NOWHERE)
    name = cast("str", settings.get("from_name") or "")
    plain = mailbox(address)
    return type(plain)(name, plain.address)


def _keep(call: Call, outgoing: Sequence[_Outgoing], subject: str) -> JsonObject:
    outbox = cast("Outbox", call.service("outbox"))
    for one in outgoing:
        outbox.put(one.identifier, one.message, recipient=one.recipient.address, subject=subject)
    return {"sent": [one.entry() for one in outgoing], "outbox": True}


def _deliver(call: Call, sender: Mailbox, outgoing: Sequence[_Outgoing]) -> JsonObject:
    done = _earlier(call)
    waiting = [one for one in outgoing if one.key not in done]
    while waiting:
        try:
            with Session(_server(call)) as session:
                while waiting:
                    one = waiting.pop(0)
                    address = one.recipient.address
                    report = session.send(sender.address, address, one.message, utf8=one.recipient.needs_utf8)
                    done[one.key] = {**one.entry(report), "key": one.key, "outcome": report.outcome.value}
                    if report.lost_line:
                        break
        except ActionError as error:
            error.details = {"recipients": list(done.values())}
            raise
    return _verdict(call, outgoing, done)


def _earlier(call: Call) -> dict[str, dict[str, Json]]:
    """What earlier attempts settled for good, by the messages' keys."""
    details = call.previous if isinstance(call.previous, dict) else {}
    entries = cast("list[dict[str, Json]]", details.get("recipients") or [])
    settled = {Outcome.SENT.value, Outcome.REFUSED.value}
    return {str(entry["key"]): entry for entry in entries if entry.get("outcome") in settled}


def _verdict(call: Call, outgoing: Sequence[_Outgoing], done: dict[str, dict[str, Json]]) -> JsonObject:
    entries = [{**done[one.key], **one.entry()} for one in outgoing]
    asks = call.connection.settings.get("when_unsure", "ask") == "ask"
    details: JsonObject = {"recipients": entries}

    def which(*outcomes: Outcome) -> list[dict[str, Json]]:
        return [entry for entry in entries if entry["outcome"] in {outcome.value for outcome in outcomes}]

    if asks and which(Outcome.UNKNOWN):
        message = f"The line was lost after the mail was handed over: {_listed(which(Outcome.UNKNOWN))}."
        raise failure("uncertain", message, details=details)
    later = which(Outcome.LATER, Outcome.UNKNOWN)
    if later:
        raise failure("gateway_down", f"Not taken yet: {_listed(later)}.", details=details)
    refused = which(Outcome.REFUSED)
    if refused:
        others = f" Sent to the other {len(entries) - len(refused)}." if len(entries) > len(refused) else ""
        code = "mail_too_large" if all(_TOO_LARGE in str(one["answer"]) for one in refused) else "invalid_recipient"
        raise failure(code, f"{_listed(refused)}.{others}", details=details)
    sent: list[Json] = [
        {name: value for name, value in entry.items() if name not in {"key", "outcome"}} for entry in entries
    ]
    return {"sent": sent, "outbox": False}


def _listed(entries: Sequence[JsonObject]) -> str:
    return ", ".join(f"{entry['to']} ({entry['answer']})" for entry in entries)


def _server(call: Call) -> Server:
    """The connection's server with its credentials. Raises :class:`ConfigError` when one is missing."""
    settings = call.connection.settings
    security = cast("str", settings.get("security", "starttls"))
    way = settings.get("auth", "password")
    user = cast("str", settings.get("user") or "") if way != "none" else ""
    if way == "xoauth2" and not user:
        message = f"The connection {call.connection.name!r} has no user to sign in as."
        raise ConfigError(message, remedy=f"Open Connections, {call.connection.name}, and fill in the user.")
    return Server(
        host=cast("str", settings["host"]),
        port=cast("int", settings.get("port") or _PORTS[security]),
        security=security,
        user=user,
        password=call.connection.secret("password") if user and way == "password" else "",
        token=_token(call) if way == "xoauth2" else "",
    )


def _token(call: Call) -> str:
    """The access token for XOAUTH2, shared until shortly before it ends."""
    connection = call.connection
    settings = connection.settings
    refresh = connection.secret_versions("refresh_token")
    form = {
        "grant_type": "refresh_token" if refresh else "client_credentials",
        "client_id": field_value(connection, "client_id"),
        "client_secret": connection.secret("client_secret"),
    }
    form |= {"refresh_token": refresh[0]} if refresh else {}
    form |= {"scope": str(settings["scope"])} if settings.get("scope") else {}

    def fetch() -> Token:
        response = call.http.request("POST", field_value(connection, "token_url"), form=form, repeatable=True)
        raise_for_status(response, TOKEN_ERRORS, now=call.now)
        return read_token(response.json(), call.now)

    return TOKENS.get(f"{connection.name}:{json_digest(form)}", call.now, fetch)


def test(call: Call) -> str:
    """Connect, encrypt, sign in, and send nothing."""
    if not call.connection.settings.get("host"):
        return "No mail server is set: mails are kept in the outbox."
    server = _server(call)
    with Session(server):
        return f"Signed in to {server.host}." if server.user else f"{server.host} answers."


def _repeatable(connection: Connection) -> bool:
    """The outbox keeps a mail once, however often it is put there; a server may be given one twice where that is wished."""
    settings = connection.settings
    return not settings.get("host") or settings.get("when_unsure") == "send_again"


connector = ConnectorCode(actions={"send": ActionCode(send, repeatable=_repeatable)}, test=test)
