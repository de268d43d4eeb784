"""What came in by a form: searched, looked at one by one, taken away as a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from flask import render_template, request

from hub.commerce.forms import words
from hub.commerce.submissions import STATES, Wanted, amount_json, get, listed
from hub.engine.form_desk import FormDesk
from hub.errors import NotFoundError
from hub.journal.queries import EventFilter
from hub.money import Money
from hub.web.access import Pages, Role
from hub.web.csv_files import csv_file
from hub.web.sessions import the_hub

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    import sqlalchemy as sa
    from flask.typing import ResponseReturnValue

    from hub.commerce.forms import Form
    from hub.jsontypes import Json

pages = Pages("form_submissions", __name__)

_AT_ONCE: Final = 50
_READ_AT_ONCE: Final = 1_000
_EVENTS: Final = 50
_HEADER: Final = ("submission", "time", "state", "language", "offer", "currency", "amount", "paid_by", "order",
                  "payment", "subscription")  # fmt: skip


@pages.page("/forms/<name>/submissions", Role.VIEWER)
def index(name: str) -> ResponseReturnValue:
    """What came in by a form and fits, newest first."""
    asked = {key: request.args.get(key, "").strip() for key in ("state", "text")}
    after = request.args.get("after", "")
    with the_hub().database.read() as connection:
        rows = listed(connection, Wanted(name, asked["state"], asked["text"], after), _AT_ONCE + 1)
    form = _form(name)
    if form is None and not rows and not any(asked.values()):
        FormDesk(the_hub()).text(name)  # neither a form nor anything that came in by one: says so
    return render_template(
        "form_submissions.html",
        name=name,
        form=form,
        rows=rows[:_AT_ONCE],
        following=rows[_AT_ONCE - 1].id if len(rows) > _AT_ONCE else "",
        asked=asked,
        after=after,
        states=STATES,
        amount_json=amount_json,
        tab="submissions",
    )


@pages.page("/forms/<name>/submissions.csv", Role.VIEWER)
def export(name: str) -> ResponseReturnValue:
    """What came in by a form and fits, as a file: one column for each field that anybody filled in."""
    wanted = Wanted(name, request.args.get("state", "").strip(), request.args.get("text", "").strip())
    fields = _columns(name)
    file = f"{re.sub(r'[^a-z0-9-]', '', name)}-submissions.csv"
    return csv_file(file, [*_HEADER, *fields], _lines(wanted, fields))


@pages.page("/submissions/<identity>", Role.VIEWER)
def show(identity: str) -> ResponseReturnValue:
    """One submission: what was entered, what is paid, and what was told of it."""
    row = get(the_hub().office("read"), identity)
    form = _form(row.form)
    titles = {field.name: words(field.title, "en") for field in form.fields} if form is not None else {}
    return render_template(
        "form_submission.html",
        row=row,
        form=form,
        answers=[(titles.get(name, name), shown_answer(value)) for name, value in row.answers.items()],
        sum=amount_json(row),
        events=the_hub().queries.events(EventFilter(text=identity), limit=_EVENTS).items,
    )


def shown_answer(value: Json) -> str:
    """An answer as a line of text: an address in its parts, a tick as yes or no."""
    if isinstance(value, dict):
        return ", ".join(str(part) for part in value.values() if part)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _form(name: str) -> Form | None:
    """The form, where it is there and in order; what came in by it is shown without it too."""
    try:
        return FormDesk(the_hub()).get(name)
    except NotFoundError:
        return None


# the file


def _columns(name: str) -> list[str]:
    """The form's fields, then those of former times that have answers."""
    form = _form(name)
    found = dict.fromkeys(field.name for field in form.fields) if form is not None else {}
    for rows in _batches(Wanted(name)):
        for row in rows:
            found.update(dict.fromkeys(row.answers))
    return list(found)


def _lines(wanted: Wanted, fields: Sequence[str]) -> Iterator[Sequence[object]]:
    for rows in _batches(wanted):
        for row in rows:
            answers: Mapping[str, Json] = row.answers
            amount = Money(row.minor, row.currency).to_decimal_text() if row.minor is not None else None
            yield (
                row.id, row.created_at.isoformat(), row.state, row.language, row.offer, row.currency, amount,
                row.connection, row.order, row.payment, row.subscription,
                *(shown_answer(answers.get(name)) for name in fields),
            )  # fmt: skip


def _batches(wanted: Wanted) -> Iterator[Sequence[sa.Row[Any]]]:
    """All that fit, in pages, each read in a moment: a long file holds no connection while it is sent."""
    after = ""
    while True:
        with the_hub().database.read() as connection:
            rows = listed(connection, Wanted(wanted.form, wanted.state, wanted.text, after), _READ_AT_ONCE)
        yield rows
        if len(rows) < _READ_AT_ONCE:
            return
        after = rows[-1].id
