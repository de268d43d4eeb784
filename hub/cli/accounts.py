"""Connections, gateways and connectors on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from hub.cli.output import FOUND_SOMETHING, fail, format_option, read_text, show, table, workspace_option
from hub.cli.running import opened
from hub.connect.manifest import CAPABILITIES, Kind
from hub.connect.registry import Registry
from hub.errors import ConfigError, NotFoundError
from hub.journal.queries import as_json

if TYPE_CHECKING:
    from hub.jsontypes import Json, JsonObject


@click.group("connection")
def connection_group() -> None:
    """Accounts at outside systems."""


@connection_group.command("add")
@click.argument("name")
@click.argument("connector")
@click.option(
    "--fields",
    "fields_file",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="A YAML file of its fields.",
)
@workspace_option
def connection_add(name: str, connector: str, fields_file: Path, workspace: Path | None) -> None:
    """Add a connection from a YAML file of its fields, secrets among them; delete the file afterwards.

    Example: hub connection add stripe-main stripe --fields stripe.yaml
    """
    fields = _fields(fields_file)
    with opened(workspace) as hub:
        manifest = hub.registry.named(connector).manifest
        wanted = [one.name for one in manifest.fields if one.required]
        missing = [field for field in wanted if fields.get(field) in (None, "")]
        if missing:
            message = f"{fields_file} lacks {', '.join(missing)}."
            raise ConfigError(message, remedy=f"A connection of {connector} needs {', '.join(wanted)}.")
        hub.accounts.create(name, manifest.name, fields, "cli")
        address = f"{hub.settings.address}/hooks/{name}"
    click.echo(f"{name} is added. Its webhook address is {address}")


def _fields(file: Path) -> JsonObject:
    import yaml  # noqa: PLC0415 (only here)

    remedy = "Write one field per line, such as `secret_key: sk_live_…`; `hub schema connector` and its page list them."
    try:
        fields = yaml.safe_load(read_text(file)) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark is not None else ""
        message = f"{file}{place}: this is not YAML."
        raise ConfigError(message, remedy=remedy) from None  # its text may hold a part of a secret
    if not isinstance(fields, dict):
        message = f"{file} holds no fields."
        raise ConfigError(message, remedy=remedy)
    return cast("JsonObject", fields)


@connection_group.command("list")
@workspace_option
@format_option()
def connection_list(workspace: Path | None, output_format: str) -> None:
    """All connections.

    Example: hub connection list
    """
    with opened(workspace) as hub:
        rows = [(row.name, row.connector, row.enabled, row.health) for row in hub.store.connections()]
    if output_format == "json":
        keys = ("name", "connector", "enabled", "health")
        show(as_json([dict(zip(keys, row, strict=True)) for row in rows]), "json", str)
    else:
        shown = [
            (name, connector, "on" if enabled else "off", health.get("test_message"))
            for name, connector, enabled, health in rows
        ]
        table(("name", "connector", "", "last test"), shown, "There are no connections yet.")


@connection_group.command("test")
@click.argument("name")
@workspace_option
@format_option()
@click.pass_context
def connection_test(context: click.Context, name: str, workspace: Path | None, output_format: str) -> None:
    """Make the connector's cheapest call. Exit code 1 when it fails.

    Example: hub connection test stripe-main
    """
    with opened(workspace) as hub:
        if hub.store.connection(name) is None:
            message = f"There is no connection {name}."
            raise NotFoundError(message, remedy="`hub connection list` shows those that there are.")
        tested = hub.accounts.test(name)
    show({"ok": tested.ok, "message": tested.message}, output_format, lambda _: tested.message)
    if not tested.ok:
        context.exit(FOUND_SOMETHING)


@connection_group.command("webhook")
@click.argument("name")
@click.option("--url", help="Another address than the hub's own for this connection.")
@click.option("--list", "only_list", is_flag=True, help="Only show the webhooks that the gateway has.")
@workspace_option
@format_option()
def connection_webhook(
    name: str, url: str | None, workspace: Path | None, output_format: str, *, only_list: bool
) -> None:
    """Register the connection's webhook at the gateway, where it has an API for that, and keep the secret it gives.

    Example: hub connection webhook stripe-main
    """
    with opened(workspace) as hub:
        address = url or f"{hub.settings.address}/hooks/{name}"
        found = hub.accounts.webhooks(name) if only_list else (hub.accounts.register_webhook(name, address, "cli"),)
    listed: list[Json] = [{"id": one.id, "url": one.url, "enabled": one.enabled} for one in found]
    lines = [f"{one.id}  {'on ' if one.enabled else 'off'}  {one.url}" for one in found]
    show(listed, output_format, lambda _: "\n".join(lines) or "The gateway has no webhook yet.")


@click.command("gateways")
@format_option()
def gateways_command(output_format: str) -> None:
    """What each gateway can do: by itself (native), by the hub, or not (with the reason).

    Example: hub gateways --format json
    """
    manifests = [one for one in Registry.load().manifests() if one.kind is Kind.GATEWAY]
    if output_format == "json":
        cells: list[Json] = [
            {
                "connector": one.name,
                "capabilities": {
                    key: {"status": cell.status.value, "reason": cell.reason} for key, cell in one.capabilities.items()
                },
            }
            for one in manifests
        ]
        show(cells, "json", str)
        return
    rows = [(title, *(one.capabilities[key].status.value for one in manifests)) for key, title in CAPABILITIES.items()]
    table(("", *(one.title for one in manifests)), rows, "There is no gateway.")


@click.group("connector")
def connector_group() -> None:
    """Connectors of your own."""


@connector_group.command("check")
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@format_option()
@click.pass_context
def connector_check(context: click.Context, folders: tuple[Path, ...], output_format: str) -> None:
    """Hold connectors to the rules. Exit code 1 when one breaks them.

    Example: hub connector check connectors/stripe
    """
    from hub.connect.conformance import check_connector  # noqa: PLC0415 (only here)

    findings = [(folder, finding) for folder in folders for finding in check_connector(folder)]
    lines = [f"{folder.name}: {finding}" for folder, finding in findings] or ["Every rule is kept."]
    listed: list[Json] = [{"connector": folder.name, "finding": str(finding)} for folder, finding in findings]
    show(listed, output_format, lambda _: "\n".join(lines))
    if findings:
        context.exit(FOUND_SOMETHING)


@connector_group.command("new")
@click.argument("name")
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), default="http", show_default=True)
@click.option(
    "--openapi",
    "description",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="An OpenAPI 3 description (JSON or YAML): each operation becomes an action.",
)
@workspace_option
@click.pass_context
def connector_new(
    context: click.Context, name: str, kind: str, description: Path | None, workspace: Path | None
) -> None:
    """Begin a connector in the workspace's folder `connectors`.

    Example: hub connector new acme_pay --kind gateway
    """
    from hub.config import load_settings  # noqa: PLC0415 (only here)
    from hub.connect.documents import read_yaml  # noqa: PLC0415 (only here)
    from hub.connect.openapi import connector_from_openapi  # noqa: PLC0415 (only here)
    from hub.connect.skeleton import new_connector  # noqa: PLC0415 (only here)

    folder = load_settings(workspace=workspace).workspace / "connectors" / name
    if folder.exists():
        fail(context, ConfigError(f"{folder} exists already.", remedy="Choose another name."))
    if description is None:
        files = new_connector(name, Kind(kind))
    else:
        files = connector_from_openapi(name, cast("JsonObject", read_yaml(description)))
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    click.echo(f"{folder} is made. Check it with: hub connector check {folder}")


COMMANDS = (connection_group, gateways_command, connector_group)
