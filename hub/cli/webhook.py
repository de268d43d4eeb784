"""The command ``hub webhook verify`` answers why a webhook was refused."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click
import yaml

from hub.cli.output import FOUND_SOMETHING, fail, format_option, show
from hub.connect.api import Call, Connection, WebhookRequest
from hub.connect.registry import Registry
from hub.connect.schemas import CompiledSchema
from hub.errors import ConfigError, DeliveryError, HubError, SignatureError, TransientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub.connect.api import CanonicalEvent, HttpClient, HttpResponse, RawEvent
    from hub.connect.connector import LoadedConnector
    from hub.connect.manifest import Manifest
    from hub.jsontypes import Json, JsonObject


@click.group("webhook", help="Look into webhooks without a running hub.")
def webhook_group() -> None:
    """The group of ``hub webhook``."""


@webhook_group.command("verify")
@click.argument("connector")
@click.argument("request_file", metavar="REQUEST", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--config", "config_file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--at", "at", metavar="TIME", help="Verify as if it were this time, like 2026-11-23T09:00:00Z.")
@click.option("--fetch", "fetched", multiple=True, metavar="URL=FILE", help="What a certificate or key address gives.")
@format_option(default="json")
@click.pass_context
def verify(  # noqa: PLR0913 (one parameter per option)
    context: click.Context,
    connector: str,
    request_file: Path,
    config_file: Path,
    at: str | None,
    fetched: tuple[str, ...],
    output_format: str,
) -> None:
    """Say whether CONNECTOR accepts the raw HTTP request in the file REQUEST, and which events it gives.

    The configuration is a YAML file of the connection's fields. The exit code is 0 when it is accepted, 1 when it
    is refused.

    Example: hub webhook verify stripe --config stripe.yaml --at 2023-11-14T22:13:20Z request.http
    """
    try:
        loaded = Registry.load().named(connector)
        connection = read_connection(loaded.manifest, config_file)
        request = parse_request(request_file.read_bytes())
        now = _moment(at)
        fetch = _fetcher(fetched)
    except (HubError, ValueError) as error:
        fail(context, error)
    try:
        reception = loaded.receive(request, connection, now, fetch)
    except (SignatureError, DeliveryError) as error:
        verdict: JsonObject = {"accepted": False, "reason": str(error), "code": error.code, "events": []}
        refusal = f"Refused ({error.code}): {error}"
        show(verdict, output_format, lambda _: refusal)
        context.exit(FOUND_SOMETHING)
    except HubError as error:
        fail(context, error)
    told = [event for raw in reception.pending for event in _as_delivered(loaded, raw, connection, now)]
    events: list[Json] = [
        {
            "type": event.type,
            "source_id": event.source_id,
            "time": event.time.isoformat().replace("+00:00", "Z") if event.time else None,
            "connection": connection.name,
            "data": event.data,
        }
        for event in (*reception.events, *told)
    ]
    reason = "The delivery is a hint: nothing signs it." if reception.hint else "The signature is right."
    if reception.pending:
        reason += (
            " The hub reads the event again from the gateway before it records it; here it stands as it was delivered."
        )
    verdict = {"accepted": True, "reason": reason, "events": events}
    show(verdict, output_format, lambda _: "\n".join([f"Accepted. {reason}", *(_line(event) for event in events)]))


class _Nobody:
    """Stands where the gateway would be asked: nobody is, for this is a look into one delivery."""

    def request(self, method: str, url: str, **_options: object) -> HttpResponse:
        message = f"{method} {url} is not called from here."
        raise TransientError(message, code="not_asked", remedy="The running hub calls it.")


def _as_delivered(
    loaded: LoadedConnector, raw: RawEvent, connection: Connection, now: datetime
) -> tuple[CanonicalEvent, ...]:
    """The events of a raw event that the hub would read again, as far as the delivery itself tells them."""
    nobody = cast("HttpClient", _Nobody())
    with contextlib.suppress(HubError):
        raw = loaded.enrich(raw, Call(connection, {}, "0" * 40, "hub-look", now, nobody))
    try:
        return loaded.map(raw, connection)
    except DeliveryError:
        return ()


def _line(event: Json) -> str:
    assert isinstance(event, dict)
    return f"  {event['type']}  {event['source_id']}  {json.dumps(event['data'], ensure_ascii=False)}"


def read_connection(manifest: Manifest, file: Path) -> Connection:
    """A connection from a YAML file of its fields; a secret may be a list, newest first.

    Fields that verifying does not need may be left out. Raises ``ConfigError`` that names the wrong field.
    """
    try:
        fields = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        message = f"{file} is not YAML: {error}."
        raise ConfigError(message, remedy="Write the connection's fields as `name: value`, one a line.") from error
    if not isinstance(fields, dict):
        message = f"{file} does not hold the fields of a connection."
        raise ConfigError(message, remedy="Write the connection's fields as `name: value`, one a line.")
    known = {field.name for field in manifest.fields}
    unknown = sorted(set(fields) - known)
    if unknown:
        message = f"{file}: {manifest.title} has no field {unknown[0]!r}."
        raise ConfigError(message, remedy=f"Its fields are {', '.join(sorted(known))}.")
    defaults = {field.name: field.default for field in manifest.fields if field.default is not None}
    secrets = {name: _values(fields[name]) for name in manifest.secret_names if fields.get(name)}
    # YAML reads 2026-06-24 as a date; the fields know only texts.
    given = {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in fields.items()
        if name not in manifest.secret_names and value is not None
    }
    for field in manifest.fields:
        problems = CompiledSchema(field.schema).problems(given[field.name]) if field.name in given else []
        if problems:
            message = f"{file}: {field.name}: {problems[0]}."
            raise ConfigError(message, remedy=field.description or "Correct it as the connection's form has it.")
    return Connection(manifest.name, manifest.name, cast("JsonObject", {**defaults, **given}), secrets)


def _values(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in value) if isinstance(value, list) else (str(value),)


def parse_request(raw: bytes) -> WebhookRequest:
    """A raw HTTP/1.1 request: request line, headers, an empty line, and the body to its last byte.

    Lines may end with CR LF or LF. Raises ``ValueError`` when it is no request.
    """
    head, separator, body = raw.partition(b"\r\n\r\n")
    plain_head, plain_separator, plain_body = raw.partition(b"\n\n")
    if plain_separator and (not separator or len(plain_head) < len(head)):
        head, body = plain_head, plain_body
    lines = head.decode("latin-1").splitlines()
    parts = lines[0].split() if lines else []
    if len(parts) < 2:  # noqa: PLR2004 (method and target)
        message = "The file does not begin with a request line like `POST /hooks/stripe HTTP/1.1`."
        raise ValueError(message)
    headers = {
        name.strip().lower(): value.strip()
        for name, colon, value in (line.partition(":") for line in lines[1:])
        if colon
    }
    target, _, query = parts[1].partition("?")
    if not target.startswith("http"):
        target = f"https://{headers.get('host', 'localhost')}{target}"
    url = f"{target}?{query}" if query else target
    return WebhookRequest(method=parts[0].upper(), url=url, query=query, headers=headers, body=body)


def _moment(at: str | None) -> datetime:
    if at is None:
        return datetime.now(UTC)
    moment = datetime.fromisoformat(at)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _fetcher(fetched: tuple[str, ...]) -> Callable[[str], bytes]:
    files = {url: Path(file) for url, _, file in (one.rpartition("=") for one in fetched)}
    for url, file in files.items():
        if not url or not file.is_file():
            message = f"--fetch {url}={file}: there is no such file. Write --fetch URL=FILE."
            raise ValueError(message)

    def fetch(url: str) -> bytes:
        if url not in files:
            message = f"The scheme asks for {url}."
            raise SignatureError(message, code="not_fetched", remedy=f"Give it with --fetch {url}=FILE.")
        return files[url].read_bytes()

    return fetch


COMMANDS = (webhook_group,)
