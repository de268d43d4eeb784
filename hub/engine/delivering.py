"""One try to deliver a message of an outgoing webhook: signed, sent, and what came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.connect.api import Connection
from hub.connect.signatures import sign_standard_webhook
from hub.errors import ActionError
from hub.jsontypes import canonical_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.engine.hub import Hub
    from hub.journal.book import Row
    from hub.jsontypes import JsonObject

_TIMEOUT: Final = 15.0
_EXCERPT: Final = 500


@dataclass(frozen=True, slots=True)
class Attempted:
    """What came of sending a message once. ``status`` is None when no answer came, ``error`` None when it was delivered."""

    status: int | None
    error: str | None
    answer: str
    milliseconds: int


def deliver(hub: Hub, webhook: Row, message: Row, event: Row | None, secrets: Sequence[str]) -> Attempted:
    """Send a message once, signed with each of the secrets. A failure is an outcome, nothing is raised."""
    if event is None:
        return Attempted(None, "The event was deleted by the retention.", "", 0)
    begun = time.monotonic()
    status, error, answer = None, None, ""
    try:
        headers, body = _signed(hub, message, event, secrets)
        client = hub.outbound.client(Connection(webhook.id, "outgoing", {}, {}), timeout=_TIMEOUT)
        answered = client.request("POST", webhook.url, headers=headers, body=body)
        status, answer = answered.status, answered.text[:_EXCERPT].replace("\x00", "")
        if not 200 <= status < 300:  # noqa: PLR2004 (HTTP's class of success)
            error = f"The receiver answered {status}; only 2xx counts as delivered."
    except ActionError as problem:
        error = problem.message
    if error is not None:
        hub.outbound.forget(webhook.id)  # the pauses between tries are ours, no circuit breaker's
    return Attempted(status, error, answer, round((time.monotonic() - begun) * 1000))


def _signed(hub: Hub, message: Row, event: Row, secrets: Sequence[str]) -> tuple[dict[str, str], bytes]:
    stamp = event.time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    said: JsonObject = {"id": event.id, "type": event.type, "timestamp": stamp, "connection": event.source}
    body = canonical_json({**said, "data": event.data})
    each = [sign_standard_webhook(secret, message.id, hub.now(), body) for secret in secrets]
    signatures = " ".join(one["webhook-signature"] for one in each)
    return {**each[0], "webhook-signature": signatures, "Content-Type": "application/json"}, body
