"""Speaks SMTP (RFC 5321) and says what became of each message: taken, refused, to be tried later, or nobody knows."""

from __future__ import annotations

import base64
import re
import smtplib
import ssl
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from hub.connect.answers import failure
from hub.errors import ActionError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

TIMEOUT = 30.0
"""Seconds for connecting and for each command."""

DATA_TIMEOUT = 180.0
"""Seconds for the answer after the message. RFC 5321, 4.5.3.2.6 allows ten minutes; a short wait makes doubles."""

_TLS_ERRORS = (ssl.SSLError, ssl.CertificateError)


class Outcome(StrEnum):
    """What became of one message."""

    SENT = "sent"
    REFUSED = "refused"
    LATER = "later"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome for one recipient, with the server's own code and words."""

    outcome: Outcome
    code: int
    answer: str

    @property
    def lost_line(self) -> bool:
        """Whether the connection ended with it: nothing came back, or the server said 421."""
        return self.code in {0, 421}


@dataclass(frozen=True, slots=True)
class Server:
    """How to reach and sign in to the mail server. ``security``: ``starttls``, ``tls`` or ``none``."""

    host: str
    port: int
    security: str
    user: str = ""
    password: str = ""
    token: str = ""
    tls: ssl.SSLContext | None = None


class Session:
    """One signed-in connection. Use as a context manager. Raises ``TransientError`` or ``PermanentError`` on entering."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._smtp: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        server = self._server
        # smtplib verifies nothing unless it is given a context that does (CPython, Lib/smtplib.py, starttls).
        tls = server.tls or ssl.create_default_context()
        try:
            if server.security == "tls":
                self._smtp = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT, context=tls)
            else:
                self._smtp = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT)
            self._smtp.ehlo_or_helo_if_needed()
            if server.security == "starttls":
                self._smtp.starttls(context=tls)
                self._smtp.ehlo()
            self._sign_in(self._smtp)
        except (smtplib.SMTPException, OSError, ActionError) as error:
            self._close()
            raise error if isinstance(error, ActionError) else _no_session(error, server) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._smtp is not None:
            try:
                self._smtp.quit()
            except (smtplib.SMTPException, OSError):
                self._close()

    def _close(self) -> None:
        if self._smtp is not None:
            self._smtp.close()

    def _sign_in(self, smtp: smtplib.SMTP) -> None:
        server = self._server
        if not server.user:
            return
        if server.security == "none":
            message = "A password is never sent without encryption."
            raise failure("bad_input", f"{message} Choose starttls or tls in the connection.")
        if server.token:
            # XOAUTH2: user, bearer token, each ended by 0x01 (Google's and Microsoft's IMAP and SMTP documentation).
            text = f"user={server.user}\x01auth=Bearer {server.token}\x01\x01"
            code, answer = smtp.docmd("AUTH", "XOAUTH2 " + base64.b64encode(text.encode()).decode())
            if code == 334:  # noqa: PLR2004 (the server explains its refusal and waits for an empty line)
                code, answer = smtp.docmd("")
            if code != 235:  # noqa: PLR2004
                raise smtplib.SMTPAuthenticationError(code, answer)
        else:
            smtp.login(server.user, server.password)

    def send(self, sender: str, recipient: str, message: bytes, *, utf8: bool = False) -> Report:
        """Hand one message over. Never raises for what the server says; a lost connection is a report too.

        Before the end of the message the server may not deliver it (RFC 5321, 4.1.1.4), so a loss until then means
        *later*; a loss after it is *unknown*.
        """
        smtp = self._smtp
        if smtp is None:
            message_text = "send() is for inside the with block"
            raise ValueError(message_text)
        not_taken = _not_taken(smtp, len(message), utf8=utf8)
        if not_taken is not None:
            return not_taken
        given = False
        try:
            code, answer = smtp.mail(sender, ["SMTPUTF8"] if utf8 else [])
            if code == 250:  # noqa: PLR2004
                code, answer = smtp.rcpt(recipient)
            if code in {250, 251}:
                code, answer = smtp.docmd("DATA")
            if code != 354:  # noqa: PLR2004
                return self._refused(smtp, code, answer)
            if smtp.sock is not None:
                smtp.sock.settimeout(DATA_TIMEOUT)
            smtp.send(_dotted(message))
            given = True
            code, answer = smtp.getreply()
            if smtp.sock is not None:
                smtp.sock.settimeout(TIMEOUT)
        except (smtplib.SMTPException, OSError) as error:
            self._close()
            words = str(error) or type(error).__name__
            return Report(Outcome.UNKNOWN if given else Outcome.LATER, 0, words)
        if code == 250:  # noqa: PLR2004
            return Report(Outcome.SENT, code, _words(answer))
        return self._refused(smtp, code, answer)

    def _refused(self, smtp: smtplib.SMTP, code: int, answer: bytes) -> Report:
        if code == 421:  # noqa: PLR2004 (the server closes the connection)
            self._close()
        else:
            try:
                smtp.rset()
            except (smtplib.SMTPException, OSError):
                self._close()
        # RFC 5321, 4.2.1: 4yz is for now, 5yz for good. Anything else breaks the protocol, and may mend itself.
        return Report(Outcome.REFUSED if 500 <= code < 600 else Outcome.LATER, code, _words(answer))  # noqa: PLR2004


def _no_session(error: Exception, server: Server) -> ActionError:
    where = f"{server.host}:{server.port}"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        words = "does not offer what the connection asks for (encryption or this way to sign in)"
        return failure("bad_input", f"The mail server {where} {words}. Nothing was sent in clear.")
    if isinstance(error, smtplib.SMTPAuthenticationError):
        temporary = 400 <= error.smtp_code < 500  # noqa: PLR2004
        code = "gateway_down" if temporary else "unauthorised"
        return failure(code, f"{where} answered {error.smtp_code} {_words(error.smtp_error)}.")
    if isinstance(error, _TLS_ERRORS):
        return failure("unreachable", f"The certificate of {where} was not accepted ({error}).")
    if isinstance(error, smtplib.SMTPResponseException):
        temporary = error.smtp_code < 500  # noqa: PLR2004
        code = "gateway_down" if temporary else "forbidden"
        return failure(code, f"{where} answered {error.smtp_code} {_words(error.smtp_error)}.")
    return failure("unreachable", f"The mail server {where}: {error}.")


def _not_taken(smtp: smtplib.SMTP, size: int, *, utf8: bool) -> Report | None:
    """The refusal that the server's greeting tells already: no addresses beyond ASCII, a limit of bytes (RFC 1870, 4)."""
    if utf8 and not smtp.has_extn("smtputf8"):
        return Report(Outcome.REFUSED, 553, "5.6.7 The mail server does not take addresses beyond ASCII")
    most = smtp.esmtp_features.get("size", "")
    if most.isdecimal() and 0 < int(most) < size:
        words = f"5.3.4 The mail server takes at most {int(most):,} bytes, and the mail has {size:,}"
        return Report(Outcome.REFUSED, 552, words)
    return None


def _dotted(message: bytes) -> bytes:
    """The message as it travels (RFC 5321, 4.5.2): lines end in CRLF, a leading dot is doubled, a dot ends it."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", message)
    if not lines.endswith(b"\r\n"):
        lines += b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", lines) + b".\r\n"


def _words(answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())[:300]
