"""Connections: what is connected, forms from the manifests, secrets that are never shown, tests, webhook addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for
from markupsafe import Markup, escape

from hub.connect.manifest import CAPABILITIES, Kind
from hub.connect.schemas import CompiledSchema
from hub.engine.accounts import is_name, settings_of
from hub.engine.shelf import walk
from hub.errors import ActionError, HubError, NotFoundError
from hub.recipes.model import CallStep, EventTrigger
from hub.web.access import Pages, Role
from hub.web.fields import form_values, kind_of, shown_value
from hub.web.pages.recipes import compiled
from hub.web.sessions import actor, the_hub

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from flask.typing import ResponseReturnValue

    from hub.connect.manifest import Manifest
    from hub.journal.rows import ConnectionRow
    from hub.jsontypes import Json

pages = Pages("connections", __name__)

KIND_TITLES = {
    Kind.GATEWAY: "Payment gateways",
    Kind.CRM: "CRM",
    Kind.MAIL: "Mail",
    Kind.MESSAGING: "Messaging",
    Kind.HTTP: "Any web service",
    Kind.HUB: "The hub itself",
}


@pages.page("/connections", Role.VIEWER)
def index() -> ResponseReturnValue:
    """All connections by kind of connector."""
    hub = the_hub()
    groups: dict[Kind, list[tuple[ConnectionRow, Manifest | None]]] = {}
    for row in hub.store.connections():
        manifest = _manifest(row.connector)
        groups.setdefault(manifest.kind if manifest is not None else Kind.HUB, []).append((row, manifest))
    ordered = [(KIND_TITLES[kind], groups[kind]) for kind in Kind if kind in groups]
    return render_template("connections.html", groups=ordered, users=_users_by_connection())


@pages.page("/new-connection", Role.ADMIN)
def choose() -> ResponseReturnValue:
    """All connectors to choose from."""
    manifests = [manifest for manifest in the_hub().registry.manifests() if manifest.fields]
    groups = [(KIND_TITLES[kind], [one for one in manifests if one.kind is kind]) for kind in Kind]
    return render_template("connection_choose.html", groups=[group for group in groups if group[1]])


@pages.page("/new-connection/<connector>", Role.ADMIN)
def new(connector: str) -> ResponseReturnValue:
    """The form of a new connection."""
    return _form(the_hub().registry.get(connector).manifest, None)


@pages.page("/new-connection/<connector>", Role.ADMIN, method="POST")
def create(connector: str) -> ResponseReturnValue:
    """Add it and test it."""
    hub = the_hub()
    manifest = hub.registry.get(connector).manifest
    name = request.form.get("connection_name", "").strip()
    values, wrong = _read(manifest, {})
    if not is_name(name):
        wrong["connection_name"] = "Use small letters, digits and hyphens, at most 40, for example stripe-main."
    elif hub.store.connection(name) is not None:
        wrong["connection_name"] = f"There is a connection {name!r} already. Choose another name."
    if wrong:
        return _form(manifest, None, wrong=wrong), 422
    try:
        hub.accounts.create(name, connector, values, actor())
    except HubError as error:
        return _form(manifest, None, error), 422
    flash(f"{name} is connected. Press Test to see whether the keys are right.", "success")
    return redirect(url_for("connections.show", name=name), 303)


@pages.page("/connections/<name>", Role.VIEWER)
def show(name: str) -> ResponseReturnValue:
    """One connection: its form, its webhook address and set-up steps, its health, who uses it."""
    row = _row(name)
    return _form(the_hub().registry.get(row.connector).manifest, row)


@pages.page("/connections/<name>", Role.ADMIN, method="POST")
def update(name: str) -> ResponseReturnValue:
    """Change settings; a secret is only changed where something was entered."""
    hub, row = the_hub(), _row(name)
    manifest = hub.registry.get(row.connector).manifest
    values, wrong = _read(manifest, row.secrets)
    version = request.form.get("version", -1, type=int)
    if wrong:
        return _form(manifest, row, wrong=wrong), 422
    try:
        hub.accounts.update(name, values, version, actor())
    except HubError as error:
        return _form(manifest, row, error), 422
    flash("Saved. The next call uses it.", "success")
    return redirect(url_for("connections.show", name=name), 303)


@pages.page("/connections/<name>/test", Role.EDITOR, method="POST", limit="30 per minute")
def test(name: str) -> ResponseReturnValue:
    """Make the connector's cheapest call."""
    tested = the_hub().accounts.test(name)
    the_hub().store.note(actor(), "connection.test", name, the_hub().now(), {"ok": tested.ok})
    flash(
        f"The test worked: {tested.message}" if tested.ok else f"The test failed: {tested.message}",
        "success" if tested.ok else "danger",
    )
    return redirect(url_for("connections.show", name=name), 303)


@pages.page("/connections/<name>/webhook", Role.ADMIN, method="POST", limit="10 per minute")
def register_webhook(name: str) -> ResponseReturnValue:
    """Register the webhook at the gateway, so that the admin need not."""
    hub, row = the_hub(), _row(name)
    try:
        hub.accounts.register_webhook(name, f"{hub.settings.address}/hooks/{name}", actor())
    except HubError as error:
        flash(f"The webhook was not registered: {error}", "danger")
    else:
        title = hub.registry.get(row.connector).manifest.title
        flash(f"{title} sends its webhooks to this hub now, and their secret is kept here.", "success")
    return redirect(url_for("connections.show", name=name), 303)


@pages.page("/gateways", Role.VIEWER)
def gateways() -> ResponseReturnValue:
    """What each gateway can do: by itself, by the hub, or not, and why."""
    manifests = [one for one in the_hub().registry.manifests() if one.kind is Kind.GATEWAY]
    return render_template("gateways.html", gateways=manifests, capabilities=CAPABILITIES)


@pages.page("/connections/<name>/switch", Role.ADMIN, method="POST")
def switch(name: str) -> ResponseReturnValue:
    """On or off: off, no call is made and no webhook is taken."""
    enabled = request.form.get("enabled") == "on"
    the_hub().accounts.enable(name, actor(), enabled=enabled)
    flash(f"{name} is {'on' if enabled else 'off'}.", "success")
    return redirect(url_for("connections.show", name=name), 303)


@pages.page("/connections/<name>/delete", Role.ADMIN, method="POST")
def delete(name: str) -> ResponseReturnValue:
    """Take it away with its secrets."""
    the_hub().accounts.delete(name, actor())
    flash(f"The connection {name} is deleted, its secrets with it.", "success")
    return redirect(url_for("connections.index"), 303)


def _row(name: str) -> ConnectionRow:
    row = the_hub().store.connection(name)
    if row is None:
        message = f"There is no connection {name!r}."
        raise NotFoundError(message, remedy="The page Connections lists them.")
    return row


def _manifest(connector: str) -> Manifest | None:
    try:
        return the_hub().registry.get(connector).manifest
    except HubError:
        return None


def _read(manifest: Manifest, held: Mapping[str, object]) -> tuple[dict[str, Json], dict[str, str]]:
    """What was entered, and by field what is wrong with it. ``held``: the secrets that are kept where nothing is entered."""
    values, wrong = form_values(manifest, request.form)
    for field in manifest.fields:
        value = values.get(field.name)
        if field.required and not field.show_if and value is None and field.default is None and field.name not in held:
            wrong.setdefault(field.name, "Something is missing here.")
        if isinstance(value, str) and field.schema.get("format") == "uri":
            try:
                the_hub().outbound.guard.target(value)
            except ActionError as error:
                wrong[field.name] = error.message
    for problem in CompiledSchema(manifest.settings).problems(settings_of(manifest, values)):
        if problem.missing:
            wrong.setdefault(problem.missing, "Something is missing here.")
    return values, wrong


def _form(
    manifest: Manifest,
    row: ConnectionRow | None,
    error: HubError | None = None,
    wrong: Mapping[str, str] | None = None,
) -> str:
    entered = request.form if error is not None or wrong else None
    settings = row.settings if row is not None else {}
    values = {
        field.name: entered.get(field.name, "")
        if entered is not None and not field.secret
        else shown_value(field, settings)
        for field in manifest.fields
    }
    groups: dict[str, list[object]] = {}
    for field in manifest.fields:
        groups.setdefault(field.group, []).append(field)
    name = row.name if row is not None else entered.get("connection_name", "") if entered else _free_name(manifest)
    usable = name if is_name(name) else _free_name(manifest)
    address = f"{the_hub().settings.address}/hooks/{usable}"
    return render_template(
        "connection.html",
        manifest=manifest,
        row=row,
        groups=groups,
        values=values,
        kinds={field.name: kind_of(field.schema) for field in manifest.fields},
        error=error,
        wrong=wrong or {},
        name=name,
        usable=usable,
        webhook_url=address if manifest.webhook else "",
        registers=row is not None and the_hub().accounts.can_register_webhook(manifest.name),
        setup=setup_markup(manifest.setup, address),
        used_by=_users_by_connection().get(row.name, []) if row is not None else [],
    )


def _free_name(manifest: Manifest) -> str:
    """The first mail server takes the outbox's name, under which recipes and the hub's own mails call it."""
    if manifest.kind is Kind.MAIL and the_hub().store.connection(manifest.name) is None:
        return manifest.name
    taken = the_hub().accounts.names()
    base = manifest.name.replace("_", "-")
    return next(name for n in range(1, 1000) if (name := base if n == 1 else f"{base}-{n}") not in taken)


_MARKS = re.compile(
    r"`(?P<code>[^`]+)`|\*\*(?P<strong>[^*]+)\*\*|(?<!\w)\*(?P<em>[^*]+)\*(?!\w)|(?P<url>\{webhook_url\})"
)


def setup_markup(text: str, webhook_url: str) -> Markup:
    """A manifest's set-up steps as list items: ``**strong**``, ``*names*``, `` `code` `` and the webhook address marked."""
    items = [re.sub(r"^\d+\.\s*", "", line.strip()) for line in text.splitlines() if line.strip()]
    return Markup("").join(Markup("<li>{}</li>").format(_inline(item, webhook_url)) for item in items)


def _inline(text: str, webhook_url: str) -> Markup:
    parts, position = [], 0
    for match in _MARKS.finditer(text):
        parts.append(escape(text[position : match.start()]))
        position = match.end()
        if match["url"]:
            parts.append(Markup("<code data-webhook-url>{}</code>").format(webhook_url))
        else:
            tag = str(match.lastgroup)
            parts.append(Markup("<{0}>{1}</{0}>").format(Markup(tag), match[tag]))  # noqa: S704 (a group's name)
    return Markup("").join([*parts, escape(text[position:])])


def _users_by_connection() -> dict[str, list[str]]:
    """For each connection the recipes that call it or listen to it, as far as the texts name it."""
    found: dict[str, list[str]] = {}
    for row in the_hub().store.recipes():
        recipe = compiled(row)
        if recipe is None:
            continue
        names = set(recipe.trigger.connections) if isinstance(recipe.trigger, EventTrigger) else set()
        names |= set(_called(walk((*recipe.steps, *recipe.on_failure))))
        names |= {str(value) for key, one in recipe.inputs.items() if (value := row.inputs.get(key, one.default))}
        for name in names:
            found.setdefault(name, []).append(row.name)
    return found


def _called(steps: Iterable[object]) -> Iterable[str]:
    for step in steps:
        if isinstance(step, CallStep) and step.connection.is_static:
            yield str(step.connection.value)
