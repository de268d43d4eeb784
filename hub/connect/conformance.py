"""Holds every connector's folder to the same rules (``hub connector check``, and a test over all connectors)."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from hub.connect.answers import error_codes
from hub.connect.api import Connection, ConnectorCode, RawEvent
from hub.connect.manifest import CAPABILITIES, Idempotency, Kind, Support, load_manifest
from hub.connect.mapping import EventMap
from hub.connect.redaction import has_card_number
from hub.connect.registry import Place, load_code
from hub.connect.rest import RestAction
from hub.connect.schemas import CompiledSchema
from hub.connect.webhooks import WebhookReceiver
from hub.errors import HubError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from hub.connect.manifest import ActionSpec, Capability, Manifest
    from hub.jsontypes import JsonObject

README_SECTIONS = ("Set-up", "Limits", "Quirks", "Unconfirmed")

# What each capability needs among the actions, one of each tuple: natively, and where the hub does it on the gateway's
# primitives (a link whose page mints a checkout, a plan whose charges the hub schedules, a hold by collecting first).
_NATIVE: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "single_payment": (("payment.create",), ("payment.get",)),
    "recurring_payment": (("subscription.create",),),
    "connector_api": (("request",),),
    "embedded_form": (("form.embed",),),
    "payment_link": (("link.create",), ("link.cancel",)),
    "escrow": (("payment.capture", "transfer.create"),),
    "plan_create": (("plan.create", "subscription.create"),),
    "plan_update": (("plan.update", "subscription.update"),),
    "plan_cancel": (("plan.cancel", "subscription.cancel"),),
    "refund": (("payment.refund",),),
    "split_payment": (("transfer.create", "payment.create"),),
    "payout": (("payout.create",), ("payout.get",)),
}
_BY_THE_HUB: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "recurring_payment": (("payment.create",),),
    "embedded_form": (("payment.create",),),
    "payment_link": (("payment.create",),),
    "escrow": (("payment.capture", "payment.create"),),
    "plan_create": (("payment.create",),),
    "plan_update": (("payment.create",),),
    "plan_cancel": (("payment.create",),),
    "refund": (("payment.void", "request", "payout.create"),),
}

# What no sample may hold: real keys, tokens and certificates look like this.
_SECRETS = re.compile(
    r"(sk|rk|pk)_live_\w+|whsec_(?!made_up)[A-Za-z0-9+/]{20,}|xox[baprs]-[A-Za-z0-9-]{10,}|AKIA[0-9A-Z]{16}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY|eyJ[\w-]{20,}\.eyJ[\w-]{20,}\.|hooks\.slack\.com/services/T\w{8,}"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: where, what, and how to mend it. ``rule`` is stable."""

    rule: str
    place: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message} {self.remedy}"


def check_connector(folder: Path, module: str | None = None) -> list[Finding]:
    """Every rule that a connector's folder breaks; none when it is in order.

    ``module`` is its importable package; None for a folder outside of packages, whose code is imported from its file.
    """
    try:
        manifest = load_manifest(folder)
    except HubError as error:
        return [Finding("manifest", "connector.yaml", error.message, error.remedy)]
    try:
        code = load_code(Place(folder, module))
    except (HubError, ImportError, SyntaxError, NameError, AttributeError, TypeError, ValueError) as error:
        return [
            Finding("code", "connector.py", f"It cannot be imported: {error}.", "Mend the first error and try again.")
        ]
    return [
        *_links(manifest),
        *_connection(manifest),
        *_capabilities(manifest, code),
        *_actions(manifest, code),
        *_webhook(manifest, code),
        *_enrich(manifest, code),
        *_events(manifest),
        *_sample_files(manifest),
        *_readme(manifest),
    ]


def _links(manifest: Manifest) -> Iterator[Finding]:
    for name, link in manifest.links.items():
        if not link.startswith("https://"):
            yield Finding("links", f"links.{name}", f"{link} is not https.", "Write the https address.")
    if manifest.kind is not Kind.HUB and not manifest.setup.strip() and not manifest.builtin:
        message = "There are no set-up steps."
        yield Finding("setup", "setup", message, "Say as a Markdown list what to do at the provider.")
    if manifest.webhook and manifest.setup and "{webhook_url}" not in manifest.setup:
        message = "The set-up does not say where the webhook's address goes."
        yield Finding("setup", "setup", message, "Put {webhook_url} where the admin has to enter it.")


def _connection(manifest: Manifest) -> Iterator[Finding]:
    telling = re.compile(r"(?i)(secret|password|private|token$|api_key)")
    for field in manifest.fields:
        if telling.search(field.name) and not field.secret and field.schema.get("type") == "string":
            message = "The field sounds like a secret and is not marked."
            yield Finding("secrets", f"connection.{field.name}", message, "Add secret: true, or rename it.")
        if field.secret and field.default is not None:
            message = "A secret must not have a default."
            yield Finding("secrets", f"connection.{field.name}", message, "Remove the default.")
    try:
        schema = CompiledSchema(manifest.settings)
    except ValueError as error:
        yield Finding("connection", "connection", f"It is not a JSON Schema: {error}.", "Correct it.")
        return
    defaults = {field.name: field.default for field in manifest.fields if field.default is not None}
    for problem in schema.problems(defaults):
        if problem.path:
            yield Finding("connection", f"connection.{problem}", "Its default breaks its schema.", "Correct it.")


def _capabilities(manifest: Manifest, code: ConnectorCode) -> Iterator[Finding]:
    if manifest.kind is not Kind.GATEWAY:
        return
    for key, title in CAPABILITIES.items():
        place = f"capabilities.{key}"
        cell = manifest.capabilities.get(key)
        if cell is None:
            message = f"{title} is not spoken of."
            yield Finding("capabilities", place, message, "Say native, hub or none, with a reason.")
            continue
        table = {Support.NATIVE: _NATIVE, Support.HUB: _BY_THE_HUB}.get(cell.status, {})
        for choices in table.get(key, ()):
            if not any(name in manifest.actions for name in choices):
                message = f"{title} is {cell.status.value}, but there is no action {' or '.join(choices)}."
                yield Finding("capabilities", place, message, "Add the action, or say none with the reason.")
        yield from _cell_files(manifest, code, cell)
        for name, spec in manifest.actions.items():
            if spec.capability == key and cell.status is Support.NONE:
                message = f"It says none, but there is the action {name}."
                yield Finding("capabilities", place, message, "Remove the action or say native.")


def _cell_files(manifest: Manifest, code: ConnectorCode, cell: Capability) -> Iterator[Finding]:
    """What a cell needs beside actions."""
    place = f"capabilities.{cell.key}"
    native, by_hub = cell.status is Support.NATIVE, cell.status is Support.HUB
    shows_itself = native and not manifest.is_routed
    if cell.key == "embedded_form" and shows_itself and not (manifest.folder / "form.js").is_file():
        message = "The gateway has a form of its own, but there is no form.js that shows it."
        yield Finding("capabilities", place, message, "Write form.js; docs/connectors.md says what it exports.")
    if cell.key == "webhooks" and native and manifest.webhook is None:
        yield Finding("capabilities", place, "Webhooks are native, but there is no webhook entry.", "Add it.")
    if cell.key == "webhooks" and by_hub and not (manifest.polling and code.poll):
        message = "The hub stands in for webhooks, but nothing polls."
        yield Finding("capabilities", place, message, "Add polling and its code.")


def _actions(manifest: Manifest, code: ConnectorCode) -> Iterator[Finding]:
    for name in code.actions:
        if name not in manifest.actions:
            message = "The code has an action that the manifest does not name."
            yield Finding("actions", f"connector.py, {name}", message, "Add it to connector.yaml or remove it.")
    for spec in manifest.actions.values():
        yield from _action(spec, code, by_hub=manifest.by_hub)
        yield from _action_schemas(spec)
        yield from _rest(manifest, spec)


def _action(spec: ActionSpec, code: ConnectorCode, *, by_hub: bool) -> Iterator[Finding]:
    place = f"actions.{spec.name}"
    coded = code.actions.get(spec.name)
    if by_hub and (coded is not None or spec.rest is not None):
        yield Finding("actions", place, "The hub does it (by_hub), so nothing else may.", "Remove rest: and the code.")
    elif not by_hub and (coded is None) == (spec.rest is None):
        message = "It needs either rest: or code" + ("." if coded is None else ", not both.")
        yield Finding("actions", place, message, "Write rest: in connector.yaml, or the function in connector.py.")
    if spec.idempotent is Idempotency.LOOKUP and (coded is None or coded.find is None):
        message = "It is idempotent by look-up, but nothing looks up."
        yield Finding("actions", place, message, "Give ActionCode(run, find).")
    for unknown in sorted(set(spec.errors) - error_codes().keys()):
        message = f"{unknown!r} is not a code of the error table."
        yield Finding("actions", place, message, "Use a code of hub/connect/errors.yaml.")
    if spec.capability is not None and spec.capability not in CAPABILITIES:
        yield Finding("actions", place, f"There is no capability {spec.capability!r}.", "Use a known key.")


def _action_schemas(spec: ActionSpec) -> Iterator[Finding]:
    place = f"actions.{spec.name}"
    for side, schema in (("input", spec.input), ("output", spec.output)):
        try:
            CompiledSchema(schema)
        except ValueError as error:
            yield Finding("actions", f"{place}.{side}", f"It is not a JSON Schema: {error}.", "Correct it.")
    if spec.input.get("additionalProperties") is not False:
        message = "Its input takes unknown names, so a misspelt one would be ignored."
        yield Finding("actions", f"{place}.input", message, "Add additionalProperties: false.")


def _rest(manifest: Manifest, spec: ActionSpec) -> Iterator[Finding]:
    if spec.rest is None:
        return
    place = f"actions.{spec.name}"
    try:
        RestAction(spec, manifest)
    except HubError as error:
        yield Finding("actions", f"{place}.rest", error.message, error.remedy or "Correct the expression.")
    tables = [manifest.api.get("errors"), spec.rest.get("errors")]
    for table in tables:
        codes = cast("Mapping[str, str]", cast("JsonObject", table or {}).get("table") or {})
        for unknown in sorted(set(codes.values()) - error_codes().keys()):
            message = f"{unknown!r} is not a code of the error table."
            yield Finding("actions", f"{place}.rest.errors", message, "Use a code of hub/connect/errors.yaml.")
    fields = {field.name for field in manifest.fields}
    auth = cast("Mapping[str, str]", manifest.api.get("auth") or {})
    for part in ("user", "password", "token", "secret", "client_id", "client_secret"):
        if part in auth and auth[part] not in fields:
            message = f"api.auth.{part} names {auth[part]!r}, which is no field of the connection."
            yield Finding("actions", "api.auth", message, "Name a field of the connection.")


def _webhook(manifest: Manifest, code: ConnectorCode) -> Iterator[Finding]:
    entry = manifest.webhook
    if entry is None:
        if code.verify is not None:
            yield Finding("webhook", "webhook", "The code verifies webhooks, but there is no entry.", "Add webhook.")
        return
    if (entry["scheme"] == "code") != (code.verify is not None):
        message = "scheme: code and the function verify belong together."
        yield Finding("webhook", "webhook.scheme", message, "Name a scheme, or write verify in connector.py.")
    if entry["scheme"] == "code":
        return
    try:
        WebhookReceiver(entry)
    except HubError as error:
        yield Finding("webhook", "webhook", error.message, error.remedy)
    secret = entry.get("secret", "webhook_secret")
    if secret not in manifest.secret_names:
        message = f"The secret {secret!r} is no secret field of the connection."
        yield Finding("webhook", "webhook.secret", message, "Add the field, marked secret: true.")
    for key in ("dedupe", "type"):
        if key not in entry:
            yield Finding("webhook", f"webhook.{key}", "It is missing.", "Say where the event's id and type are.")


def _enrich(manifest: Manifest, code: ConnectorCode) -> Iterator[Finding]:
    if manifest.enrich == ("*",):
        return
    if code.enrich is None:
        message = "It names raw types to read again, but no code reads them."
        yield Finding("enrich", "enrich", message, "Remove the entry, or write enrich in connector.py.")
    for pattern in manifest.enrich:
        # What is read again may be told by its state: CHARGE becomes CHARGE.Captured.
        fitting = (fnmatch.fnmatch(one.raw, pattern) or one.raw.startswith(f"{pattern}.") for one in manifest.samples)
        if not any(fitting):
            message = f"{pattern!r} fits no sample."
            yield Finding("enrich", "enrich", message, "Correct it, or add a sample of such an event.")


def _events(manifest: Manifest) -> Iterator[Finding]:
    try:
        event_map = EventMap.of(manifest)
    except HubError as error:
        yield Finding("events", "events", error.message, error.remedy or "Correct the expression.")
        return
    if manifest.webhook and not manifest.events:
        yield Finding("events", "events", "Webhooks come in, but no event is mapped.", "Add events.")
    connection = Connection("sample", manifest.name, {}, {})
    sampled: set[int] = set()
    for sample in manifest.samples:
        try:
            payload = manifest.sample_payload(sample)
            raw = RawEvent(sample.id, sample.raw, payload)
            events = event_map.map(raw, connection)
            sampled |= event_map.firing(raw, connection)
        except HubError as error:
            yield Finding("samples", sample.file, error.message, error.remedy)
            continue
        types = tuple(event.type for event in events)
        if sample.gives is not None and types != sample.gives:
            message = f"It gives {list(types)}, not {list(sample.gives)}."
            yield Finding("samples", sample.file, message, "Correct the event map or the sample.")
        if not event_map.knows(sample.raw):
            message = f"The raw type {sample.raw!r} is neither mapped nor informational."
            yield Finding("samples", sample.file, message, "Map it, or list it under informational.")
    for number, rule in enumerate(manifest.events):
        if number not in sampled:
            message = f"There is no sample for {', '.join(rule.raw)}."
            yield Finding("samples", f"events[{number}]", message, "Add a payload under samples/.")


def _sample_files(manifest: Manifest) -> Iterator[Finding]:
    listed = {sample.file for sample in manifest.samples}
    for path in sorted((manifest.folder / "samples").glob("**/*")) if manifest.samples else ():
        place = path.relative_to(manifest.folder).as_posix()
        if path.is_dir():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if _SECRETS.search(text):
            yield Finding("secrets", place, "It holds what looks like a real secret.", "Make the value up.")
        if has_card_number(text):
            yield Finding(
                "secrets", place, "It holds what looks like a card number.", "Keep the last four digits only."
            )
        if place not in listed and path.suffix == ".json" and path.parent.name == "samples":
            yield Finding("samples", place, "The manifest does not list it.", "Add it under samples, or remove it.")


def _readme(manifest: Manifest) -> Iterator[Finding]:
    path = manifest.folder / "README.md"
    if not path.is_file():
        yield Finding("readme", "README.md", "It is missing.", f"Write it: {', '.join(README_SECTIONS)}.")
        return
    headings = set(re.findall(r"^##\s+(.+?)\s*$", path.read_text(encoding="utf-8"), re.MULTILINE))
    for section in README_SECTIONS:
        if section not in headings:
            yield Finding("readme", "README.md", f"The section {section!r} is missing.", f"Add ## {section}.")
