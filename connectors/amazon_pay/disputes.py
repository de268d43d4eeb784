"""Disputes: chargebacks that the payer's bank opened, contested by the merchant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from connectors.amazon_pay.api import AmazonPay, object_of, segment, time_of, words
from connectors.amazon_pay.standing import state_of
from hub.connect.answers import failure

if TYPE_CHECKING:
    from hub.connect.api import Call
    from hub.jsontypes import Json, JsonObject

ENDED: Final = frozenset({"Resolved", "Closed"})


def outcome_of(dispute: JsonObject) -> str | None:
    """Who won: ``won``, ``lost`` or ``accepted``; None while it is not decided."""
    details = object_of(dispute.get("statusDetails"))
    if details.get("state") not in ENDED:
        return None
    if details.get("resolution") != "BuyerWon":
        return "won"
    return "accepted" if details.get("reasonCode") == "MerchantAcceptedDispute" else "lost"


def answer(call: Call) -> Json:
    """Send evidence (``dispute.answer``); Amazon knows neither drafts nor giving in."""
    given = call.input
    if given.get("accept"):
        raise failure("bad_input", "Amazon Pay takes no acceptance: let the time for an answer pass.")
    if given.get("submit") is False:
        raise failure("bad_input", "Amazon Pay keeps no drafts: leave submit out when the evidence is complete.")
    texts, files = object_of(given.get("evidence")), object_of(object_of(given.get("options")).get("files"))
    names = sorted({*texts, *files})
    if not names:
        raise failure("bad_input", "Give at least one piece of evidence.")
    evidences: list[Json] = [
        {"evidenceType": evidence_type(name), "evidenceText": texts.get(name), "fileId": files.get(name)}
        for name in names
    ]
    amazon = AmazonPay(call)
    path = f"disputes/{segment(given['dispute'])}"
    amazon.post(f"{path}/contest", {"merchantEvidences": evidences})
    dispute = amazon.get(path)
    return {
        "dispute": given["dispute"],
        "status": outcome_of(dispute) or ("opened" if state_of(dispute) == "ActionRequired" else "answered"),
        "due_at": time_of(dispute.get("merchantResponseDeadline")),
        "gateway": words(dispute, given["dispute"]),
    }


def evidence_type(name: str) -> str:
    """Amazon's name of a kind of evidence: ``tracking_number`` is ``TrackingNumber``."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))
