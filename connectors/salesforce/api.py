"""Salesforce's REST API: calls in a session, and what its refusals mean by ``errorCode``, never by the status alone."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from connectors.salesforce import login
from hub.connect.answers import ErrorTable, failure, failure_of, json_or_none
from hub.connect.rest import query_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.api import Call, HttpResponse
    from hub.errors import ActionError
    from hub.jsontypes import Json

VERSION = "67.0"
"""Summer '26."""

LONG_PARK = 3600.0
"""Seconds after the day's calls are used up: the window of 24 hours rolls, so some are free again after a while."""

ERRORS = ErrorTable(
    code=("answer[0].errorCode", "answer.error"),
    message="answer[0].message || answer.error_description",
    table={
        # May work later, whatever the status says.
        "UNABLE_TO_LOCK_ROW": "conflict",
        "SERVER_UNAVAILABLE": "gateway_down",
        "QUERY_TIMEOUT": "timeout",
        "REQUEST_RUNNING_TOO_LONG": "timeout",
        "REQUEST_LIMIT_EXCEEDED": "rate_limited",
        "TXN_SECURITY_METERING_ERROR": "rate_limited",
        # Will not.
        "API_CURRENTLY_DISABLED": "not_enabled",
        "API_DISABLED_FOR_ORG": "not_enabled",
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": "invalid_request",
        "DUPLICATES_DETECTED": "duplicate",
        "DUPLICATE_EXTERNAL_ID": "duplicate",
        "DUPLICATE_VALUE": "duplicate",
        "ENTITY_IS_DELETED": "not_found",
        "FIELD_CUSTOM_VALIDATION_EXCEPTION": "invalid_request",
        "INSUFFICIENT_ACCESS": "forbidden",
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": "forbidden",
        "INSUFFICIENT_ACCESS_OR_READONLY": "forbidden",
        "INVALID_CROSS_REFERENCE_KEY": "invalid_request",
        "INVALID_FIELD": "invalid_request",
        "INVALID_SESSION_ID": "unauthorised",
        "INVALID_TYPE": "invalid_request",
        "MALFORMED_ID": "invalid_request",
        "MALFORMED_QUERY": "invalid_request",
        "NOT_FOUND": "not_found",
        "REQUIRED_FIELD_MISSING": "invalid_request",
        "STORAGE_LIMIT_EXCEEDED": "limit_exceeded",
        "STRING_TOO_LONG": "invalid_request",
    },
)
"""Salesforce's error codes in ours."""

_LONG_PARKED = frozenset({"REQUEST_LIMIT_EXCEEDED", "TXN_SECURITY_METERING_ERROR"})


class Salesforce:
    """The API for one call."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.root = f"/services/data/v{call.connection.settings.get('api_version') or VERSION}"

    def send(  # noqa: PLR0913 (the parts of a request)
        self,
        method: str,
        path: str,
        *,
        query: Json = None,
        json: Json = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool | None = None,
    ) -> HttpResponse:
        """One request in the session, whatever the answer; with a new session once when the old one was refused."""
        used = login.session(self._call)
        response = self._attempt(used, method, path, query, json, headers, repeatable=repeatable)
        if response.status == 401 and ERRORS.own_code(json_or_none(response)) == "INVALID_SESSION_ID":  # noqa: PLR2004
            login.forget(self._call, used)
            used = login.session(self._call)
            response = self._attempt(used, method, path, query, json, headers, repeatable=repeatable)
        return response

    def judged(
        self, method: str, path: str, *, query: Json = None, json: Json = None, repeatable: bool | None = None
    ) -> Json:
        """The JSON of a good answer (None for an empty one). Raises like an action."""
        response = self.send(method, path, query=query, json=json, repeatable=repeatable)
        self.judge(response)
        return response.json() if response.body.strip() else None

    def judge(self, response: HttpResponse) -> None:
        """Raise what an answer of 300 and above means."""
        if response.status >= 300:  # noqa: PLR2004
            raise self.failure_of(response)

    def failure_of(self, response: HttpResponse) -> ActionError:
        """The error that an answer means, in Salesforce's own words."""
        own_code = ERRORS.own_code(json_or_none(response))
        if own_code in _LONG_PARKED:
            message = (
                f"Salesforce answered {response.status} ({own_code}): {ERRORS.own_message(json_or_none(response))}"
            )
            return failure(
                "rate_limited", message, gateway_code=own_code, details=json_or_none(response), retry_after=LONG_PARK
            )
        return failure_of(response, ERRORS, now=self._call.now)

    def _attempt(  # noqa: PLR0913 (the parts of a request)
        self,
        used: login.Session,
        method: str,
        path: str,
        query: Json,
        json: Json,
        headers: Mapping[str, str] | None,
        *,
        repeatable: bool | None,
    ) -> HttpResponse:
        return self._call.http.request(
            method,
            f"{used.instance_url}{path}",
            params=query_pairs(query) if query else None,
            headers={"Accept": "application/json", **(headers or {}), "Authorization": f"Bearer {used.token}"},
            json=json,
            repeatable=repeatable,
        )


def segment(text: Json) -> str:
    """A value as one segment of a path: without it, ``a/b`` would be written under another record's key."""
    return quote(str(text), safe="")
