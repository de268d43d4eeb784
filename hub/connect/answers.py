"""What an outside system's answer means: one table of error codes, transient told from permanent."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hub.connect.documents import read_yaml
from hub.errors import ActionError, PermanentError, TransientError, UncertainError
from hub.expressions import compile_expression

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import HttpResponse
    from hub.jsontypes import Json, JsonObject

LONGEST_PAUSE = 24 * 3600.0
"""Seconds; a system that asks for a longer pause is asked again after a day."""

EXCERPT = 2000
"""Characters of an answer that an error keeps."""

_TRANSIENT_STATUS = frozenset({408, 425, 429})
_LOST_BEHIND_A_PROXY = frozenset({502, 504})


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One row of ``errors.yaml``."""

    code: str
    sentence: str
    remedy: str
    transient: bool


@functools.cache
def error_codes() -> Mapping[str, ErrorCode]:
    """The one table of codes that actions end with."""
    document = cast("JsonObject", read_yaml(Path(__file__).parent / "errors.yaml"))
    rows = cast("Mapping[str, JsonObject]", document["codes"])
    return {
        code: ErrorCode(code, cast("str", row["sentence"]), cast("str", row["remedy"]), bool(row["transient"]))
        for code, row in rows.items()
    }


def failure(
    code: str,
    message: str = "",
    *,
    gateway_code: str | None = None,
    details: object = None,
    retry_after: float | None = None,
) -> ActionError:
    """The error for a code of the table: transient, permanent or uncertain as the table says.

    ``message`` is put after the table's sentence: the outside system's own words, or where it went wrong.
    """
    row = error_codes()[code]
    sentence = f"{row.sentence} {message}".strip()
    if code == "uncertain":
        return UncertainError(sentence, code=code, remedy=row.remedy, gateway_code=gateway_code, details=details)
    if row.transient:
        return TransientError(
            sentence,
            code=code,
            remedy=row.remedy,
            gateway_code=gateway_code,
            details=details,
            retry_after=retry_after,
        )
    return PermanentError(sentence, code=code, remedy=row.remedy, gateway_code=gateway_code, details=details)


@dataclass(frozen=True, slots=True)
class ErrorTable:
    """Where a system's error answers hold code and message (JMESPath over {answer}), and what its codes mean in ours.

    ``table`` is looked up by the system's code, then by the HTTP status as text.
    """

    code: tuple[str, ...] = ()
    message: str = ""
    table: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_manifest(cls, *entries: JsonObject | None) -> ErrorTable:
        """One table of the manifest's ``errors`` entries; later entries win."""
        code: tuple[str, ...] = ()
        message = ""
        table: dict[str, str] = {}
        for entry in entries:
            given = (entry or {}).get("code") or ()
            code = ((given,) if isinstance(given, str) else tuple(cast("list[str]", given))) or code
            message = cast("str", (entry or {}).get("message") or "") or message
            table.update(cast("Mapping[str, str]", (entry or {}).get("table") or {}))
        return cls(code, message, table)

    def own_code(self, answer: Json) -> str | None:
        """The system's own code in an answer's JSON."""
        for path in self.code:
            value = compile_expression(path).evaluate({"answer": answer})
            if isinstance(value, (str, int)) and value != "":
                return str(value)
        return None

    def own_message(self, answer: Json) -> str:
        """The system's own words in an answer's JSON."""
        value = compile_expression(self.message).evaluate({"answer": answer}) if self.message else None
        return str(value or "")


def default_code(status: int) -> str:
    """What an HTTP status means where the system says nothing better (RFC 9110, section 15)."""
    if status >= 500:  # noqa: PLR2004
        return "gateway_down"
    known = {401: "unauthorised", 403: "forbidden", 404: "not_found", 408: "timeout", 410: "not_found"}
    known |= {409: "wrong_state", 425: "rate_limited", 429: "rate_limited"}
    return known.get(status, "invalid_request")


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that ``Retry-After`` asks for (RFC 9110, 10.2.3: seconds or an HTTP date); None where it says nothing."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), LONGEST_PAUSE)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), LONGEST_PAUSE)


def raise_for_status(
    response: HttpResponse, table: ErrorTable | None = None, *, now: datetime, repeatable: bool = True
) -> None:
    """Return for 2xx (and 3xx), else raise what the answer means.

    408, 425, 429 and 5xx are transient, other 4xx permanent, unless the table says otherwise for the system's own code.
    ``repeatable=False`` (no key, no look-up): a 502 or 504 may hide that it happened, so it is uncertain.
    """
    if response.status < 400:  # noqa: PLR2004
        return
    raise failure_of(response, table or ErrorTable(), now=now, repeatable=repeatable)


def page_number(after: Json, first: int, system: str) -> int:
    """The page of a list that ``after`` names, as the page before gave it as ``next``; ``first`` when it names none.

    Raises ``bad_input`` for anything else than digits; ``system`` is whose list it is.
    """
    text = str(after or first)
    if not (text.isascii() and text.isdigit()):
        raise failure("bad_input", f"{text!r} is no page of {system}'s: give `next` of the page before.")
    return int(text)


def failure_of(response: HttpResponse, table: ErrorTable, *, now: datetime, repeatable: bool = True) -> ActionError:
    """The error that an answer means; also for systems that answer 200 with an error inside."""
    answer = json_or_none(response)
    own_code = table.own_code(answer) if answer is not None else None
    words = table.own_message(answer).strip() if answer is not None else ""
    status = response.status
    code = table.table.get(own_code or "") or table.table.get(str(status)) or default_code(status)
    message = f"It answered {status}{f' ({own_code})' if own_code else ''}{f': {words}' if words else ''}"
    message += "" if words.endswith((".", "!", "?")) else "."
    details: object = answer if answer is not None and len(response.body) <= EXCERPT else response.text[:EXCERPT]
    if status in _LOST_BEHIND_A_PROXY and not repeatable:
        return failure("uncertain", message, gateway_code=own_code, details=details)
    pause = retry_after(response.headers, now)
    if status in _TRANSIENT_STATUS and not error_codes()[code].transient:
        row = error_codes()[code]
        return TransientError(
            f"{row.sentence} {message}",
            code=code,
            remedy=row.remedy,
            gateway_code=own_code,
            details=details,
            retry_after=pause,
        )
    return failure(code, message, gateway_code=own_code, details=details, retry_after=pause)


def json_or_none(response: HttpResponse) -> Json:
    """The answer's JSON, or None when it is none (a proxy's page, an empty body)."""
    try:
        return response.json()
    except TransientError:
        return None
