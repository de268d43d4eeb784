"""Mail templates: the hub's own and those of this installation, with a preview that the mail connector itself renders."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from email import message_from_bytes, policy
from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for

from hub.connect.api import Connection
from hub.errors import HubError, NotFoundError
from hub.expressions import compile_template
from hub.web.access import Pages, Role
from hub.web.pages.events import parse_object
from hub.web.pages.outbox import framed
from hub.web.sessions import actor, the_hub

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

    from hub.jsontypes import Json, JsonObject

pages = Pages("templates", __name__)

_KIND = "template"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
_SLOT = re.compile(r"\$\{([^}]*)\}")
_QUOTED = re.compile(r"'[^']*'|`[^`]*`|\"[^\"]*\"")
_PATH = re.compile(r"(?<![\w.])[A-Za-z_]\w*+(?:\.[A-Za-z_]\w*+)*+(?!\s*\()")
_DRAFT = "preview"
_BLANK = "---\nsubject: What it is about\n---\n\nHello ${ name },\n\nyour text, in Markdown.\n"


@dataclass(frozen=True, slots=True)
class Preview:
    """A mail's content as its recipient would see it."""

    text: str
    html: str


def shipped_templates() -> dict[str, str]:
    """The texts that come with the mail connector, by name."""
    folder = the_hub().registry.get("mail").manifest.folder / "templates"
    return {file.stem: file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.md"))}


@pages.page("/templates", Role.VIEWER)
def index() -> ResponseReturnValue:
    """All templates."""
    own, shipped = the_hub().store.files(_KIND), shipped_templates()
    rows = [
        (name, _subject(own.get(name) or shipped[name]), name in own, name in shipped)
        for name in sorted({*own, *shipped})
    ]
    return render_template("templates.html", rows=rows)


@pages.page("/new-template", Role.EDITOR)
def new() -> ResponseReturnValue:
    """The form for a new one."""
    return _page("", _BLANK)


@pages.page("/new-template", Role.EDITOR, method="POST")
def create() -> ResponseReturnValue:
    """Save a new one."""
    return _act("")


@pages.page("/templates/<name>", Role.VIEWER)
def edit(name: str) -> ResponseReturnValue:
    """One template."""
    text = the_hub().store.file(_KIND, name) or shipped_templates().get(name)
    if text is None:
        message = f"There is no template {name!r}."
        raise NotFoundError(message, remedy="The page Templates lists them.")
    return _page(name, text)


@pages.page("/templates/<name>", Role.EDITOR, method="POST")
def act(name: str) -> ResponseReturnValue:
    """Save it."""
    return _act(name)


@pages.page("/templates/<name>/delete", Role.EDITOR, method="POST")
def delete(name: str) -> ResponseReturnValue:
    """Take one's own text away; one that comes with the hub is used again then."""
    hub = the_hub()
    hub.store.save_file(_KIND, name, None, actor(), hub.now())
    hub.store.note(actor(), "template.delete", name, hub.now())
    flash(f"Your text of {name} is deleted.", "success")
    return redirect(url_for("templates.index"), 303)


def _act(name: str) -> ResponseReturnValue:
    hub = the_hub()
    text = request.form.get("text", "").replace("\r\n", "\n")
    chosen, wrong = name or request.form.get("name", "").strip(), dict[str, str]()
    try:
        compile_template(text)
    except HubError as error:
        wrong["text"] = str(error)
    if not _NAME.fullmatch(chosen):
        wrong["name"] = "Use small letters, digits and hyphens, at most 80, for example welcome-mail."
    if wrong:
        return _page(name, text, wrong), 422
    hub.store.save_file(_KIND, chosen, text, actor(), hub.now())
    hub.store.note(actor(), "template.save", chosen, hub.now())
    flash("Saved. Mails that are sent from now use it.", "success")
    return redirect(url_for("templates.edit", name=chosen), 303)


@pages.page("/template-preview", Role.EDITOR)
def before_preview() -> ResponseReturnValue:
    """What the frame shows before the first preview."""
    return framed(render_template("preview_text.html", text="Press Preview to see the mail."))


@pages.page("/template-preview", Role.EDITOR, method="POST")
def preview() -> ResponseReturnValue:
    """The mail that a text makes, for the frame beside it."""
    try:
        mail = rendered(request.form.get("text", ""), parse_object(request.form.get("data", "") or "{}"))
    except HubError as error:
        return framed(render_template("preview_problem.html", error=error)), 422
    return framed(mail.html or render_template("preview_text.html", text=mail.text))


def _page(name: str, text: str, wrong: Mapping[str, str] | None = None) -> str:
    asked = sorted({path.partition(".")[0] for path in asked_for(text)})
    data = request.form.get("data", sample_text(text))
    return render_template(
        "template.html",
        name=name,
        text=text,
        own=name in the_hub().store.files(_KIND),
        shipped=name in shipped_templates(),
        typed={"name": request.form.get("name", "")},
        wrong=wrong or {},
        data=data,
        asked=asked,
    )


def asked_for(text: str) -> list[str]:
    """The paths that a template's expressions read, in order, as far as they can be seen in the text."""
    found: dict[str, None] = {}
    for slot in _SLOT.findall(text):
        found.update(dict.fromkeys(_PATH.findall(_QUOTED.sub("", slot))))
    return list(found)


def sample_text(text: str) -> str:
    """Example data for the names that a template uses, to begin a preview with."""
    data: dict[str, object] = {}
    for path in asked_for(text):
        place = data
        *above, last = path.split(".")
        for name in above:
            inner = place.setdefault(name, {})
            if not isinstance(inner, dict):
                break
            place = inner
        else:
            place.setdefault(last, f"({last})")
    return json.dumps(data, ensure_ascii=False, indent=2)


def _subject(text: str) -> str:
    found = re.search(r"\A---\n(?:.*\n)*?subject:\s*(.+)\n", text)
    return found[1].strip("\"' ") if found else ""


class _Captured:
    """Implements :class:`hub.connect.api.Outbox`: keeps the one mail of a preview in memory."""

    def __init__(self) -> None:
        self.message = b""

    def put(self, key: str, message: bytes, *, recipient: str, subject: str) -> None:
        del key, recipient, subject
        self.message = message


class _Draft:
    """Implements :class:`hub.connect.api.Templates` with the text that is being written."""

    def __init__(self, text: str) -> None:
        self._text = text

    def get(self, name: str) -> str | None:
        return self._text if name == _DRAFT else None


def rendered(text: str, data: JsonObject) -> Preview:
    """The mail that the mail connector makes of a template, without a server and without the outbox.

    Raises what its action raises for a template or data that is wrong.
    """
    hub, outbox = the_hub(), _Captured()
    connector = hub.registry.get("mail")
    given: dict[str, Json] = {"to": "reader@example.com", "template": _DRAFT, "data": data}
    if not _subject(text):
        given["subject"] = "The step's subject"
    call = replace(
        hub.accounts.call(Connection("mail", "mail", {}, {}), connector),
        input=given,
        services={"outbox": outbox, "templates": _Draft(text)},
    )
    connector.run("send", call)
    mail = message_from_bytes(outbox.message, policy=policy.default)
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    return Preview(
        str(plain.get_content()) if plain is not None else "",
        str(html.get_content()) if html is not None else "",
    )
