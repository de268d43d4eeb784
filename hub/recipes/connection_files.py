"""``connections/*.yaml``: which connector, which settings; never a secret, which is entered by hand on each hub."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

import jsonschema_rs

from hub.errors import NotFoundError
from hub.recipes.document import parse_document
from hub.recipes.findings import Finding, FindingsError, did_you_mean, nearest
from hub.recipes.input_checks import input_findings
from hub.recipes.secret_checks import secret_findings
from hub.recipes.structure import flow

if TYPE_CHECKING:
    from collections.abc import Collection

    from hub.jsontypes import Json, JsonObject, JsonSchema
    from hub.recipes.document import Document

_KEYS = ("name", "connector", "settings")


class Connectors(Protocol):
    """What the connectors' manifests say of their connections."""

    def form(self, connector: str) -> tuple[JsonSchema, Collection[str]]:
        """The schema of the settings, and the names of the secret fields.

        Raises ``NotFoundError`` (its remedy names the nearest connector).
        """


@dataclass(frozen=True, slots=True)
class ConnectionFile:
    """What a connection's file says."""

    name: str
    connector: str
    settings: JsonObject = field(default_factory=dict)


def read_connection(text: str, file: str, connectors: Connectors) -> tuple[ConnectionFile | None, list[Finding]]:
    """The connection in ``text`` (None when it cannot be read at all) and everything that is wrong with it."""
    try:
        document = parse_document(text, file)
    except FindingsError as error:
        return None, list(error.findings)
    findings = [*document.findings, *secret_findings(document)]
    value = document.value
    if not isinstance(value, dict):
        message = "A connection's file must be keys with values."
        remedy = "Write name: crm, connector: hubspot, settings: …"
        return None, [*findings, document.finding((), "type", message, remedy)]
    for key in value:
        if key not in _KEYS:
            message, remedy = f"A connection's file has no key {key!r}.", did_you_mean(key, _KEYS)
            findings.append(
                document.finding((key,), "unknown_key", message, remedy, at_key=True, fix=nearest(key, _KEYS))
            )
    for key in ("name", "connector"):
        if not isinstance(value.get(key), str):
            message = f"A connection's file needs {key!r}, which is text."
            remedy = f"Write, for example, {key}: {'crm' if key == 'name' else 'hubspot'}"
            findings.append(document.finding((key,), "missing_key", message, remedy))
    settings = value.get("settings") or {}
    if not isinstance(settings, dict):
        findings.append(document.finding(("settings",), "type", "`settings` must be keys with values."))
    if not isinstance(value.get("name"), str) or not isinstance(value.get("connector"), str):
        return None, findings
    connection = ConnectionFile(
        str(value["name"]), str(value["connector"]), settings if isinstance(settings, dict) else {}
    )
    return connection, [*findings, *_settings_findings(document, connection, connectors, findings)]


def connection_text(connection: ConnectionFile, earlier: str | None = None) -> str:
    """The connection's file. ``earlier``, its text so far, is kept to the byte as long as it says the same."""
    if earlier is not None and _says(earlier, connection):
        return earlier
    lines = [f"name: {flow(connection.name)}", f"connector: {flow(connection.connector)}"]
    if connection.settings:
        lines += [
            "settings:",
            *(f"  {flow(name)}: {flow(value)}" for name, value in sorted(connection.settings.items())),
        ]
    return "\n".join(lines) + "\n"


def _says(text: str, connection: ConnectionFile) -> bool:
    try:
        value = parse_document(text).value
    except FindingsError:
        return False
    settings: Json = dict(connection.settings)
    if not isinstance(value, dict):
        return False
    return {**value, "settings": value.get("settings") or {}} == {
        "name": connection.name,
        "connector": connection.connector,
        "settings": settings,
    }


def _settings_findings(
    document: Document, connection: ConnectionFile, connectors: Connectors, told: list[Finding]
) -> list[Finding]:
    try:
        schema, secrets = connectors.form(connection.connector)
    except NotFoundError as error:
        return [document.finding(("connector",), error.code, error.message, error.remedy)]
    lines = {finding.line for finding in told if finding.code == "secret"}
    findings = []
    open_settings: dict[str, Json] = {}
    for name, value in connection.settings.items():
        span = document.key_span(("settings", name))
        if name not in secrets:
            open_settings[name] = value
        elif span.line not in lines:
            message = f"{name!r} is a secret; secrets never stand in files."
            remedy = "Delete it here, and enter it on the hub under Connections."
            findings.append(document.finding(("settings", name), "secret", message, remedy, at_key=True))
    place = ("settings",) if document.node(("settings",)) is not None else ("connector",)
    what = f"A connection of {connection.connector}"
    if not jsonschema_rs.validator_for(json.dumps(schema)).is_valid(cast("object", open_settings)):
        findings += input_findings(document, place, open_settings, {}, schema, what)
    return findings
