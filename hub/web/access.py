"""Who may do what, at one place: every page is declared with the role it needs, and one function asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from flask import Blueprint, current_app, flash, redirect, request, url_for
from werkzeug.exceptions import Forbidden, NotFound

from hub.web.api.bearer import require_scope
from hub.web.sessions import current_user

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask.blueprints import BlueprintSetupState
    from flask.sansio.app import App
    from flask.typing import ResponseReturnValue

View = TypeVar("View", bound="Callable[..., ResponseReturnValue]")


class Role(IntEnum):
    """Each role may do what those before it may. Everybody is ``PUBLIC``."""

    PUBLIC = 0
    VIEWER = 1
    EDITOR = 2
    ADMIN = 3

    @classmethod
    def of(cls, name: str) -> Role:
        """The role of a stored name; ``PUBLIC`` (nothing) for one that does not exist."""
        return cls.__members__.get(name.upper(), cls.PUBLIC)


ROLE_NAMES = ("viewer", "editor", "admin")

ROLE_MEANINGS = {
    "viewer": "sees everything, changes nothing",
    "editor": "writes recipes and templates, starts and repeats runs",
    "admin": "also changes connections, users and settings",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What an endpoint asks for: a role, and at most ``limit`` requests (``10 per minute``) from one address.

    ``cross_site``: other sites may post to it, for its signed address is all the right that it needs. ``scope``: programs
    call it, whose token has this scope; no session counts there, and so nothing can be forged with one. ``again``: what
    shows the page with what was typed, when the limit is reached; without it a page of its own says so.
    """

    role: Role
    limit: str = ""
    cross_site: bool = False
    scope: str = ""
    again: Callable[..., ResponseReturnValue] | None = None


Rules: TypeAlias = "dict[str, Rule]"


class Pages(Blueprint):
    """A blueprint whose every page says which role it needs and answers one method."""

    def page(  # noqa: PLR0913 (what is to be known of a page)
        self,
        rule: str,
        role: Role,
        *,
        method: str = "GET",
        limit: str = "",
        cross_site: bool = False,
        scope: str = "",
        again: Callable[..., ResponseReturnValue] | None = None,
    ) -> Callable[[View], View]:
        """Declare a page. A change is ``method="POST"``; the other words as :class:`Rule` has them."""

        def declare(view: View) -> View:
            def note(state: BlueprintSetupState) -> None:
                access_rules(state.app)[f"{self.name}.{view.__name__}"] = Rule(role, limit, cross_site, scope, again)

            self.record(note)
            self.add_url_rule(rule, view_func=view, methods=[method])
            return view

        return declare


def access_rules(app: App) -> Rules:
    """What each endpoint of the application asks for."""
    rules: Rules = app.extensions.setdefault("hub_access", {})
    return rules


def require_role() -> ResponseReturnValue | None:
    """Before every request: let it pass, send the visitor to the log-in, or refuse.

    An endpoint that nobody declared is refused too.
    """
    if request.endpoint is None:
        return None
    rule = access_rules(current_app).get(request.endpoint)
    if rule is None:
        raise NotFound
    if rule.scope:
        require_scope(rule.scope)
        return None
    if rule.role is Role.PUBLIC:
        return None
    user = current_user()
    if user is None:
        return _to_log_in()
    if Role.of(user.role) < rule.role:
        raise Forbidden(f"This needs the role {rule.role.name.lower()}; yours is {user.role}.")
    return None


def _to_log_in() -> ResponseReturnValue:
    wanted = request.full_path.rstrip("?") if request.method == "GET" else ""
    address = url_for("account.log_in", next=wanted or None)
    if request.headers.get("HX-Request"):
        return "", 401, {"HX-Redirect": url_for("account.log_in")}
    if request.method != "GET":
        flash("You were logged out meanwhile, so nothing was changed. Log in and do it again.", "warning")
    return redirect(address, 303)


def may(role_name: str) -> bool:
    """Whether the reader has at least this role; templates ask it before they show a button."""
    user = current_user()
    return user is not None and Role.of(user.role) >= Role.of(role_name)
