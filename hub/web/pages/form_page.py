"""The page on which visitors fill a form in, and the one that says what became of it. No log-in; other sites may show it.

What is wrong is said at its field and nothing typed is lost. The amount is the one that the form offers or bounds; no
page can name another.
"""

from __future__ import annotations

import hashlib
from datetime import date
from typing import TYPE_CHECKING, cast
from urllib.parse import urlencode

import structlog
from babel.dates import format_date
from flask import Response, make_response, redirect, render_template, request, url_for

from hub.commerce.form_amounts import Said, amount_input, other_input
from hub.commerce.form_fields import ADDRESS_PARTS, Answers, countries, field_input, read_answers
from hub.commerce.forms import words
from hub.commerce.submissions import begin, get, is_called_off, submit
from hub.engine.form_desk import FormDesk
from hub.errors import HubError, NotFoundError, PermanentError
from hub.journal.tables_commerce import order_payments
from hub.jsontypes import canonical_json
from hub.money import Money
from hub.payments.coupons import code_of
from hub.payments.discounts import off
from hub.payments.receipts import PAGE as RECEIPT
from hub.payments.receipts import receipts_of
from hub.secrets import LinkError
from hub.web.access import Pages, Role
from hub.web.assets import DIST, Assets
from hub.web.form_coupons import CODE, Reduced, of_the_price, price_words, reduced, with_problem
from hub.web.headers import csp_nonce, policy
from hub.web.sessions import the_hub
from hub.web.speech import amount, asked_language, say, speak, visitor_language
from hub.web.visitors import (
    ask_gateways,
    form_key,
    found_filled_in,
    in_any_frame,
    lead_on,
    leads_nowhere,
    look_around,
    page_around,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import sqlalchemy as sa
    from flask.typing import ResponseReturnValue

    from hub.commerce.forms import Form, Offer, Text
    from hub.jsontypes import Json, JsonObject
    from hub.office import Office

log = structlog.get_logger(__name__)

pages = Pages("form_page", __name__)
pages.register_error_handler(LinkError, leads_nowhere)
pages.register_error_handler(NotFoundError, leads_nowhere)

_LOOKS = 5
"""How often the page of somebody who has just paid looks again by itself."""

LANGUAGE = "language"
"""What ``do`` says of a form that is shown again in another language, with what was typed so far."""

_EMBED_SCRIPT = "src/embed.ts"
_HOUR = 3_600


@pages.page("/f/<name>", Role.PUBLIC, limit="120 per minute")
def show(name: str) -> ResponseReturnValue:
    """The form."""
    form = FormDesk(the_hub()).get(name)
    if page_around() and not _embedding(form):
        return _elsewhere(form)
    return form_response(form, request.form.to_dict())


@pages.page("/f/<name>", Role.PUBLIC, method="POST", limit="30 per minute", cross_site=True, again=show)
def send(name: str) -> ResponseReturnValue:
    """Take what was entered, and lead on to pay; or say what is wrong with it. A double click sends it once."""
    form, entered = FormDesk(the_hub()).get(name), request.form.to_dict()
    if entered.get("do") == LANGUAGE:
        return form_response(form, entered)
    return _taken(form, entered)


def _taken(form: Form, entered: Mapping[str, str]) -> ResponseReturnValue:
    hub, answers = the_hub(), read_answers(form, entered)
    office = hub.office(f"form {form.name} {form_key(entered.get('key', ''))} {_digest(answers, entered)}")
    cheaper = reduced(office, form, answers, entered)
    if entered.get("do") == CODE:
        return _looked_at(form, entered, answers, cheaper)
    if isinstance(cheaper, Said):
        answers, cheaper = with_problem(answers, cheaper), None
    if answers.problems:
        return form_response(form, entered, answers, cheaper=cheaper), 422
    if cheaper is not None and cheaper.is_news:
        return form_response(form, entered, cheaper=cheaper), 422
    try:
        reduction = cheaper.reduction() if cheaper is not None else None
        identity = submit(office, form, answers, visitor_language(), reduction)
    except PermanentError:  # somebody else took the code's last use, or it was stopped, since it was looked at
        said = reduced(office, form, answers, entered)
        if not isinstance(said, Said):
            raise
        return form_response(form, entered, with_problem(answers, said)), 422
    return _led(form, office, identity)


def _led(form: Form, office: Office, identity: str) -> ResponseReturnValue:
    """On to where what was sent is paid, or to its page when nothing is to be paid or it could not be begun."""
    page = office.address("s", identity)
    try:
        address = begin(office, form, identity) or page
    except HubError as error:
        log.warning("payment_not_begun", form=form.name, submission=identity, reason=str(error))
        address = f"{page}?begun=0"
    parent = _embedding(form)
    if parent and address != page:
        # Gateways let nobody show their pages in a frame: the page around this one goes there.
        shown = render_template("form_leading.html", parent=parent, address=address)
        return _in_frame(form, make_response(shown))
    if parent:
        address = f"{page}?{urlencode({'embed': parent, 'look': look_around()})}"
    return _onward(address)


def _looked_at(
    form: Form, entered: Mapping[str, str], answers: Answers, cheaper: Reduced | Said | None
) -> ResponseReturnValue:
    """The form with what its code makes of the price; nothing is sent."""
    answers = of_the_price(answers)
    if cheaper is None and not answers.problems:
        cheaper = Said("coupon_missing")
    if isinstance(cheaper, Said):
        return form_response(form, entered, with_problem(answers, cheaper)), 422
    return form_response(form, entered, answers, cheaper=cheaper), 422 if answers.problems else 200


def _onward(address: str) -> ResponseReturnValue:
    return redirect(address, 303) if address.startswith(the_hub().settings.address) else lead_on(address)


def _digest(answers: Answers, entered: Mapping[str, str]) -> str:
    """Who goes back and changes something sends something new, though the page has the same key."""
    said: JsonObject = {
        "values": answers.values,
        "by": answers.connection,
        "coupon": code_of(entered.get(CODE, "")),
        "offer": answers.offer.name if answers.offer is not None else None,
        "amount": answers.amount.to_json() if answers.amount is not None else None,
    }
    return hashlib.sha256(canonical_json(said)).hexdigest()


@pages.page("/embed.js", Role.PUBLIC)
def embed_script() -> ResponseReturnValue:
    """The script by which other sites show a form in their pages; under one address for good."""
    file = DIST / str(Assets.load().entries[_EMBED_SCRIPT]["file"])
    response = Response(file.read_bytes(), content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = f"public, max-age={_HOUR}"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


# the form as a page


def form_response(
    form: Form,
    entered: Mapping[str, str],
    answers: Answers | None = None,
    *,
    cheaper: Reduced | None = None,
    is_draft: bool = False,
) -> Response:
    """The form with what was entered, and the price with a code.

    ``is_draft``: the form is shown to who writes it, and cannot be sent.
    """
    is_asked = entered.get("do") == CODE
    problems = {name: told(one) for name, one in answers.problems.items()} if answers is not None else {}
    page = render_template(
        "form.html",
        form=form,
        entered=entered,
        problems=problems,
        listed=[(name, _label(form, name), said) for name, said in problems.items()],
        words=lambda text: words(text, visitor_language()),
        ways=_ways(form),
        every=interval_words,
        field_input=field_input,
        amount_input=amount_input,
        other_input=other_input,
        part_names={part: f"form.{part}" for part in ADDRESS_PARTS},
        countries=countries(visitor_language()),
        cheaper=cheaper,
        price_words=price_words(cheaper, interval_words(cheaper.offer)) if cheaper is not None else "",
        is_news=cheaper is not None and cheaper.is_news and not is_asked,
        key=form_key(entered.get("key", "")),
        parent=_embedding(form),
        is_draft=is_draft,
        post_to=url_for(
            "form_page.send",
            name=form.name,
            lang=asked_language(),
            embed=_embedding(form) or None,
            look=look_around() or None,
        ),
    )
    return _in_frame(form, found_filled_in(page))


def told(said: Said) -> str:
    """What is to be said at a field, in the visitor's language."""
    values = {name: _shown(value) for name, value in said.values.items()}
    return say(f"form.{said.name}", **values)


def _shown(value: object) -> object:
    if isinstance(value, Money):
        return amount(value.to_json())
    return format_date(value, "medium", visitor_language()) if isinstance(value, date) else value


def interval_words(offer: Offer) -> str:
    """How often an offer is charged; empty for once."""
    if offer.every is None:
        return ""
    unit, count = str(offer.every["unit"]), cast("int", offer.every["count"])
    return say(f"form.every_{unit}") if count == 1 else say(f"form.every_{unit}s", count=count)


def _label(form: Form, name: str) -> str:
    """What the visitor calls the input that is wrong."""
    language = visitor_language()
    for field in form.fields:
        for part in ("", *ADDRESS_PARTS):
            if name == field_input(field, part):
                title = words(field.title, language)
                return f"{title}: {say(f'form.{part}')}" if part else title
    if name == "by":
        return say("paying.choose")
    if name == CODE:
        return say("form.coupon")
    return say({"offer": "form.offer", "currency": "form.currency"}.get(name, "form.amount"))


def _ways(form: Form) -> list[tuple[str, str]]:
    """The connections that the form asks for, under the names that payers know them by."""
    if form.pay is None or not form.pay.asks_for_connection:
        return []
    settings = the_hub().store.fact("pay_options")
    known = settings if isinstance(settings, dict) else {}
    gateways = FormDesk(the_hub()).gateways()
    found = []
    for name in form.pay.connections:
        own = known.get(name)
        title = own.get("title") if isinstance(own, dict) else None
        found.append((name, str(title or (gateways[name].title if name in gateways else name))))
    return found


def _embedding(form: Form) -> str:
    """The origin of the page that shows the form in a frame; empty when none does, or none that may."""
    return around if (around := page_around()) in form.embed else ""


def _elsewhere(form: Form) -> Response:
    """What a site shows that may not show the form: that it has a page of its own."""
    address = url_for("form_page.show", name=form.name, lang=asked_language())
    title = words(form.title, visitor_language())
    return in_any_frame(make_response(render_template("form_elsewhere.html", title=title, address=address), 403))


def _in_frame(form: Form, response: Response) -> Response:
    """Let only the form's sites show it, and the hub itself for whoever writes it."""
    response.headers["Content-Security-Policy"] = policy(csp_nonce(), framed_by=" ".join(("'self'", *form.embed)))
    response.headers["X-Frame-Options"] = "ALLOWALL" if form.embed else "SAMEORIGIN"
    return response


# what became of it


@pages.page("/s/<token>", Role.PUBLIC, limit="120 per minute")
def standing(token: str) -> ResponseReturnValue:
    """What became of a submission: thanks, or what is still to be done. Who comes back from a gateway has it asked."""
    identity = the_hub().pages.identity("s", token)
    row = get(the_hub().office("read"), identity)
    back = request.args.get("back", default=0, type=int)
    if back and row.state == "paying":
        ask_gateways(_payments(row))
        row = get(the_hub().office("read"), identity)
    return _standing(token, row, back)


@pages.page("/s/<token>", Role.PUBLIC, method="POST", limit="30 per minute", cross_site=True, again=standing)
def pay(token: str) -> ResponseReturnValue:
    """Go on to pay, or try again what failed."""
    hub = the_hub()
    identity = hub.pages.identity("s", token)
    office = hub.office(f"submission {identity}")
    row = get(office, identity)
    try:
        address = begin(office, FormDesk(hub).get(row.form), identity)
    except HubError as error:
        log.warning("payment_not_begun", submission=identity, reason=str(error))
        return _standing(token, row, 0, begun=False)
    if address is None:
        return redirect(url_for("form_page.standing", token=token), 303)
    return _onward(address)


def _standing(token: str, row: sa.Row[Any], back: int, *, begun: bool = True) -> Response:
    form, said = _form_of(row)
    speak(row.language)
    done = row.state in {"paid", "active"} or (row.state == "sent" and row.minor is None)
    parent = _embedding(form) if form is not None else ""
    looks_again = row.state == "paying" and 0 < back < _LOOKS
    shown = render_template(
        "submission.html",
        row=row,
        title=words(said, visitor_language()),
        thanks=words(form.thanks, visitor_language()) if form is not None else "",
        after=form.after_url if form is not None and done else "",
        done=done,
        is_called_off=not done and is_called_off(the_hub().office("read"), row),
        begun=begun and request.args.get("begun") != "0",
        back=back,
        looks_again=looks_again,
        sum=_first_charge(row),
        receipts=_receipts(row) if done else (),
        post_to=url_for("form_page.pay", token=token, lang=asked_language()),
        look=url_for("form_page.standing", token=token, back=1, lang=asked_language()),
        parent=parent,
    )
    response = make_response(shown, 200 if begun else 502)
    if done and form is not None and form.after_url and not parent:
        response.headers["Refresh"] = f"0; url={form.after_url}"
    elif looks_again:
        again = url_for("form_page.standing", token=token, back=back + 1, lang=asked_language())
        response.headers["Refresh"] = f"2; url={again}"
    return _in_frame(form, response) if form is not None else response


def _first_charge(row: sa.Row[Any]) -> Json:
    """What is paid first, as Money; None for nothing."""
    if row.minor is None:
        return None
    return Money(row.minor - off(row.discount, row.minor, row.currency, 0), row.currency).to_json()


def _form_of(row: sa.Row[Any]) -> tuple[Form | None, Text]:
    """The form of a submission with its title; a form may be gone while what came in by it is not."""
    try:
        form = FormDesk(the_hub()).get(row.form)
    except NotFoundError:
        return None, {"": row.form}
    return form, form.title


def _receipts(row: sa.Row[Any]) -> list[str]:
    """The addresses of the receipts of what was paid."""
    begun = [(one.connection, one.payment) for one in _payments(row)]
    with the_hub().database.read() as connection:
        made = receipts_of(connection, [*begun, (row.connection or "", row.payment or "")])
    return [the_hub().pages.page(RECEIPT, one.id) for one in made]


def _payments(row: sa.Row[Any]) -> Sequence[sa.Row[Any]]:
    with the_hub().database.read() as connection:
        return connection.execute(order_payments.select().where(order_payments.c.order == row.order)).all()
