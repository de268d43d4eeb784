"""New integration: six questions; what fits and what is to be done; the files that do it; and how to try them.

The questions and what is typed below them are one form: whoever changes an answer keeps what they typed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

import sqlalchemy as sa
from flask import redirect, render_template, request, url_for

from hub.connect.manifest import Kind
from hub.engine.file_desk import FileDesk
from hub.engine.guide.moves import PARTIES, moves_of
from hub.engine.guide.questions import QUESTIONS, answers_of, conflicts, fits, left_out, story_of
from hub.engine.guide.texts import ENDINGS, Integration, form_of, recipes_of
from hub.errors import ConfigError
from hub.expressions.functions.text import slug
from hub.journal.tables_work import providers
from hub.recipes.findings import FindingsError
from hub.recipes.model import EventTrigger
from hub.web.access import Pages, Role
from hub.web.acting import manifest_of, offering
from hub.web.entries import read_amount, typed_in, wrong_currency
from hub.web.pages.connections import setup_markup
from hub.web.pages.recipes import compiled
from hub.web.sessions import actor, the_hub

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flask.typing import ResponseReturnValue

    from hub.engine.guide.questions import Answers, Fit
    from hub.money import Money

pages = Pages("guide", __name__)

_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,58}[a-z0-9])?")
_SITE: Final = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")
_LONGEST_NAME: Final = 60
_LONGEST_TITLE: Final = 120
_MOST_PROVIDERS: Final = 500
_TYPED: Final = ("title", "name", "connection", "currency", "amount", "provider", "crm", "team", "site")
_PROPOSED: Final = {"title": "My integration", "currency": "EUR"}
_EVENTS: Final = ("payment.", "refund.", "subscription.", "dispute.")
_TOLD: Final = (
    ("crm", "CRM", "contact.upsert", "No connection can keep contacts yet: connect your CRM first."),
    ("team", "Channel", "message.post", "No connection can post to a channel yet: connect Slack first."),
)
"""What is told after a payment: its name, its title, the action that does it, and what to do when no connection can."""


class Pick(NamedTuple):
    """Something to choose among what the hub has: ``options`` by value; ``missing`` says how to get one where none is."""

    name: str
    title: str
    hint: str
    options: Mapping[str, str]
    missing: str
    address: str


@pages.page("/new-integration", Role.VIEWER)
def show() -> ResponseReturnValue:
    """The questions; below them, once they are answered, what follows from the answers."""
    typed = {name: request.args.get(name, "").strip() for name in _TYPED}
    try:
        answers = answers_of(request.args.to_dict(flat=False))
    except ConfigError as error:
        return render_template(
            "guide.html", questions=QUESTIONS, answers=answers_of({}), refused={}, error=error, answered=False
        ), 422
    return _page(answers, typed, {}, answered=bool(request.args))


@pages.page("/new-integration", Role.EDITOR, method="POST")
def make() -> ResponseReturnValue:
    """Make the files and switch the recipes on; all of them or none."""
    typed = typed_in(_TYPED)
    answers = answers_of(request.form.to_dict(flat=False))
    if conflicts(answers) or answers.by_story:
        return _page(answers, typed, {}, answered=True), 422
    made, wrong = read_integration(answers, typed, _connections(answers), _picks(answers))
    if made is None:
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
    return redirect(url_for("guide.ready", name=made.name, received=answers.received, refund=answers.refund), 303)


@pages.page("/new-integration/<name>", Role.VIEWER)
def ready(name: str) -> ResponseReturnValue:
    """What was made, how its tests went, and how to try it."""
    hub = the_hub()
    first = compiled(hub.store.recipe(name))
    if first is None:  # somebody wrote it anew: the editor says what is wrong with it
        return redirect(url_for("editor.edit", name=name), 303)
    names = {name, *(f"{name}-{end}" for end in ENDINGS)}
    rows = [row for row in hub.store.recipes() if row.name in names]
    connections = first.trigger.connections if isinstance(first.trigger, EventTrigger) else ()
    return render_template(
        "guide_ready.html",
        title=first.title,
        name=name,
        made=[(row, compiled(row), hub.recipes.test(row.text, row.name)) for row in rows],
        form=hub.store.file("form", name),
        received=request.args.get("received", ""),
        refund=request.args.get("refund", ""),
        **_at_the_gateway(next(iter(connections), "")),
    )


def files_of(answers: Answers, made: Integration) -> dict[str, str]:
    """The files as an export holds them, path to text."""
    files = {f"recipes/{name}.yaml": text for name, text in recipes_of(answers, made).items()}
    if form := form_of(answers, made):
        files[f"forms/{made.name}.yaml"] = form
    return files


def read_integration(
    answers: Answers, typed: Mapping[str, str], connections: Mapping[str, Fit], picks: Sequence[Pick]
) -> tuple[Integration | None, dict[str, str]]:
    """What was typed as an integration, or by field what is wrong with it."""
    wrong: dict[str, str] = {}
    name = _name_of(typed)
    if not _NAME.fullmatch(name):
        wrong["name"] = "Use small letters, digits and hyphens, at most 60, such as summer-course."
    if not 1 <= len(typed["title"]) <= _LONGEST_TITLE:
        wrong["title"] = f"Give it a title of at most {_LONGEST_TITLE} characters."
    if typed["connection"] not in connections:
        wrong["connection"] = "Choose a connection whose gateway fits."
    picked = {pick.name: typed[pick.name] for pick in picks}
    wrong |= {pick.name: pick.missing for pick in picks if picked[pick.name] not in pick.options}
    site = typed["site"].rstrip("/") if answers.received == "embedded" else ""
    if answers.received == "embedded" and not _SITE.fullmatch(site):
        wrong["site"] = "Write the address of your site without a path, such as https://www.example.com."
    price, currency = None, ""
    if answers.by_form:
        price, currency = _price(typed, wrong)
    if wrong:
        return None, wrong
    return Integration(name, typed["title"], typed["connection"], currency, price, site, picked), {}


def _price(typed: Mapping[str, str], wrong: dict[str, str]) -> tuple[Money | None, str]:
    """The price of the form and its currency; what is wrong with either is noted at its field."""
    currency = typed["currency"].upper()
    wrong |= wrong_currency(currency) if currency else {"currency": "Write its three letters, such as EUR."}
    if "currency" in wrong or not typed["amount"]:
        return None, currency
    price = read_amount(typed["amount"], currency, wrong)
    if price is not None and price.minor <= 0:
        wrong["amount"] = "The amount must be above zero."
    return price, currency


def _name_of(typed: Mapping[str, str]) -> str:
    """The name of the files: as typed, else made from the title."""
    return typed["name"] or slug(typed["title"])[:_LONGEST_NAME].strip("-")


def _page(answers: Answers, typed: Mapping[str, str], wrong: Mapping[str, str], *, answered: bool) -> str:
    connections, picks = _connections(answers), _picks(answers)
    chosen = typed["connection"] if typed["connection"] in connections else next(iter(connections), "")
    entered = dict(typed) if wrong else {name: text or _PROPOSED.get(name, "") for name, text in typed.items()}
    name = _name_of(entered)
    picked = {pick.name: entered[pick.name] or next(iter(pick.options), pick.name) for pick in picks}
    example = Integration(
        name if _NAME.fullmatch(name) else "my-integration",
        entered["title"],
        chosen or "CONNECTION",
        entered["currency"],
        site=entered["site"],
        picked=picked,
    )
    return render_template(
        "guide.html",
        questions=QUESTIONS,
        answers=answers,
        answered=answered,
        refused=conflicts(answers),
        left=left_out(answers),
        error=None,
        fitting=_judged(answers),
        connections=connections,
        gateways={one: f"{one} ({fit.manifest.title})" for one, fit in connections.items()},
        chosen=chosen,
        picks=picks,
        story=_story(answers),
        typed=entered,
        wrong=wrong,
        files=files_of(answers, example),
        moves=moves_of(answers),
        parties=PARTIES,
        refund=answers.refund,
        **_at_the_gateway(chosen),
    )


def _picks(answers: Answers) -> list[Pick]:
    """What is to be chosen among the hub's own for these answers."""
    found = []
    if answers.split == "provider" and not answers.by_story:
        query = sa.select(providers.c.id, providers.c.name).where(providers.c.state == "approved")
        with the_hub().database.read() as connection:
            rows = connection.execute(query.order_by(providers.c.name).limit(_MOST_PROVIDERS)).all()
        known = {row.id: row.name for row in rows}
        why = "Nobody can be shared with yet: let somebody register, and approve them under Providers."
        found.append(Pick("provider", "Provider", "Who gets the share.", known, why, url_for("providers.index")))
    for name, title, action, why in _TOLD:
        if name in answers.after and not answers.by_story:
            known = {one: one for one in offering(action)}
            found.append(Pick(name, title, "Which connection is told.", known, why, url_for("connections.index")))
    return found


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
