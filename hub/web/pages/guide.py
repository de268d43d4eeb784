"""New integration: six questions; what fits and what is to be done; and, with a name, the files that do it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flask import flash, redirect, render_template, request, url_for

from hub.connect.manifest import Kind
from hub.engine.file_desk import FileDesk
from hub.engine.guide.moves import PARTIES, moves_of
from hub.engine.guide.questions import QUESTIONS, answers_of, fits, story_of
from hub.engine.guide.texts import Integration, form_of, recipes_of
from hub.errors import ConfigError
from hub.recipes.findings import FindingsError
from hub.web.access import Pages, Role
from hub.web.acting import manifest_of
from hub.web.entries import read_amount, typed_in, wrong_currency
from hub.web.pages.connections import setup_markup
from hub.web.sessions import actor, the_hub

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

    from hub.engine.guide.questions import Answers, Fit

pages = Pages("guide", __name__)

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,58}[a-z0-9])?")
_LONGEST_TITLE = 120
_TYPED = ("name", "title", "connection", "currency", "amount")
_PROPOSED = {"name": "my-integration", "title": "My integration", "currency": "EUR"}
_EVENTS = ("payment.", "refund.", "subscription.", "dispute.")


@pages.page("/new-integration", Role.VIEWER)
def show() -> ResponseReturnValue:
    """The questions; below them, once they are answered, what follows from the answers."""
    typed = {name: request.args.get(name, "").strip() for name in _TYPED}
    try:
        answers = answers_of(request.args.to_dict(flat=False))
    except ConfigError as error:
        return render_template(
            "guide.html", questions=QUESTIONS, answers=answers_of({}), error=error, answered=False
        ), 422
    return _page(answers, typed, {}, answered=bool(request.args))


@pages.page("/new-integration", Role.EDITOR, method="POST")
def make() -> ResponseReturnValue:
    """Make the files and switch the recipes on; all of them or none."""
    typed = typed_in(_TYPED)
    answers = answers_of(request.form.to_dict(flat=False))
    made, wrong = read_integration(answers, typed, _connections(answers))
    if answers.by_story:
        wrong["name"] = "These answers take a story of the gallery; install that."
    if made is None or wrong:
        return _page(answers, typed, wrong, answered=True), 422
    plan = FileDesk(the_hub()).plan_more(files_of(answers, made))
    taken = [change.key.path for change in plan.change]
    if taken:
        wrong["name"] = f"{' and '.join(taken)} is there already. Choose another name."
        return _page(answers, typed, wrong, answered=True), 422
    try:
        FileDesk(the_hub()).apply(plan, actor())
    except FindingsError as error:
        wrong["name"] = str(error)
        return _page(answers, typed, wrong, answered=True), 422
    flash(
        f"{made.title} is ready, and its tests passed. Follow the steps at the gateway, then pay once to see it work.",
        "success",
    )
    return redirect(url_for("editor.edit", name=made.name), 303)


def files_of(answers: Answers, made: Integration) -> dict[str, str]:
    """The files as an export holds them, path to text."""
    files = {f"recipes/{name}.yaml": text for name, text in recipes_of(answers, made).items()}
    if form := form_of(answers, made):
        files[f"forms/{made.name}.yaml"] = form
    return files


def read_integration(
    answers: Answers, typed: Mapping[str, str], connections: Mapping[str, Fit]
) -> tuple[Integration | None, dict[str, str]]:
    """What was typed as an integration, or by field what is wrong with it."""
    wrong: dict[str, str] = {}
    if not _NAME.fullmatch(typed["name"]):
        wrong["name"] = "Use small letters, digits and hyphens, at most 60, such as summer-course."
    if not 1 <= len(typed["title"]) <= _LONGEST_TITLE:
        wrong["title"] = f"Give it a title of at most {_LONGEST_TITLE} characters."
    if typed["connection"] not in connections:
        wrong["connection"] = "Choose a connection whose gateway fits."
    price, currency = None, typed["currency"].upper() if answers.by_form else ""
    if answers.by_form:
        wrong |= wrong_currency(currency) if currency else {"currency": "Write its three letters, such as EUR."}
    if answers.by_form and typed["amount"] and "currency" not in wrong:
        price = read_amount(typed["amount"], currency, wrong)
        if price is not None and price.minor <= 0:
            wrong["amount"] = "The amount must be above zero."
    if wrong:
        return None, wrong
    return Integration(typed["name"], typed["title"], typed["connection"], currency, price), {}


def _page(answers: Answers, typed: Mapping[str, str], wrong: Mapping[str, str], *, answered: bool) -> str:
    connections = _connections(answers)
    chosen = typed["connection"] if typed["connection"] in connections else next(iter(connections), "")
    entered = dict(typed) if wrong else {name: text or _PROPOSED.get(name, "") for name, text in typed.items()}
    example = Integration(entered["name"], entered["title"], chosen or "CONNECTION", entered["currency"])
    return render_template(
        "guide.html",
        questions=QUESTIONS,
        answers=answers,
        answered=answered,
        error=None,
        fitting=_judged(answers),
        connections=connections,
        chosen=chosen,
        story=_story(answers),
        typed=entered,
        wrong=wrong,
        files=files_of(answers, example),
        moves=moves_of(answers),
        parties=PARTIES,
        **_at_the_gateway(chosen),
    )


def _story(answers: Answers) -> tuple[str, str, str] | None:
    """Name, title and reason of the story that comes closest; None when the gallery lacks it."""
    name, why = story_of(answers)
    titles = dict(the_hub().recipes.gallery())
    return (name, titles[name], why) if name in titles else None


def _at_the_gateway(connection: str) -> dict[str, object]:
    """What is to be set up there: the steps, the webhook's address, the events to tick."""
    manifest, address = manifest_of(connection), f"{the_hub().settings.address}/hooks/{connection}"
    if manifest is None:
        return {"manifest": None}
    ticked = {raw for rule in manifest.events for raw in rule.raw if rule.type.startswith(_EVENTS)}
    setup = setup_markup(manifest.setup, address)
    return {"manifest": manifest, "address": address, "setup": setup, "ticked": sorted(ticked)}


def _judged(answers: Answers) -> list[Fit]:
    hub = the_hub()
    manifests = [hub.registry.get(name).manifest for name in hub.registry.names()]
    return fits(answers, [one for one in manifests if one.kind is Kind.GATEWAY])


def _connections(answers: Answers) -> dict[str, Fit]:
    """The connections that are switched on and whose gateway fits, by name."""
    fitting = {fit.manifest.name: fit for fit in _judged(answers) if fit.fits}
    rows = the_hub().store.connections()
    return {row.name: fitting[row.connector] for row in rows if row.enabled and row.connector in fitting}
