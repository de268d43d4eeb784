"""The ways to pay that payers are offered: under which name, in which order, by which means, and what each can take."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

from flask import flash, redirect, render_template, request, url_for

from hub.commerce.paying import OPTIONS_FACT, in_order, refusal
from hub.commerce.ways import Typed, Way, read_ways, typed_of, way_of
from hub.connect.manifest import Kind
from hub.errors import MoneyError
from hub.money import Money
from hub.web.access import Pages, Role
from hub.web.sessions import actor, the_hub

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flask.typing import ResponseReturnValue

    from hub.jsontypes import Json

pages = Pages("ways", __name__)


@pages.page("/settings/ways-to-pay", Role.ADMIN)
def show() -> ResponseReturnValue:
    """The form with what is set; and for an amount that is asked about, who could take it and why others could not."""
    known = _setting()
    return _page({name: typed_of(known.get(name) or {}) for name in _ways()}, {})


@pages.page("/settings/ways-to-pay", Role.ADMIN, method="POST")
def save() -> ResponseReturnValue:
    """Keep it, or say at each field what is wrong; what was typed stays. What is switched off keeps what it had."""
    ways = _ways()
    typed = {name: _typed(name) for name in ways}
    setting, wrong = read_ways(list(ways.values()), typed)
    if wrong:
        return _page(typed, wrong), 422
    hub, known = the_hub(), _setting()
    kept = {name: one for name, one in known.items() if name not in ways}
    hub.store.put_fact(OPTIONS_FACT, {**kept, **setting} or None, hub.now())
    hub.store.note(actor(), "settings.ways_to_pay", "ways to pay", hub.now(), setting)
    flash("Saved. Whoever pays from now on is offered it so.", "success")
    return redirect(url_for("ways.show"), 303)


def _typed(name: str) -> Typed:
    form = request.form
    title, place = (" ".join(form.get(f"{field}-{name}", "").split()) for field in ("title", "place"))
    return Typed(title, place, f"shown-{name}" in form, tuple(dict.fromkeys(form.getlist(f"means-{name}"))))


def _setting() -> Mapping[str, Mapping[str, Json]]:
    return cast("Mapping[str, Mapping[str, Json]]", the_hub().store.fact(OPTIONS_FACT) or {})


def _ways() -> dict[str, Way]:
    """The gateways that are switched on, in the order in which payers are offered them."""
    office = the_hub().office("read")
    names = in_order(office.connections(), _setting())
    manifests = {name: office.manifest(name) for name in names}
    return {name: way_of(name, one) for name, one in manifests.items() if one.kind is Kind.GATEWAY}


def _page(typed: Mapping[str, Typed], wrong: Mapping[tuple[str, str], str]) -> str:
    ways = _ways()
    asked, trouble, answers = request.args.get("amount", "").strip(), "", dict[str, str]()
    currency = request.args.get("currency", "EUR").strip().upper()
    if asked:
        try:
            answers = _answers(Money.parse(asked, currency), ways)
        except MoneyError as error:
            trouble = str(error)
    return render_template(
        "settings_ways.html",
        ways=list(ways.values()),
        typed=typed,
        wrong=wrong,
        asked=asked,
        currency=currency,
        trouble=trouble,
        answers=answers,
        alike=_alike(ways, typed),
        tab="ways",
    )


def _alike(ways: Mapping[str, Way], typed: Mapping[str, Typed]) -> list[str]:
    """The names that more than one of the ways offered has."""
    names = Counter(
        typed[name].title or way.known_as for name, way in ways.items() if typed[name].shown and not way.refusal
    )
    return [name for name, times in names.items() if times > 1]


def _answers(amount: Money, ways: Mapping[str, Way]) -> dict[str, str]:
    """For each way why it cannot take the amount; empty for one that can."""
    office = the_hub().office("read")
    return {name: refusal(office.manifest(name), amount) for name in ways}
