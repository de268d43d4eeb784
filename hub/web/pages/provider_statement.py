"""A provider's own statement: what they earned, what was paid out and what is due, month by month.

Whose it is the signed address says, never the query; each month runs from its first to its last moment in the reader's zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from babel.dates import format_date
from flask import render_template, request, url_for

from hub.commerce.providers import PORTAL, find_provider
from hub.connect.api import PaperFile
from hub.errors import NotFoundError
from hub.payments.statement_pdf import Reader, line_words, statement_pdf
from hub.payments.statements import Statement, first_moment, last_of_month, period, statements
from hub.secrets import LinkError
from hub.web.access import Pages, Role
from hub.web.csv_files import csv_file
from hub.web.formatting import reader_locale, reader_zone
from hub.web.papers import paper_answer
from hub.web.sessions import the_hub
from hub.web.speech import say, visitor_language
from hub.web.visitors import brand, leads_nowhere

if TYPE_CHECKING:
    from collections.abc import Sequence

    import sqlalchemy as sa
    from flask.typing import ResponseReturnValue

pages = Pages("provider_statement", __name__)
pages.register_error_handler(LinkError, leads_nowhere)
pages.register_error_handler(NotFoundError, leads_nowhere)

_MOST_MONTHS: Final = 120
_SHOWN: Final = 200
"""So many lines of a currency stand on the page; the files have them all."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whose statement of which month, and all the months that there are, the newest first."""

    row: sa.Row[Any]
    month: date
    months: Sequence[date]
    found: Sequence[Statement]

    @property
    def last(self) -> date:
        """The last day of the month."""
        return last_of_month(self.month)


@pages.page("/p/<token>/statement", Role.PUBLIC, limit="120 per minute")
def show(token: str) -> ResponseReturnValue:
    """One month on a page, with the way to the others and to the files."""
    asked = _asked(token)
    place = asked.months.index(asked.month)
    shown = [(one, one.movements[-_SHOWN:]) for one in asked.found]
    return render_template(
        "provider_statement.html",
        name=asked.row.name,
        title=_month_words(asked.month),
        month=f"{asked.month:%Y-%m}",
        statements=shown,
        months=[(f"{one:%Y-%m}", _month_words(one)) for one in asked.months],
        newer=place - 1 if place else None,
        older=place + 1 if place + 1 < len(asked.months) else None,
        words=lambda kind: line_words(visitor_language(), kind),
        day=lambda moment: format_date(moment.astimezone(reader_zone()).date(), "medium", visitor_language()),
        token=token,
        back=url_for("provider_page.portal", token=token, lang=request.args.get("lang")),
    )


@pages.page("/p/<token>/statement.csv", Role.PUBLIC, limit="60 per minute")
def table(token: str) -> ResponseReturnValue:
    """The same as a file for spreadsheets."""
    asked, language = _asked(token), visitor_language()
    columns = ("day", "what", "about", "currency", "amount", "balance")
    rows = (
        (
            line.time.astimezone(reader_zone()).date().isoformat(),
            line_words(language, line.kind),
            line.about,
            one.currency,
            line.money.to_decimal_text(),
            line.balance.to_decimal_text(),
        )
        for one in asked.found
        for line in one.movements
    )
    header = tuple(say(f"provider.column_{name}") for name in columns)
    return csv_file(f"statement-{asked.month:%Y-%m}.csv", header, rows)


@pages.page("/p/<token>/statement.pdf", Role.PUBLIC, limit="60 per minute")
def paper(token: str) -> ResponseReturnValue:
    """The same on paper."""
    asked, language, locale = _asked(token), visitor_language(), reader_locale()
    reader = Reader(language, str(locale) if locale.language == language else language, reader_zone())
    days = (asked.month, asked.last)
    content = statement_pdf(brand().name, asked.row.name, days, asked.found, reader, the_hub().now())
    return paper_answer(PaperFile(f"statement-{asked.month:%Y-%m}.pdf", content))


def _asked(token: str) -> _Asked:
    """What the address asks for. A month that there is not is the newest one. Raises what leads nowhere."""
    hub = the_hub()
    identity = hub.pages.identity(PORTAL, token)
    with hub.database.read() as connection:
        row = find_provider(connection, identity)
        months = _months(first_moment(connection, identity))
        wanted = request.args.get("month", "")
        month = next((one for one in months if f"{one:%Y-%m}" == wanted), months[0])
        found = statements(connection, identity, *period(month, last_of_month(month), reader_zone()))
    return _Asked(row, month, months, found)


def _months(first: datetime | None) -> list[date]:
    """The first days of all months since the first booking, the newest first; this month is always there."""
    month = the_hub().now().astimezone(reader_zone()).date().replace(day=1)
    oldest = first.astimezone(reader_zone()).date().replace(day=1) if first is not None else month
    found = [month]
    while month > oldest and len(found) < _MOST_MONTHS:
        month = (month - timedelta(days=1)).replace(day=1)
        found.append(month)
    return found


def _month_words(month: date) -> str:
    return format_date(month, "LLLL y", visitor_language())
