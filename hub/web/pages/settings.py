"""Settings: users and roles, how the system is, the audit trail, backup."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for

from hub.errors import ConflictError, NotFoundError
from hub.secrets import VARIABLE
from hub.web.access import ROLE_NAMES, Pages, Role
from hub.web.entries import Pressed, typed_in, wrong_person
from hub.web.pages.probes import metrics_token
from hub.web.passwords import hash_password
from hub.web.sessions import actor, current_user, end_all_sessions, the_hub

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

    from hub.journal.rows import UserRow

pages = Pages("settings", __name__)


@pages.page("/settings", Role.VIEWER)
def health() -> ResponseReturnValue:
    """What is right and wrong with the installation."""
    hub = the_hub()
    order = {"error": 0, "warning": 1, "ok": 2}
    found = sorted(hub.doctor(), key=lambda one: order[one.level])
    return render_template("settings_health.html", found=found, metrics_token=metrics_token(), tab="health")


@pages.page("/settings/users", Role.ADMIN)
def users() -> ResponseReturnValue:
    """Who may log in."""
    return _users_page()


@pages.page("/settings/users", Role.ADMIN, method="POST")
def add_user() -> ResponseReturnValue:
    """Add somebody, with a password that is shown once."""
    hub = the_hub()
    typed = typed_in(("email", "name", "role"))
    email, role, wrong = typed["email"], typed["role"], wrong_person(typed)
    password = "-".join(secrets.token_hex(3) for _ in range(4))
    if role not in ROLE_NAMES:
        wrong["role"] = "Choose one of these."
    if wrong:
        return _users_page(Pressed("add", typed, wrong)), 422
    try:
        hub.store.create_user(email, typed["name"] or email, role, hash_password(password, email), hub.now())
    except ConflictError as error:
        return _users_page(Pressed("add", typed, {"email": str(error)})), 422
    hub.store.note(actor(), "user.create", email, hub.now(), {"role": role})
    return _users_page(made=(email, password))


@pages.page("/settings/users/<identity>", Role.ADMIN, method="POST")
def change_user(identity: str) -> ResponseReturnValue:
    """Another role, a new password, on or off. The last admin stays one."""
    hub, person = the_hub(), _person(identity)
    do = request.form.get("do", "")
    if do == "password":
        password = "-".join(secrets.token_hex(3) for _ in range(4))
        hub.store.update_user(identity, password_hash=hash_password(password, person.email))
        end_all_sessions(person)
        hub.store.note(actor(), "user.password_reset", person.email, hub.now())
        return _users_page(made=(person.email, password))
    if do == "role":
        role = _role(request.form.get("role", ""))
        if role != "admin":
            _keep_an_admin(person)
        hub.store.update_user(identity, role=role)
        hub.store.note(actor(), "user.role", person.email, hub.now(), {"from": person.role, "to": role})
        flash(f"{person.email} is now {role}.", "success")
    elif do in {"disable", "enable"}:
        if do == "disable":
            _keep_an_admin(person)
        hub.store.update_user(identity, disabled=do == "disable")
        end_all_sessions(person)
        hub.store.note(actor(), f"user.{do}", person.email, hub.now())
        flash(f"{person.email} can {'not log in any more' if do == 'disable' else 'log in again'}.", "success")
    return redirect(url_for("settings.users"), 303)


@pages.page("/settings/audit", Role.ADMIN)
def audit() -> ResponseReturnValue:
    """Who did what, when."""
    return render_template("settings_audit.html", rows=the_hub().store.audit_trail(), tab="audit")


@pages.page("/settings/backup", Role.ADMIN)
def backup() -> ResponseReturnValue:
    """How to keep a copy."""
    keys_in_file = not os.environ.get(VARIABLE)
    sqlite = the_hub().database.is_sqlite
    return render_template("settings_backup.html", tab="backup", sqlite=sqlite, keys_in_file=keys_in_file)


def _users_page(pressed: Pressed | None = None, made: tuple[str, str] | None = None) -> str:
    people = the_hub().store.users()
    typed = pressed.typed if pressed is not None else {"role": ROLE_NAMES[0]}
    wrong = pressed.wrong if pressed is not None else {}
    return render_template("settings_users.html", people=people, typed=typed, wrong=wrong, made=made, tab="users")


def _role(name: str) -> str:
    if name not in ROLE_NAMES:
        message = f"There is no role {name!r}."
        raise NotFoundError(message, remedy=f"Roles are {', '.join(ROLE_NAMES)}.")
    return name


def _person(identity: str) -> UserRow:
    person = the_hub().store.user(identity=identity)
    if person is None:
        raise NotFoundError("There is no such user.", remedy="Settings, Users lists them.")
    return person


def _keep_an_admin(person: UserRow) -> None:
    """Raise ``ConflictError`` when this would leave nobody who can administer the hub, or lock oneself out."""
    me = current_user()
    if me is not None and me.id == person.id:
        raise ConflictError("You cannot do this to yourself.", remedy="Ask another admin to do it.")
    others = [
        one for one in the_hub().store.users() if one.role == "admin" and not one.disabled and one.id != person.id
    ]
    if person.role == "admin" and not others:
        raise ConflictError("This is the only admin.", remedy="Make somebody else an admin first.")
