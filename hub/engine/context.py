"""What the checker knows of this installation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.engine.schedules import cron_trigger
from hub.recipes.context import CheckContext

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.connect.registry import Registry
    from hub.recipes.model import Recipe


@dataclass(frozen=True, slots=True)
class Installation:
    """What a check may ask about. ``connections``: name → connector."""

    registry: Registry
    connections: Mapping[str, str]
    templates: frozenset[str]
    recipes: Mapping[str, Recipe]


def check_context(installation: Installation, *, run_tests: bool = True) -> CheckContext:
    """The checker's view; the mail connector's own templates count among the templates."""
    shipped = installation.registry.get("mail").manifest.folder / "templates"
    own = frozenset(file.stem for file in shipped.glob("*.md"))
    return CheckContext(
        actions=installation.registry,
        connections=installation.connections,
        templates=installation.templates | own,
        recipes=installation.recipes,
        schedules=cron_trigger,
        run_tests=run_tests,
    )
