"""Disputes: their list; evidence, an appeal, or accepting the claim. A dispute's links say what is possible now."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import parse_qs, urlsplit

from connectors.paypal.api import PayPal, link_of, list_of, money_of, object_of, segment, text_of, time_of, words
from hub.connect.answers import failure
from hub.connect.mapping import without_nulls

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

LONGEST_NOTE = 2000
PAGE: Final = 50
LISTED: Final = timedelta(days=179)
"""PayPal lists the disputes of the last 180 days."""

OUTCOMES: Mapping[str, str] = {
    "RESOLVED_BUYER_FAVOUR": "lost",
    "RESOLVED_SELLER_FAVOUR": "won",
    "RESOLVED_WITH_PAYOUT": "won",
    "CANCELED_BY_BUYER": "won",
    "ACCEPTED": "accepted",
    "DENIED": "won",
}
"""``dispute_outcome.outcome_code`` in the hub's words. With a payout PayPal itself paid the buyer; DENIED: not the buyer."""

_ACCEPTED = frozenset({"ACCEPTED", "RESOLVED_BUYER_FAVOUR"})
_TRACKING = frozenset({"carrier_name", "tracking_number", "tracking_url"})


def listed(call: Call) -> Json:
    """One page of ``GET /v1/customer/disputes``, newest first (``dispute.list``).

    The list says that a dispute is resolved and not how, so those are read one by one.
    """
    paypal, given = PayPal(call), call.input
    since, until = (datetime.fromisoformat(str(given[name])) for name in ("since", "until"))
    query = {"start_time": text_of(max(since, call.now - LISTED)), "page_size": str(PAGE)}
    if given.get("after"):
        query["next_page_token"] = str(given["after"])
    answer = paypal.get("/v1/customer/disputes", query)
    found = [one for one in list_of(answer.get("items")) if datetime.fromisoformat(str(one["create_time"])) < until]
    following = parse_qs(urlsplit(link_of(answer, "next") or "").query).get("next_page_token")
    return {"items": [_listed(paypal, one) for one in found], "next": following[0] if following else None}


def _listed(paypal: PayPal, dispute: JsonObject) -> JsonObject:
    status = "answered" if dispute.get("status") == "UNDER_REVIEW" else "opened"
    if dispute.get("status") == "RESOLVED":
        whole = paypal.get(f"/v1/customer/disputes/{segment(dispute['dispute_id'])}")
        status = OUTCOMES.get(str(object_of(whole.get("dispute_outcome")).get("outcome_code") or ""), "won")
    return {
        "dispute": dispute.get("dispute_id"),
        "status": status,
        "amount": money_of(dispute.get("dispute_amount")),
        "created_at": time_of(dispute.get("create_time")),
    }


def answer(call: Call) -> Json:
    """Send evidence, or accept the loss (``dispute.answer``)."""
    paypal, given = PayPal(call), call.input
    if given.get("submit") is False:
        raise failure("bad_input", "PayPal keeps no drafts of an answer. Leave submit out to send it now.")
    path = f"/v1/customer/disputes/{segment(given['dispute'])}"
    dispute = paypal.get(path)
    accepts = bool(given.get("accept"))
    wanted = ("accept_claim",) if accepts else ("provide_evidence", "appeal")
    allowed = next((one for one in wanted if link_of(dispute, one)), None)
    if allowed is None:
        state = f"{dispute.get('status')}, {dispute.get('dispute_life_cycle_stage')}"
        raise failure("wrong_state", f"PayPal takes no {' or '.join(wanted)} for it now ({state}).")
    content = {"note": _note(given)} if accepts else {"evidences": [_evidence(given)]}
    body, content_type = multipart(call.key, content)
    response = paypal.send(
        "POST", f"{path}/{allowed.replace('_', '-')}", body=body, headers={"Content-Type": content_type}
    )
    paypal.judge(response)
    return {**_output(dispute), "status": "accepted" if accepts else "answered"}


def find_answer(call: Call) -> Json | None:
    """Whether the answer arrived: our evidence is among the dispute's, or the claim is accepted."""
    dispute = PayPal(call).get(f"/v1/customer/disputes/{segment(call.input['dispute'])}")
    outcome = str(object_of(dispute.get("dispute_outcome")).get("outcome_code") or "")
    if call.input.get("accept"):
        return {**_output(dispute), "status": "accepted"} if outcome in _ACCEPTED else None
    ours = without_nulls(_evidence(call.input))
    sent = [{name: one.get(name) for name in object_of(ours)} for one in list_of(dispute.get("evidences"))]
    return {**_output(dispute), "status": OUTCOMES.get(outcome, "answered")} if ours in sent else None


def multipart(boundary: str, content: JsonObject) -> tuple[bytes, str]:
    """The one part ``input`` of a form, as JSON: PayPal takes answers with documents, and so without any, as such a form."""
    lines = (
        f"--{boundary}",
        'Content-Disposition: form-data; name="input"; filename="input.json"',
        "Content-Type: application/json",
        "",
        json.dumps(without_nulls(content), ensure_ascii=False),
        f"--{boundary}--",
        "",
    )
    return "\r\n".join(lines).encode(), f"multipart/form-data; boundary={boundary}"


def _note(given: JsonObject) -> str:
    evidence = cast("Mapping[str, str]", given.get("evidence") or {})
    return (evidence.get("note") or "The seller accepts the claim.")[:LONGEST_NOTE]


def _evidence(given: JsonObject) -> JsonObject:
    """One evidence: its type, tracking or refund where named, all other texts as notes."""
    texts = dict(cast("Mapping[str, str]", given.get("evidence") or {}))
    if not texts:
        raise failure("bad_input", "Give the evidence: texts by name, such as note, carrier_name and tracking_number.")
    tracking = {name: texts.pop(name) for name in sorted(_TRACKING) if texts.get(name)}
    refund = texts.pop("refund_id", None)
    kind = texts.pop("evidence_type", "") or (
        "PROOF_OF_FULFILLMENT" if tracking else "PROOF_OF_REFUND" if refund else "OTHER"
    )
    if tracking and not {"carrier_name", "tracking_number"} <= tracking.keys():
        raise failure("bad_input", "PayPal wants both the carrier_name and the tracking_number of a parcel.")
    notes = (
        texts.pop("note", "") if set(texts) == {"note"} else "\n".join(f"{name}: {one}" for name, one in texts.items())
    )
    return {
        "evidence_type": kind.upper(),
        "evidence_info": {
            "tracking_info": [tracking] if tracking else None,
            "refund_ids": [refund] if refund else None,
        },
        "notes": notes[:LONGEST_NOTE] or None,
    }


def _output(dispute: JsonObject) -> JsonObject:
    return {
        "dispute": dispute.get("dispute_id"),
        "due_at": time_of(dispute.get("seller_response_due_date")),
        "gateway": words(dispute, id=dispute.get("dispute_id")),
    }
