"""The gateway's report of transactions for whoever compares (``payment.list``), a day at a time.

Sources: the gateway's guide "Reporting" (``/history/version/1/merchant/{id}/transaction``, a password of its own, CSV) and
its sample scripts (the user ``merchant.default``, ``DATA_AVAILABLE_AFTER``).
"""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from connectors.mastercard.api import Gateway, money_of, segment
from connectors.mastercard.orders import PAYING, UNDECIDED
from hub.connect.answers import failure
from hub.connect.auth import basic

if TYPE_CHECKING:
    from hub.connect.api import Call, HttpResponse
    from hub.jsontypes import Json, JsonObject

USER: Final = "merchant.default"
COLUMNS: Final = (
    *("timeOfRecord", "order.id", "transaction.id", "transaction.type", "result"),
    *("transaction.amount", "transaction.currency"),
)
_DAY: Final = timedelta(days=1)
_TAKES: Final = frozenset({"PAYMENT", "CAPTURE"})
_UNTIL_THERE: Final = re.compile(r"DATA_AVAILABLE_AFTER\s+(\S{1,40})")
"""The report is not made up to the asked end yet, but to this time."""


def payments(call: Call) -> Json:
    """One day of the report (``payment.list``): what began a payment, and captures, under the order's id.

    Empty for a connection without the reporting password. What was voided or given back, ``payment.get`` says. ``after`` is
    when the day begins. Raises like an action.
    """
    if not call.connection.secret_versions("reporting_password"):
        return {"items": []}
    given = call.input
    until = _second(str(given["until"]))
    try:
        begin = _second(str(given.get("after") or given["since"]))
    except ValueError as error:
        message = f"{given['after']!r} is no page of the report: give `next` of the page before."
        raise failure("bad_input", message) from error
    end = min(begin + _DAY, until)
    gateway = Gateway(call)
    response = _report(call, gateway, begin, end)
    there = _UNTIL_THERE.search(response.text) if response.status >= 400 else None  # noqa: PLR2004
    if there is not None:
        end = until = min(end, _time(there[1]))
        if end <= begin:
            return {"items": []}
        response = _report(call, gateway, begin, end)
    gateway.judge(response)
    items: list[Json] = [shown for row in _rows(response.text) if (shown := _payment(row)) is not None]
    return {"items": items, "next": _stamp(end) if end < until else None}


def _report(call: Call, gateway: Gateway, begin: datetime, end: datetime) -> HttpResponse:
    """The report from a moment on to before another, whatever the answer's status."""
    signed_in = basic(USER, call.connection.secret("reporting_password"))
    columns = ",".join(COLUMNS)
    times = {"timeOfRecord.start": _stamp(begin), "timeOfRecord.end": _stamp(end)}
    return call.http.request(
        "GET",
        f"{gateway.base}/history/version/1/merchant/{segment(gateway.merchant)}/transaction",
        params={**times, "columns": columns, "columnHeaders": columns},
        headers={signed_in.name: signed_in.value},
        repeatable=True,
    )


def _rows(text: str) -> list[dict[str, str]]:
    read = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    if not set(COLUMNS) <= set(read.fieldnames or ()):
        raise failure(
            "bad_answer", "The report does not begin with the columns that were asked for.", details=text[:200]
        )
    return [{name: str(row.get(name) or "") for name in COLUMNS} for row in read]


def _payment(row: dict[str, str]) -> JsonObject | None:
    kind, result = row["transaction.type"], row["result"]
    status = "succeeded" if kind in _TAKES else "authorized"
    if kind not in PAYING | _TAKES or result not in {"SUCCESS", *UNDECIDED}:
        return None
    amount = money_of(row["transaction.amount"], row["transaction.currency"])
    return {
        "payment": row["order.id"],
        "status": "pending" if result in UNDECIDED else status,
        "amount": None if amount is None else amount.to_json(),
        "created_at": _stamp(_time(row["timeOfRecord"])),
    }


def _second(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC).replace(microsecond=0)


def _time(text: str) -> datetime:
    """A time of the report's, in UTC where it names no zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise failure("bad_answer", f"{text!r} in the report is no time.") from error
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
