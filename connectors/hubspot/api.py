"""HubSpot's API: paths of the pinned version, the token, and what its refusals mean.

Sources: HubSpot's public API descriptions (August 2026) and its usage guidelines (limits, table of 2025-08).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from hub.connect.answers import EXCERPT, default_code, failure, json_or_none, retry_after
from hub.connect.rest import query_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call, HttpResponse
    from hub.errors import ActionError
    from hub.jsontypes import Json, JsonObject

BASE = "https://api.hubapi.com"
VERSION = "v3"

TEN_SECONDS = 10.0
"""Seconds after which the rolling window of ten seconds is surely over."""
LOCKED = 2.0
"""Seconds that HubSpot asks to wait after 423."""
MIGRATING = 60.0
"""Seconds after 477 (the account moves to another data centre) when HubSpot names no pause."""
PAST_MIDNIGHT = 60.0
"""Seconds after the daily limit was reset, so that clocks may differ."""

_RATE_LIMITED = 429
_CONFLICT = 409
_LOCKED = 423
_MIGRATING = 477
_CATEGORIES: Mapping[str, str] = {
    "VALIDATION_ERROR": "invalid_request",
    "INVALID_EMAIL": "invalid_request",
    "MISSING_SCOPES": "forbidden",
    "BANNED": "forbidden",
    "INVALID_AUTHENTICATION": "unauthorised",
    "EXPIRED_AUTHENTICATION": "unauthorised",
    "OBJECT_NOT_FOUND": "not_found",
    "CONFLICT": "duplicate",
    "RATE_LIMITS": "rate_limited",
}


class HubSpot:
    """The API for one call."""

    def __init__(self, call: Call) -> None:
        self._call = call
        settings = call.connection.settings
        self.base = str(settings.get("api_base") or BASE).rstrip("/")
        self.version = str(settings.get("api_version") or VERSION)

    def objects(self, kind: str, rest: str = "") -> str:
        """The path of an object type: ``/crm/v3/objects/contacts``, or with a dated version ``/crm/objects/2026-03/…``."""
        place = "/crm/v3/objects" if self.version == VERSION else f"/crm/objects/{self.version}"
        return f"{place}/{kind}{rest}"

    def get(self, path: str, query: Json = None) -> JsonObject:
        """GET. Raises like an action."""
        return self._object(self.judged("GET", path, query=query))

    def send(self, method: str, path: str, json: Json = None, *, repeatable: bool = True) -> JsonObject:
        """Send JSON; an empty answer gives an empty object. ``repeatable=False``: an answer lost is uncertain."""
        return self._object(self.judged(method, path, json=json, repeatable=repeatable))

    def judged(  # noqa: PLR0913 (the parts of a request)
        self,
        method: str,
        path: str,
        *,
        query: Json = None,
        json: Json = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
    ) -> HttpResponse:
        """One request; raises what an error answer means."""
        response = self._call.http.request(
            method,
            f"{self.base}{path}",
            params=query_pairs(query) if query else None,
            headers={**(headers or {}), "Authorization": f"Bearer {self._call.connection.secret('access_token')}"},
            json=json,
            repeatable=repeatable,
        )
        if response.status >= 400:  # noqa: PLR2004
            raise self.failure_of(response)
        return response

    def failure_of(self, response: HttpResponse) -> ActionError:
        """The error that an answer of 400 and above means, in HubSpot's own words."""
        answer = json_or_none(response)
        error = answer if isinstance(answer, dict) else {}
        category = str(error.get("category") or error.get("errorType") or "") or None
        message = f"HubSpot answered {response.status}{f' ({category})' if category else ''}{words(error)}"
        details: object = error or response.text[:EXCERPT]
        pause = retry_after(response.headers, self._call.now)
        code = _CATEGORIES.get(category or "", default_code(response.status))
        if response.status == _RATE_LIMITED:
            code, pause = "rate_limited", self._pause(response, error, pause)
        elif response.status == _LOCKED:
            code, pause = "conflict", max(pause or 0.0, LOCKED)
        elif response.status == _MIGRATING:
            code, pause = "gateway_down", pause or MIGRATING
        elif response.status == _CONFLICT:
            code = "duplicate"
        elif response.status >= 500:  # noqa: PLR2004
            code = "gateway_down"
        return failure(code, message, gateway_code=category, details=details, retry_after=pause)

    def _pause(self, response: HttpResponse, error: JsonObject, asked: float | None) -> float:
        """Seconds until it makes sense to ask again. The daily limit is reset at midnight in the account's time zone."""
        policy = str(error.get("policyName") or "")
        if policy == "DAILY" or response.headers.get("X-HubSpot-RateLimit-Daily-Remaining") == "0":
            zone = ZoneInfo(str(self._call.connection.settings.get("time_zone") or "UTC"))
            return seconds_to_midnight(self._call.now, zone) + PAST_MIDNIGHT
        return asked or TEN_SECONDS

    def _object(self, response: HttpResponse) -> JsonObject:
        if not response.body.strip():
            return {}
        answer = response.json()
        if not isinstance(answer, dict):
            raise failure("bad_answer", "HubSpot answered with something else than an object.")
        return answer


def seconds_to_midnight(now: datetime, zone: ZoneInfo) -> float:
    """Seconds from ``now`` (UTC) to the next midnight of a zone, whatever the clocks there do in between."""
    local = now.astimezone(zone)
    midnight = datetime.combine(local.date() + timedelta(days=1), datetime.min.time(), tzinfo=zone)
    return midnight.timestamp() - now.timestamp()


def words(error: JsonObject) -> str:
    """HubSpot's own words for an error, each detail once; every member may be missing."""
    details = [cast("JsonObject", one).get("message") for one in cast("list[Json]", error.get("errors") or [])]
    said = dict.fromkeys(str(text) for text in [error.get("message"), *details] if text)
    return f": {' '.join(said)}" if said else "."


def text_of(value: Json) -> str:
    """A property's value as HubSpot takes it: texts; true and false in small letters; null empties the property."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def properties_of(given: Json) -> dict[str, Json]:
    """Properties with their values as texts."""
    return {name: text_of(value) for name, value in cast("JsonObject", given or {}).items()}
