"""Forms for who makes them: the list, the text and the designer with a live preview, the snippet for other sites."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final, cast

from flask import Response, flash, g, redirect, render_template, request, url_for

from hub.commerce.forms import words
from hub.commerce.submissions import counts
from hub.engine.form_desk import FormDesk, compile_form
from hub.errors import HubError, NotFoundError
from hub.jsontypes import canonical_json
from hub.money import EXPONENTS
from hub.phrases import LANGUAGES
from hub.recipes.findings import FindingsError
from hub.web.access import Pages, Role
from hub.web.form_cards import BOUNDED, KINDS
from hub.web.form_presses import Designed, pressed
from hub.web.form_starters import FORM_STARTERS, form_starter
from hub.web.pages.events import parse_object
from hub.web.pages.form_page import form_response
from hub.web.pages.outbox import framed
from hub.web.sessions import actor, the_hub

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flask.typing import ResponseReturnValue

    from hub.commerce.forms import Form
    from hub.jsontypes import JsonObject
    from hub.recipes.findings import Finding

pages = Pages("forms", __name__)

CURRENCIES: Final = tuple(sorted(EXPONENTS))
"""What is suggested where a currency is typed."""


@pages.page("/forms", Role.VIEWER)
def index() -> ResponseReturnValue:
    """All forms with how much came in by each, and those that are gone but have submissions."""
    hub = the_hub()
    texts = FormDesk(hub).texts()
    with hub.database.read() as connection:
        sent = counts(connection)
    rows = [(name, _readable(name, texts.get(name)), sent.get(name, 0)) for name in sorted({*texts, *sent})]
    return render_template("forms.html", rows=rows, texts=texts, starters=FORM_STARTERS, words=_english)


def _english(form: Form) -> str:
    return words(form.title, "en")


def _readable(name: str, text: str | None) -> Form | None:
    try:
        return compile_form(text, name, the_hub().now().date()) if text is not None else None
    except NotFoundError:
        return None


# writing


@pages.page("/new-form", Role.EDITOR)
def new() -> ResponseReturnValue:
    """A form from a starter, or a copy of another."""
    copied = request.args.get("copy", "")
    text = FormDesk(the_hub()).text(copied) if copied else form_starter(request.args.get("starter", "")).text
    return _page("", _unpressed(text))


@pages.page("/new-form", Role.EDITOR, method="POST")
def create() -> ResponseReturnValue:
    """What the new form's page asks for."""
    return _act("")


@pages.page("/forms/<name>", Role.VIEWER)
def edit(name: str) -> ResponseReturnValue:
    """One form: its text, its fields as cards, how it looks."""
    return _page(name, _unpressed(FormDesk(the_hub()).text(name)))


@pages.page("/forms/<name>", Role.EDITOR, method="POST")
def act(name: str) -> ResponseReturnValue:
    """What the form's page asks for."""
    return _act(name)


@pages.page("/forms/<name>/delete", Role.EDITOR, method="POST")
def delete(name: str) -> ResponseReturnValue:
    """Take a form away."""
    FormDesk(the_hub()).delete(name, actor())
    flash(f"The form {name} is deleted. What came in by it stays.", "success")
    return redirect(url_for("forms.index"), 303)


@pages.page("/forms/<name>/share", Role.VIEWER)
def share(name: str) -> ResponseReturnValue:
    """The form's address, and the snippet by which other sites show it."""
    desk = FormDesk(the_hub())
    return render_template("form_share.html", name=name, form=_readable(name, desk.text(name)), tab="share")


def _unpressed(text: str) -> Designed:
    return Designed(text, {}, FormDesk(the_hub()).gateways())


def _act(name: str) -> ResponseReturnValue:
    """Change a part, check or save what was sent. What was typed is shown again, saved or not."""
    desk = FormDesk(the_hub())
    do = request.form.get("do", "check")
    designed = pressed(_typed(), do, request.form, desk.gateways())
    text = designed.text
    if do not in {"check", "save"} or not designed.is_right:
        return _page(name, designed), 200 if designed.is_right else 422
    if do == "check":
        return _page(name, designed, findings=desk.check(text, name), is_checked=True)
    try:
        saved = desk.save(name, text, actor())
    except FindingsError as error:
        return _page(name, designed, findings=error.findings), 422
    flash("Saved. Visitors see it from now on.", "success")
    return redirect(url_for("forms.edit", name=saved), 303)


def _typed() -> str:
    return request.form.get("text", "").replace("\r\n", "\n")


def _page(name: str, designed: Designed, *, findings: Sequence[Finding] = (), is_checked: bool = False) -> str:
    stored = FormDesk(the_hub()).texts().get(name)
    return render_template(
        "form_edit.html",
        name=name,
        form=_readable(name, stored),
        text=designed.text,
        is_changed=designed.text != stored,
        findings=findings,
        is_checked=is_checked,
        spoken=LANGUAGES,
        tab="edit",
        **_shown(designed),
    )


def _shown(designed: Designed) -> dict[str, object]:
    """What the cards and panels are made with."""
    return {
        "cards": designed.cards(),
        "panels": designed.panels(),
        "opened": designed.opened,
        "typed": designed.entered,
        "wrong": designed.wrong,
        "problem_found": designed.problem,
        "is_refused": not designed.is_right,
        "kinds": KINDS,
        "bounded": BOUNDED,
        "currencies": CURRENCIES,
    }


# what the page's script asks for


@pages.page("/form-check", Role.EDITOR, method="POST")
def check() -> ResponseReturnValue:
    """The findings of a text, for the editor: ``{text, name}`` in, ``{findings}`` out."""
    asked = parse_object(request.get_data(as_text=True))
    found = FormDesk(the_hub()).check(str(asked.get("text") or ""), str(asked.get("name") or ""))
    return _json({"findings": [cast("JsonObject", {**asdict(one), "severity": one.severity.value}) for one in found]})


@pages.page("/form-cards", Role.EDITOR, method="POST")
def cards() -> ResponseReturnValue:
    """The page's form in, after a button of the designer or another text: ``{text, cards}``, the cards as HTML."""
    designed = pressed(_typed(), request.form.get("do", ""), request.form, FormDesk(the_hub()).gateways())
    return _json({"text": designed.text, "cards": render_template("form_cards.html", **_shown(designed))})


def _json(value: JsonObject) -> Response:
    return Response(canonical_json(value), mimetype="application/json")


@pages.page("/form-preview", Role.VIEWER)
def before_preview() -> ResponseReturnValue:
    """How a stored form looks; or what the frame shows before there is anything."""
    name = request.args.get("form", "")
    text = FormDesk(the_hub()).texts().get(name)
    if text is None:
        return framed(render_template("preview_text.html", text="Press Preview to see the form."))
    return _preview(text, name)


@pages.page("/form-preview", Role.EDITOR, method="POST")
def preview() -> ResponseReturnValue:
    """How the text that is being written looks."""
    wished = request.form.get("spoken", "")
    g.language = wished if wished in LANGUAGES else "en"
    return _preview(_typed(), "draft")


def _preview(text: str, name: str) -> ResponseReturnValue:
    try:
        return form_response(compile_form(text, name, the_hub().now().date()), {}, is_draft=True)
    except HubError as error:
        return framed(render_template("preview_problem.html", error=error))
