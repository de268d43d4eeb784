"""Log-in and log-out, the first admin, and what a person sets for himself."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from babel import Locale
from flask import flash, redirect, render_template, request, url_for

from hub.errors import ConflictError
from hub.web.access import Pages, Role
from hub.web.passwords import PasswordError, hash_password, is_outdated, is_password
from hub.web.sessions import actor, current_user, end_all_sessions, the_hub
from hub.web.sessions import log_in as begin_session
from hub.web.sessions import log_out as end_session
from hub.web.setup import is_setup_token, use_setup_token

if TYPE_CHECKING:
    from flask.typing import ResponseReturnValue

pages = Pages("account", __name__)

LANGUAGES = ("en", "en_GB", "de", "de_CH", "es", "fr", "hi", "it", "ja", "nl", "pt", "zh")
THEMES = ("auto", "light", "dark")
_WRONG = "The address or the password is wrong."


@pages.page("/log-in", Role.PUBLIC)
def log_in() -> ResponseReturnValue:
    """The log-in form."""
    if current_user() is not None:
        return redirect(url_for("home.show"))
    return _log_in_form(request.form.get("email", "").strip())


@pages.page("/log-in", Role.PUBLIC, method="POST", limit="10 per minute", again=log_in)
def do_log_in() -> ResponseReturnValue:
    """Check address and password, and begin a session."""
    email = request.form.get("email", "").strip().lower()
    password = request.form.get("password", "")
    hub = the_hub()
    user = hub.store.user(email=email)
    if not is_password(password, user.password_hash if user is not None else None) or user is None or user.disabled:
        hub.store.note(email[:200] or "nobody", "log_in.refused", request.remote_addr or "", hub.now())
        return _log_in_form(email, _WRONG), 401
    if user.password_hash and is_outdated(user.password_hash):
        hub.store.update_user(user.id, password_hash=hash_password(password, user.email))
    begin_session(user)
    hub.store.note(user.email, "log_in", request.remote_addr or "", hub.now())
    return redirect(safe_address(request.form.get("next", "")), 303)


def _log_in_form(email: str = "", error: str = "") -> str:
    wanted = request.values.get("next", "")
    empty = not the_hub().store.users()
    return render_template("log_in.html", email=email, error=error, next=wanted, empty=empty)


def safe_address(wanted: str) -> str:
    """An address within these pages; anything else leads home."""
    inside = (
        wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and "\n" not in wanted and "\r" not in wanted
    )
    return wanted if inside and wanted.isprintable() and "\\" not in wanted else url_for("home.show")


@pages.page("/log-out", Role.VIEWER, method="POST")
def do_log_out() -> ResponseReturnValue:
    """End this session."""
    hub = the_hub()
    hub.store.note(actor(), "log_out", request.remote_addr or "", hub.now())
    end_session()
    flash("You are logged out.", "success")
    return redirect(url_for("account.log_in"), 303)


@pages.page("/set-up/<token>", Role.PUBLIC, limit="20 per minute")
def set_up(token: str) -> ResponseReturnValue:
    """The form for the first admin."""
    if not is_setup_token(the_hub(), token):
        return render_template("set_up_over.html", done=bool(the_hub().store.users())), 410
    return render_template("set_up.html", link=token, values=_entered(), error=None)


@pages.page("/set-up/<token>", Role.PUBLIC, method="POST", limit="10 per minute", again=set_up)
def do_set_up(token: str) -> ResponseReturnValue:
    """Make the first admin and log him in."""
    hub = the_hub()
    values = _entered()
    if not is_setup_token(hub, token):
        return render_template("set_up_over.html", done=bool(hub.store.users())), 410
    if "@" not in values["email"]:
        error = PasswordError("This is not a mail address.", remedy="It looks like ada@example.com.")
        return render_template("set_up.html", link=token, values=values, error=error), 422
    try:
        hashed = hash_password(request.form.get("password", ""), values["email"])
    except PasswordError as error:
        return render_template("set_up.html", link=token, values=values, error=error), 422
    if not use_setup_token(hub, token):
        raise ConflictError("This link was used a moment ago.", remedy="Log in with the account that was made by it.")
    identity = hub.store.create_user(values["email"], values["name"] or values["email"], "admin", hashed, hub.now())
    user = hub.store.user(identity=identity)
    assert user is not None
    hub.store.note(user.email, "user.create", user.email, hub.now(), {"role": "admin", "by": "set-up link"})
    begin_session(user)
    return redirect(url_for("home.show"), 303)


def _entered() -> dict[str, str]:
    """What the first admin typed, the password aside."""
    return {name: request.form.get(name, "").strip() for name in ("name", "email")}


@pages.page("/me", Role.VIEWER)
def me() -> ResponseReturnValue:
    """What a person sets for himself."""
    return _me_form()


@pages.page("/me", Role.VIEWER, method="POST")
def do_me() -> ResponseReturnValue:
    """Keep name, language, time zone and look."""
    user, hub = current_user(), the_hub()
    assert user is not None
    language, zone, theme = (request.form.get(name, "") for name in ("language", "timezone", "theme"))
    preferences = {
        **user.preferences,
        "language": language if language in LANGUAGES else "",
        "timezone": zone if zone in available_timezones() else "",
        "theme": theme if theme in THEMES else "auto",
    }
    hub.store.update_user(
        user.id, name=request.form.get("name", "").strip()[:200] or user.name, preferences=preferences
    )
    hub.store.note(user.email, "user.preferences", user.email, hub.now())
    flash("Saved.", "success")
    return redirect(url_for("account.me"), 303)


@pages.page("/me/password", Role.VIEWER, method="POST", limit="10 per minute", again=me)
def do_password() -> ResponseReturnValue:
    """Change one's own password; every other session of his ends."""
    user, hub = current_user(), the_hub()
    assert user is not None
    if not is_password(request.form.get("current", ""), user.password_hash):
        wrong = PasswordError("The current password is wrong.", remedy="Nothing was changed. Try again.")
        return _me_form(wrong), 422
    try:
        hashed = hash_password(request.form.get("password", ""), user.email)
    except PasswordError as error:
        return _me_form(error), 422
    hub.store.update_user(user.id, password_hash=hashed)
    end_all_sessions(user)
    changed = hub.store.user(identity=user.id)
    assert changed is not None
    begin_session(changed)
    hub.store.note(user.email, "user.password", user.email, hub.now())
    flash("Your password is changed. You were logged out everywhere else.", "success")
    return redirect(url_for("account.me"), 303)


def _me_form(error: PasswordError | None = None) -> str:
    languages = [(name, Locale.parse(name).get_display_name() or name) for name in LANGUAGES]
    zones = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))
    return render_template("me.html", languages=languages, zones=["UTC", *zones], themes=THEMES, error=error)
