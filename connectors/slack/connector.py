"""Slack's incoming webhooks. They answer with short texts, not JSON, and give no message id back."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hub.connect.answers import ErrorTable, failure, failure_of, json_or_none
from hub.connect.api import ActionCode, ConnectorCode

if TYPE_CHECKING:
    from hub.connect.api import Call, HttpResponse
    from hub.jsontypes import Json

# The short texts that an incoming webhook answers with (Slack's changelog of 2016 and reference of incoming webhooks).
_MEANING = {
    "invalid_payload": "invalid_request",
    "invalid_blocks": "invalid_request",
    "no_text": "invalid_request",
    "too_many_attachments": "invalid_request",
    "user_not_found": "not_found",
    "channel_not_found": "not_found",
    "channel_is_archived": "not_found",
    "no_service": "not_found",
    "no_team": "not_found",
    "action_prohibited": "forbidden",
    "invalid_token": "unauthorised",
    "rollup_error": "gateway_down",
}
_LONGEST_WORD = 60


def escape(text: str) -> str:
    """The text as Slack shows it unchanged: ``&``, ``<`` and ``>`` are its control characters."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def post(call: Call) -> Json:
    """Post one message. Not idempotent: an answer that is lost leaves the step uncertain."""
    text = cast("str", call.input["text"])
    payload: dict[str, Json] = {"text": text if call.input.get("formatted") else escape(text)}
    if call.input.get("blocks"):
        payload["blocks"] = call.input["blocks"]
    response = call.http.request("POST", call.connection.secret("webhook_url"), json=payload, repeatable=False)
    if response.status == 200 and _says_ok(response):  # noqa: PLR2004
        return {"posted": True}
    if response.status < 300:  # noqa: PLR2004
        raise failure("uncertain", "Something that is not Slack answered.", details=response.text[:500])
    raise _refusal(call, response)


def test(call: Call) -> str:
    """Send an empty message: Slack refuses it without posting when the address is right."""
    response = call.http.request("POST", call.connection.secret("webhook_url"), json={}, repeatable=True)
    if response.status == 400 and _word(response) in {"no_text", "invalid_payload"}:  # noqa: PLR2004
        return "The webhook address is right; nothing was posted."
    if response.status < 300:  # noqa: PLR2004
        return "The address answers, and took an empty message."
    raise _refusal(call, response)


def _says_ok(response: HttpResponse) -> bool:
    if response.text.strip().lower() == "ok":
        return True
    answer = json_or_none(response)
    return isinstance(answer, dict) and answer.get("ok") is True


def _word(response: HttpResponse) -> str | None:
    word = response.text.strip()
    return word if word.replace("_", "").isalnum() and len(word) <= _LONGEST_WORD else None


def _refusal(call: Call, response: HttpResponse) -> Exception:
    word = _word(response)
    known = _MEANING.get(word or "")
    if known is not None:
        return failure(known, f"Slack answered {response.status} ({word}).", gateway_code=word)
    return failure_of(response, ErrorTable(), now=call.now, repeatable=False)


connector = ConnectorCode(actions={"message.post": ActionCode(post)}, test=test)
