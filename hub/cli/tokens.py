"""``hub token``: the API's tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from hub.cli.output import format_option, show, table, workspace_option
from hub.cli.running import opened
from hub.engine.tokens import SCOPES, Tokens, state_of
from hub.journal.queries import as_json

if TYPE_CHECKING:
    from pathlib import Path


@click.group("token")
def token_group() -> None:
    """Tokens with which programs call the API."""


@token_group.command("add")
@click.argument("title")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice(SCOPES),
    metavar="SCOPE",
    help="What it may do, such as orders:write; again for each.",
)
@click.option("--days", type=click.IntRange(1, 3_650), help="How long it is valid; left out it does not expire.")
@workspace_option
def token_add(title: str, scopes: tuple[str, ...], days: int | None, workspace: Path | None) -> None:
    """Make a token. Its secret is printed once, on standard output.

    Example: hub token add Portal --scope orders:write --scope orders:read
    """
    with opened(workspace) as hub:
        end = hub.now() + timedelta(days=days) if days else None
        identity, secret = Tokens(hub).create(title, scopes, end, "cli")
    click.echo(f"{identity} is made. Its secret is shown only now:", err=True)
    click.echo(secret)


@token_group.command("list")
@workspace_option
@format_option()
def token_list(workspace: Path | None, output_format: str) -> None:
    """All tokens, without their secrets.

    Example: hub token list
    """
    with opened(workspace) as hub:
        rows = [(row, state_of(row, hub.now())) for row in Tokens(hub).list()]
    if output_format == "json":
        names = ("id", "title", "hint", "scopes", "created_by", "created_at", "expires_at", "last_used_at")
        found = [{**{name: as_json(getattr(row, name)) for name in names}, "state": state} for row, state in rows]
        show(found, "json", str)
    else:
        shown = [(row.id, row.title, f"…{row.hint}", state, ", ".join(row.scopes)) for row, state in rows]
        table(("id", "name", "secret", "", "scopes"), shown, "There are no tokens yet.")


@token_group.command("revoke")
@click.argument("token")
@workspace_option
def token_revoke(token: str, workspace: Path | None) -> None:
    """End a token, by its id: whoever uses it is refused from this moment on.

    Example: hub token revoke tok_0193c9e1
    """
    with opened(workspace) as hub:
        title = Tokens(hub).revoke(token, "cli")
    click.echo(f"The token {title} is revoked.")


COMMANDS = (token_group,)
