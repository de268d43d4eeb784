"""Log-in and log-out, the first admin, and what a person sets for himself."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from babel import Locale
from flask import flash, redirect, render_template, request, url_for

from hub.errors import ConflictError
from hub.web.access import Pages, Role
from hub.web.entries import LONGEST_PERSON, too_long, typed_in, wrong_person
from hub.web.passwords import PasswordError, hash_password, is_outdated, is_password
from hub.web.sessions import actor, current_user, end_all_sessions, the_hub
from hub.web.sessions import log_in as begin_session
from hub.web.sessions import log_out as end_session
from hub.web.setup import is_setup_token, use_setup_token

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

pages = Pages("account", __name__)

_PERSON = ("name", "email")

LANGUAGES = ("en", "en_GB", "de", "de_CH", "es", "fr", "hi", "it", "ja", "nl", "pt", "zh")
THEMES = ("auto", "light", "dark")
_CHOSEN = ("language", "timezone", "theme")
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
    typed = request.form.get("email", "").strip()
    email = typed.lower()
    password = request.form.get("password", "")
    hub = the_hub()
    user = hub.store.user(email=email)
    if not is_password(password, user.password_hash if user is not None else None) or user is None or user.disabled:
        hub.store.note(email[:200] or "nobody", "log_in.refused", request.remote_addr or "", hub.now())
        return _log_in_form(typed, _WRONG), 401
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
    return render_template("set_up.html", link=token, typed=typed_in(_PERSON), wrong={})


@pages.page("/set-up/<token>", Role.PUBLIC, method="POST", limit="10 per minute", again=set_up)
def do_set_up(token: str) -> ResponseReturnValue:
    """Make the first admin and log him in."""
    hub = the_hub()
    typed = typed_in(_PERSON)
    if not is_setup_token(hub, token):
        return render_template("set_up_over.html", done=bool(hub.store.users())), 410
    wrong = wrong_person(typed)
    hashed = _hashed(request.form.get("password", ""), typed["email"], wrong)
    if wrong:
        return render_template("set_up.html", link=token, typed=typed, wrong=wrong), 422
    if not use_setup_token(hub, token):
        raise ConflictError("This link was used a moment ago.", remedy="Log in with the account that was made by it.")
    identity = hub.store.create_user(typed["email"], typed["name"] or typed["email"], "admin", hashed, hub.now())
    user = hub.store.user(identity=identity)
    assert user is not None
    hub.store.note(user.email, "user.create", user.email, hub.now(), {"role": "admin", "by": "set-up link"})
    begin_session(user)
    return redirect(url_for("home.show"), 303)


@pages.page("/me", Role.VIEWER)
def me() -> ResponseReturnValue:
    """What a person sets for himself."""
    return _me_form(_stored(), {})


@pages.page("/me", Role.VIEWER, method="POST")
def do_me() -> ResponseReturnValue:
    """Keep name, language, time zone and look."""
    user, hub = current_user(), the_hub()
    assert user is not None
    typed = typed_in(("name", *_CHOSEN))
    offered = zip(_CHOSEN, (("", *LANGUAGES), {"", *available_timezones()}, THEMES), strict=True)
    wrong = too_long(typed, LONGEST_PERSON)
    wrong |= {name: "Choose one of these." for name, known in offered if typed[name] not in known}
    if not typed["name"]:
        wrong["name"] = "Write the name by which others know you."
    if wrong:
        return _me_form(typed, wrong), 422
    preferences = {**user.preferences, **{name: typed[name] for name in _CHOSEN}}
    hub.store.update_user(user.id, name=typed["name"], preferences=preferences)
    hub.store.note(user.email, "user.preferences", user.email, hub.now())
    flash("Saved.", "success")
    return redirect(url_for("account.me"), 303)


@pages.page("/me/password", Role.VIEWER, method="POST", limit="10 per minute", again=me)
def do_password() -> ResponseReturnValue:
    """Change one's own password; every other session of his ends."""
    user, hub = current_user(), the_hub()
    assert user is not None
    wrong: dict[str, str] = {}
    if not is_password(request.form.get("current", ""), user.password_hash):
        wrong["current"] = "This is not your current password. Nothing was changed."
    hashed = _hashed(request.form.get("password", ""), user.email, wrong)
    if wrong:
        return _me_form(_stored(), wrong), 422
    hub.store.update_user(user.id, password_hash=hashed)
    end_all_sessions(user)
    changed = hub.store.user(identity=user.id)
    assert changed is not None
    begin_session(changed)
    hub.store.note(user.email, "user.password", user.email, hub.now())
    flash("Your password is changed. You were logged out everywhere else.", "success")
    return redirect(url_for("account.me"), 303)


def _hashed(password: str, email: str, wrong: dict[str, str]) -> str:
    """The digest to keep of a new password; empty, and in ``wrong`` what to say at it, when it will not do."""
    try:
        return hash_password(password, email)
    except PasswordError as error:
        wrong["password"] = str(error)
        return ""


def _stored() -> dict[str, str]:
    """What a person has set, as it stands in the form."""
    user = current_user()
    assert user is not None
    return {"name": user.name, "theme": "auto"} | {
        name: str(value) for name in _CHOSEN if (value := user.preferences.get(name))
    }


def _me_form(typed: Mapping[str, str], wrong: Mapping[str, str]) -> str:
    languages = [(name, Locale.parse(name).get_display_name() or name) for name in LANGUAGES]
    zones = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))
    return render_template("me.html", languages=languages, zones=["UTC", *zones], typed=typed, wrong=wrong)
