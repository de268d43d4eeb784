"""What Instamojo tells nobody: failed payments, requests whose time is over, refunds that people decided, payouts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from connectors.instamojo.api import Instamojo, moment_of
from connectors.instamojo.standing import (
    get_payment,
    has_expired,
    is_issued,
    payment_ids,
    refund_payment,
    status_of,
)
from connectors.instamojo.webhooks import about, request_of, told, with_exact_amounts
from hub.connect.api import Polled, RawEvent
from hub.errors import PermanentError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

OVERLAP = timedelta(hours=1)
"""What was made so long before the first poll is looked at as well."""
LOOK_BACK = timedelta(days=7)
"""How old a payment request may be; older ones are asked about one by one while the hub watches their payment."""
REFUND_LOOK_BACK = timedelta(days=60)
PAGES = 20


def poll(call: Call, cursor: Json) -> Polled:
    """News since the first poll. The cursor keeps when that was, and what was told already of what is still listed."""
    if not isinstance(cursor, dict):
        return Polled((), {"begun": call.now.isoformat(), "seen": []})
    begun = datetime.fromisoformat(str(cursor["begun"])) - OVERLAP
    seen = frozenset(cast("list[str]", cursor.get("seen") or []))
    instamojo, listed = Instamojo(call), set[str]()
    found = [
        *_payments(call, instamojo, max(begun, call.now - LOOK_BACK), seen, listed),
        *_refunds(instamojo, max(begun, call.now - REFUND_LOOK_BACK), seen, listed),
        *_payouts(instamojo, max(begun, call.now - REFUND_LOOK_BACK), seen, listed),
    ]
    return Polled(tuple(found), {"begun": cursor["begun"], "seen": sorted(listed)})


def _payments(
    call: Call, instamojo: Instamojo, since: datetime, seen: frozenset[str], listed: set[str]
) -> Iterator[RawEvent]:
    """Payments of the last days, also on requests, and requests whose time is over with no payment on them.

    Listed requests come without their payments (README of Instamojo's PHP SDK) or with links to them (its Java SDK), so the
    payments are listed as well, and what is over is read by itself.
    """
    query = {"min_created_at": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    of: dict[str, JsonObject | None] = {}
    for request in _since(instamojo, "payment_requests", since, query):
        of |= dict.fromkeys(payment_ids(request), request)
        mark = f"expired:{request['id']}"
        if has_expired(request, call.now):
            listed.add(mark)
            if mark in seen:
                continue
            whole = request_of(instamojo, {"payment_request": request["id"]}) or request
            if not payment_ids(whole):
                yield RawEvent(mark, "Expired", about(whole), moment_of(whole.get("expires_at")))
    for payment in _since(instamojo, "payments", since):
        of.setdefault(str(payment["id"]), None)
    for reference, request_known in of.items():
        if reference in seen:
            listed.add(reference)
            continue
        payment = get_payment(instamojo, reference)
        if status_of(payment) != "Pending":
            listed.add(reference)  # decided, once and for all
        yield told(payment, request_known or request_of(instamojo, payment))


def _refunds(instamojo: Instamojo, since: datetime, seen: frozenset[str], listed: set[str]) -> Iterator[RawEvent]:
    """Refunds that were decided."""
    for refund in _since(instamojo, "refunds", since):
        reference = f"refund:{refund['id']}"
        if not (is_issued(refund) or refund.get("status") == "Rejected"):
            continue
        listed.add(reference)
        if reference in seen:
            continue
        payment = get_payment(instamojo, refund_payment(refund))
        body: JsonObject = {
            "refund": with_exact_amounts(refund),
            "payment": with_exact_amounts(payment),
            **about(request_of(instamojo, payment)),
        }
        kind = f"refund.{refund['status']}"
        yield RawEvent(f"{reference}|{refund['status']}", kind, body, moment_of(refund.get("created_at")))


def _payouts(instamojo: Instamojo, since: datetime, seen: frozenset[str], listed: set[str]) -> Iterator[RawEvent]:
    """Money that Instamojo has sent to the account's own bank."""
    for payout in _since(instamojo, "payouts", since, time="paid_out_at"):
        reference = f"payout:{payout['id']}"
        if payout.get("status") is not True:
            continue
        listed.add(reference)
        if reference not in seen:
            body: JsonObject = {"payout": with_exact_amounts(payout)}
            yield RawEvent(reference, "payout.paid", body, moment_of(payout.get("paid_out_at")))


def _since(
    instamojo: Instamojo, name: str, since: datetime, query: dict[str, str] | None = None, *, time: str = "created_at"
) -> list[JsonObject]:
    """The things of a listing from a moment on. An account without the feature has none (a listing that is not found)."""
    found: list[JsonObject] = []
    try:
        for one in instamojo.listed(f"/v2/{name}/", name, query, PAGES):
            made = moment_of(one.get(time))
            if made is None or made >= since:
                found.append(one)
            elif time == "created_at":
                break  # the newest come first
    except PermanentError as error:
        if error.code != "not_found":
            raise
    return found
