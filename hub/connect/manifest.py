"""A connector's manifest (``connector.yaml``) as values: what it is, can do, takes, gives and reports."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hub.connect.documents import read_yaml
from hub.connect.schemas import CompiledSchema, resolve_shapes
from hub.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import Json, JsonObject, JsonSchema

CAPABILITIES: Mapping[str, str] = {
    "single_payment": "Single payment",
    "recurring_payment": "Recurring payment",
    "webhooks": "Webhooks",
    "connector_api": "Any call of the API",
    "embedded_form": "Embeddable form",
    "payment_link": "Payment links",
    "escrow": "Escrow or hold",
    "delayed_payment": "Delayed success or failure",
    "plan_create": "Create a plan",
    "plan_update": "Change a plan",
    "plan_cancel": "Cancel a plan",
    "refund": "Refund",
    "split_payment": "Split payment",
    "payout": "Payout",
}
"""The keys of the table "gateway x integration type" and their titles, in its order."""


BY_THE_HUB = frozenset(
    {
        *("link.create", "link.cancel", "form.embed"),
        *("plan.create", "plan.update", "plan.cancel"),
        *("subscription.create", "subscription.update", "subscription.pause", "subscription.resume"),
        *("subscription.cancel", "transfer.create", "transfer.reverse"),
    }
)
"""The shared actions that the hub does itself on the primitives of a gateway whose cell says ``hub``."""


class Kind(StrEnum):
    """What sort of outside system it is."""

    GATEWAY = "gateway"
    CRM = "crm"
    MAIL = "mail"
    MESSAGING = "messaging"
    HTTP = "http"
    HUB = "hub"


class Support(StrEnum):
    """How a capability is offered: by the gateway itself, by the hub on the gateway's primitives, or not at all."""

    NATIVE = "native"
    HUB = "hub"
    NONE = "none"


class Idempotency(StrEnum):
    """Why repeating an action does no harm, or that it does.

    ``KEY``: the outside system takes our key. ``NATURE``: doing it twice is doing it once. ``LOOKUP``: the connector can
    find out whether it happened. ``NO``: an answer that was lost leaves the step uncertain.
    """

    KEY = "key"
    NATURE = "nature"
    LOOKUP = "lookup"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Capability:
    """One cell of the capability table."""

    key: str
    status: Support
    reason: str = ""
    limits: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One action: what it takes, gives and may answer. ``input`` and ``output`` are complete JSON Schemas.

    ``capability`` is the key it belongs to (gateways). ``inline`` actions are pure and may run without the pool.
    ``rest`` is the whole action where YAML alone says it (:mod:`hub.connect.rest`). ``by_hub``: the gateway has no such
    action, the hub does it on what the gateway has.
    """

    name: str
    title: str
    description: str
    input: JsonSchema
    output: JsonSchema
    errors: tuple[str, ...]
    idempotent: Idempotency
    capability: str | None = None
    inline: bool = False
    rest: JsonObject | None = None
    shared: bool = False
    by_hub: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a connection's form. ``schema`` is its JSON Schema; ``show_if`` the fields and values it depends on.

    ``own_address``: left empty, it is the address of the connection's own webhook.
    """

    name: str
    title: str
    description: str
    schema: JsonSchema
    secret: bool
    required: bool
    default: Json = None
    order: int = 0
    group: str = ""
    show_if: JsonObject = field(default_factory=dict)
    own_address: bool = False


@dataclass(frozen=True, slots=True)
class EventRule:
    """One line of the event map: which raw events become which canonical event. Compiled in :mod:`hub.connect.mapping`."""

    raw: tuple[str, ...]
    type: str
    data: Json
    when: str | None = None
    time: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """A raw payload that the docs, the editor and the tests use. ``gives`` is None when the manifest does not say."""

    file: str
    raw: str
    id: str
    title: str
    gives: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Polling:
    """How often to ask the gateway for news, and what that finds beyond webhooks."""

    every: str
    reason: str


@dataclass(frozen=True, slots=True)
class Currencies:
    """What the gateway does differently from ISO 4217; see :mod:`hub.connect.amounts`. ``supported`` empty: all."""

    supported: tuple[str, ...] = ()
    exponents: Mapping[str, int] = field(default_factory=dict)
    multiples: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A connector as its ``connector.yaml`` describes it. ``folder`` holds its code, samples and README.

    ``enrich``: globs of the raw types that the code's ``enrich`` reads again, when it has one.
    """

    name: str
    title: str
    kind: Kind
    summary: str
    folder: Path
    links: Mapping[str, str]
    aliases: tuple[str, ...]
    builtin: bool
    by_hub: bool
    services: tuple[str, ...]
    fields: tuple[Field, ...]
    settings: JsonSchema
    setup: str
    capabilities: Mapping[str, Capability]
    currencies: Currencies
    api: JsonObject
    actions: Mapping[str, ActionSpec]
    webhook: JsonObject | None
    events: tuple[EventRule, ...]
    informational: tuple[str, ...]
    enrich: tuple[str, ...]
    polling: Polling | None
    samples: tuple[Sample, ...]

    @property
    def takes_discounts(self) -> bool:
        """Whether the first charges of a subscription can be less, by the gateway or the hub that charges for it."""
        cell = self.capabilities.get("recurring_payment")
        if cell is None or cell.status is Support.NONE:
            return False
        return cell.status is Support.HUB or bool(cell.limits.get("discount"))

    def offered(self, action: str) -> ActionSpec | None:
        """An action of this connector, its own or one that the hub does for it; None when there is none."""
        own = self.actions.get(action)
        if own is not None or self.kind is not Kind.GATEWAY or action not in BY_THE_HUB:
            return own
        spec = action_by_the_hub(action)
        cell = self.capabilities.get(str(spec.capability))
        return spec if cell is not None and cell.status is Support.HUB else None

    def all_offered(self) -> Mapping[str, ActionSpec]:
        """Every action that a recipe may call, those that the hub does among them, by name."""
        names = [*self.actions, *sorted(BY_THE_HUB - self.actions.keys())]
        return {name: spec for name in names if (spec := self.offered(name)) is not None}

    @property
    def is_routed(self) -> bool:
        """Whether another connection does its work: payments and events are that connection's then."""
        return "connections" in self.services

    @property
    def secret_names(self) -> tuple[str, ...]:
        """The names of the connection's secret fields, in the form's order."""
        return tuple(field.name for field in self.fields if field.secret)

    def sample_payload(self, sample: Sample) -> Json:
        """The JSON of a sample's file. Raises :class:`ConfigError` when it cannot be read."""
        path = self.folder / sample.file
        try:
            return cast("Json", json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            message = f"{path}: the sample cannot be read: {error}."
            raise ConfigError(message, code="sample", remedy="Put the sample's JSON there.") from error


@functools.cache
def manifest_schema() -> JsonSchema:
    """The JSON Schema of ``connector.yaml`` (``hub schema connector``)."""
    text = (Path(__file__).parent / "manifest.schema.json").read_text(encoding="utf-8")
    return cast("JsonSchema", json.loads(text))


@functools.cache
def _compiled_manifest_schema() -> CompiledSchema:
    return CompiledSchema(manifest_schema())


@functools.cache
def gateway_actions() -> Mapping[str, JsonObject]:
    """The actions that all gateways share, by name, as ``gateway_actions.yaml`` writes them."""
    document = cast("JsonObject", read_yaml(Path(__file__).parent / "gateway_actions.yaml"))
    return cast("Mapping[str, JsonObject]", document["actions"])


@functools.cache
def action_by_the_hub(name: str) -> ActionSpec:
    """A shared action as the hub offers it for a gateway that has none of its own; safe to repeat under one key."""
    return replace(_action(name, {"idempotent": Idempotency.KEY.value}, Kind.GATEWAY), by_hub=True)


def load_manifest(folder: Path) -> Manifest:
    """Read and check ``folder/connector.yaml``. Raises :class:`ConfigError` that names every wrong place."""
    path = folder / "connector.yaml"
    document = read_yaml(path)
    problems = [str(problem) for problem in _compiled_manifest_schema().problems(document)]
    if not problems:
        try:
            return _manifest(folder, cast("JsonObject", document))
        except KeyError as error:
            problems = [f"there is no shape {error.args[0]!r} in the vocabulary"]
        except ValueError as error:
            problems = [str(error)]
    message = f"{path} is not a valid manifest: {'; '.join(problems)}."
    raise ConfigError(message, code="manifest", remedy="docs/connectors.md explains each part.")


def _objects(document: JsonObject, key: str) -> Mapping[str, JsonObject]:
    return cast("Mapping[str, JsonObject]", document.get(key) or {})


def _texts(value: Json) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(cast("list[str]", value or []))


def _manifest(folder: Path, document: JsonObject) -> Manifest:
    name = cast("str", document["name"])
    if name != folder.name:
        message = f"name: {name!r} must be the folder's name, {folder.name!r}"
        raise ValueError(message)
    kind = Kind(cast("str", document["kind"]))
    connection = cast("JsonObject", document["connection"])
    currencies = cast("JsonObject", document.get("currencies") or {})
    polling = cast("JsonObject | None", document.get("polling"))
    return Manifest(
        name=name,
        title=cast("str", document["title"]),
        kind=kind,
        summary=cast("str", document["summary"]),
        folder=folder,
        links=cast("Mapping[str, str]", document.get("links") or {}),
        aliases=_texts(document.get("aliases")),
        builtin=bool(document.get("builtin")),
        by_hub=bool(document.get("by_hub")),
        services=_texts(document.get("services")),
        fields=_fields(connection),
        settings=_settings(connection),
        setup=cast("str", document.get("setup") or ""),
        capabilities={
            key: Capability(
                key=key,
                status=Support(cast("str", cell["status"])),
                reason=cast("str", cell.get("reason") or ""),
                limits=cast("JsonObject", cell.get("limits") or {}),
            )
            for key, cell in _objects(document, "capabilities").items()
        },
        currencies=Currencies(
            supported=_texts(currencies.get("supported")),
            exponents=cast("Mapping[str, int]", currencies.get("exponents") or {}),
            multiples=cast("Mapping[str, int]", currencies.get("multiples") or {}),
        ),
        api=cast("JsonObject", document.get("api") or {}),
        actions={action: _action(action, entry, kind) for action, entry in _objects(document, "actions").items()},
        webhook=cast("JsonObject | None", document.get("webhook")),
        events=tuple(_rule(rule) for rule in cast("list[JsonObject]", document.get("events") or [])),
        informational=_texts(document.get("informational")),
        enrich=_texts(document.get("enrich")) or ("*",),
        polling=Polling(cast("str", polling["every"]), cast("str", polling["reason"])) if polling else None,
        samples=tuple(_sample(sample) for sample in cast("list[JsonObject]", document.get("samples") or [])),
    )


_FORM_KEYS = frozenset({"secret", "order", "group", "show_if", "own_address"})


def _fields(connection: JsonObject) -> tuple[Field, ...]:
    required = _texts(connection.get("required"))
    fields = [
        Field(
            name=name,
            title=cast("str", entry["title"]),
            description=cast("str", entry.get("description") or ""),
            schema={key: value for key, value in entry.items() if key not in _FORM_KEYS},
            secret=bool(entry.get("secret")),
            required=name in required,
            default=entry.get("default"),
            order=cast("int", entry.get("order") or position),
            group=cast("str", entry.get("group") or ""),
            show_if=cast("JsonObject", entry.get("show_if") or {}),
            own_address=bool(entry.get("own_address")),
        )
        for position, (name, entry) in enumerate(_objects(connection, "properties").items(), start=1)
    ]
    unknown = [name for name in required if all(field.name != name for field in fields)]
    if unknown:
        message = f"connection.required: there is no field {unknown[0]!r}"
        raise ValueError(message)
    return tuple(sorted(fields, key=lambda field: field.order))


def _settings(connection: JsonObject) -> JsonSchema:
    """The connection's schema without its secrets, which are kept and checked apart."""
    secrets = {name for name, entry in _objects(connection, "properties").items() if entry.get("secret")}
    return {
        **connection,
        "type": "object",
        "additionalProperties": False,
        "required": [name for name in _texts(connection.get("required")) if name not in secrets],
        "properties": {
            name: entry for name, entry in _objects(connection, "properties").items() if name not in secrets
        },
    }


def _schemas(action: Mapping[str, Json]) -> tuple[JsonSchema, JsonSchema]:
    """Of the input and of the output, with the vocabulary's shapes filled in."""
    return resolve_shapes(cast("JsonSchema", action["input"])), resolve_shapes(cast("JsonSchema", action["output"]))


_shared_schemas = functools.cache(lambda name: _schemas(gateway_actions()[name]))


def _action(name: str, entry: JsonObject, kind: Kind) -> ActionSpec:
    shared = gateway_actions().get(name) if kind is Kind.GATEWAY else None
    if shared and ("input" in entry or "output" in entry):
        message = f"actions.{name}: all gateways share its input and output; give own extras as `options`"
        raise ValueError(message)
    if not shared:
        missing = [key for key in ("title", "description", "input", "output") if key not in entry]
        if missing or "options" in entry:
            what = f"{', '.join(missing)} is missing" if missing else "`options` is for the shared gateway actions only"
            message = f"actions.{name}: {what}"
            raise ValueError(message)
    merged = {**(shared or {}), **entry}
    schemas = _shared_schemas(name) if shared else _schemas(merged)
    if "options" in entry:
        schema = cast("JsonObject", merged["input"])
        properties = {**cast("JsonObject", schema["properties"]), "options": entry["options"]}
        schemas = (resolve_shapes({**schema, "properties": properties}), schemas[1])
    return ActionSpec(
        name=name,
        title=cast("str", merged["title"]),
        description=cast("str", merged["description"]),
        input=schemas[0],
        output=schemas[1],
        errors=tuple(dict.fromkeys((*_texts((shared or {}).get("errors")), *_texts(entry.get("errors"))))),
        idempotent=Idempotency(cast("str", entry["idempotent"])),
        capability=cast("str | None", merged.get("capability")),
        inline=bool(entry.get("inline")),
        rest=cast("JsonObject | None", entry.get("rest")),
        shared=shared is not None,
    )


def _rule(rule: JsonObject) -> EventRule:
    return EventRule(
        raw=_texts(rule["raw"]),
        type=cast("str", rule["type"]),
        data=rule["data"],
        when=cast("str | None", rule.get("when")),
        time=cast("str | None", rule.get("time")),
        id=cast("str | None", rule.get("id")),
    )


def _sample(sample: JsonObject) -> Sample:
    file = cast("str", sample["file"])
    return Sample(
        file=file,
        raw=cast("str", sample["raw"]),
        id=cast("str", sample.get("id") or Path(file).stem),
        title=cast("str", sample.get("title") or sample["raw"]),
        gives=_texts(sample["gives"]) if "gives" in sample else None,
    )
