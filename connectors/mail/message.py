"""One message to one recipient: headers that nobody can inject into, a Message-ID that is the same on every try. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from email.errors import HeaderParseError, MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import TYPE_CHECKING

from hub.connect.answers import failure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from connectors.mail.rendering import Rendered
    from hub.connect.api import PaperFile

# RFC 5321, 4.5.3.1: 64 octets before the @, 255 after it.
_LOCAL = re.compile(r"[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f]{1,64}")
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[^\s@.<>\x00-\x1f]{1,63}(\.[^\s@.<>\x00-\x1f]{1,63})*")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A name and an address; ``address`` has its domain in ASCII."""

    name: str
    address: str

    @property
    def needs_utf8(self) -> bool:
        """Whether only a server with SMTPUTF8 (RFC 6531) can take it."""
        return not self.address.isascii()

    def header(self) -> Address:
        """For a header; the email package quotes and encodes it."""
        local, _, domain = self.address.rpartition("@")
        return Address(display_name=self.name, username=local, domain=domain)


def mailbox(text: str) -> Mailbox:
    """``ada@example.com`` or ``Ada <ada@example.com>``. Raises ``PermanentError`` (``invalid_recipient``)."""
    refused = failure("invalid_recipient", f"{text[:100]!r} is not an address.")
    if re.search(r"[\r\n\x00]", text) or ("<" in text) != text.rstrip().endswith(">"):
        raise refused
    name, address = parseaddr(text) if "<" in text else ("", text.strip())
    local, _, domain = address.rpartition("@")
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain) or ".." in local or local.strip(".") != local:
        raise refused
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError as error:
        raise refused from error
    return Mailbox(name, f"{local}@{domain}")


def message_id(key: str, recipient: Mailbox, domain: str) -> str:
    """The same for every try of one step to one recipient: many mailboxes show a second copy only once."""
    digest = hashlib.sha256(f"{key}|{recipient.address.lower()}".encode()).hexdigest()
    return f"<{digest[:32]}@{domain}>"


def build(  # noqa: PLR0913 (the parts of a mail)
    content: Rendered,
    *,
    sender: Mailbox,
    recipient: Mailbox,
    identifier: str,
    now: datetime,
    reply_to: Mailbox | None = None,
    unsubscribe: str | None = None,
    attachments: Sequence[PaperFile] = (),
) -> EmailMessage:
    """The message. Raises ``PermanentError`` (``bad_input``) when a header would hold a line break."""
    message = EmailMessage(policy=SMTP)
    try:
        message["From"] = sender.header()
        message["To"] = recipient.header()
        message["Subject"] = content.subject
        message["Date"] = format_datetime(now)
        message["Message-ID"] = identifier
        # RFC 3834, 5: tells vacation responders not to answer.
        message["Auto-Submitted"] = "auto-generated"
        if reply_to is not None:
            message["Reply-To"] = reply_to.header()
        if unsubscribe is not None:
            # RFC 8058: one click, without a page to confirm.
            message["List-Unsubscribe"] = f"<{unsubscribe}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    except (ValueError, MessageError, HeaderParseError) as error:
        raise failure("bad_input", f"A header of the mail is not possible: {error}.") from error
    # Quoted-printable keeps every line short and in ASCII, so that no server has to change the body.
    message.set_content(content.text, cte="quoted-printable")
    message.add_alternative(content.html, subtype="html", cte="quoted-printable")
    for file in attachments:
        kind, _, subtype = file.media_type.partition("/")
        message.add_attachment(file.content, maintype=kind, subtype=subtype, filename=file.name)
    return message
