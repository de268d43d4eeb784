"""What the checker has to know of an installation, as plain values and the few questions it asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from hub.recipes.limits import LIMITS, Limits
from hub.vocabulary import VOCABULARY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hub.jsontypes import Json, JsonObject, JsonSchema
    from hub.recipes.model import Recipe
    from hub.vocabulary import Vocabulary


class Action(Protocol):
    """What the checker reads of an action; :class:`hub.connect.manifest.ActionSpec` has it."""

    @property
    def name(self) -> str:
        """Its name, such as ``payment.refund``."""

    @property
    def input(self) -> JsonSchema:
        """The JSON Schema of what it takes."""

    @property
    def output(self) -> JsonSchema:
        """The JSON Schema of what it gives."""

    @property
    def inline(self) -> bool:
        """Whether it is pure, so that a test may do it."""


class Actions(Protocol):
    """Which actions there are; :class:`hub.connect.registry.Registry` answers."""

    def names(self) -> tuple[str, ...]:
        """The names of all connectors."""

    def action(self, connector: str, action: str) -> Action:
        """What the manifest says of an action.

        Raises ``NotFoundError``: ``unknown_connector``, ``unknown_action`` (its remedy names the nearest) or
        ``not_offered`` (with the manifest's reason).
        """


class Schedules(Protocol):
    """A second opinion on schedules, by whatever will fire them."""

    def __call__(self, cron: str, timezone: str) -> object:
        """Raises ``RecipeError`` for a schedule or zone that it cannot follow."""


class PureActions(Protocol):
    """Does actions that are pure (``inline`` in their manifest), so that tests need not be given what they give."""

    def __call__(self, connector: str, action: str, value: JsonObject) -> Json:
        """The output. Raises ``ActionError`` as the action does."""


@dataclass(frozen=True, slots=True)
class CheckContext:
    """What the checker knows of the installation. A frozen value: safe to share and to keep for many recipes.

    ``connections``: connection name to connector name, the built-in ones included. ``recipes``: the other recipes by name.
    ``inputs``: what the installation has set for the inputs of the recipe under check. ``perform`` does pure actions in
    tests; without it they give ``{}`` like any other call.
    """

    actions: Actions
    connections: Mapping[str, str] = field(default_factory=dict)
    templates: frozenset[str] = frozenset()
    vocabulary: Vocabulary = VOCABULARY
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    inputs: JsonObject = field(default_factory=dict)
    schedules: Schedules | None = None
    perform: PureActions | None = None
    limits: Limits = LIMITS
    run_tests: bool = True
